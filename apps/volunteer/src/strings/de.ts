/** Every sentence of the volunteer page in German. Its shape is that of en.ts. */
import type { Strings, System } from './en.ts';
import { deConnectivity } from './de-connectivity.ts';
import { deStates } from './de-states.ts';

export const de: Strings = {
  locale: 'de',
  direction: 'ltr',
  name: 'Murmuration',
  titleOf: (word) => `${word} · Murmuration`,
  states: deStates,

  consent: {
    headline: 'Viele kleine Geräte, ein Modell.',
    lead: 'Tausende Stare fliegen als ein Schwarm, weil jeder nur auf seine Nachbarn achtet. Hier trainieren Browser-Tabs ebenso ein neuronales Netz. Sie können Ihren dazugeben.',
    button: 'Die Grafikeinheit dieses Geräts beisteuern',
    beforeClick: 'Nichts läuft, bevor Sie den Knopf drücken. Den Tab zu schließen beendet es.',
    runHeading: 'Wobei Sie helfen würden',
    runLoading: 'Fragt den Koordinator, welcher Lauf gerade stattfindet …',
    runNone:
      'Gerade findet kein Lauf statt. Sie können trotzdem kommen: Ihr Gerät wartet und beginnt von selbst.',
    runUnreachable: (seconds) =>
      `Der Koordinator antwortet nicht. Nächster Versuch in ${seconds} s. Sie können trotzdem kommen; Ihr Gerät versucht es weiter.`,
    asks: 'Wer fragt',
    asksValue: (host) => `die Leute hinter ${host}`,
    asksNamed: (name, host) => `${name} (so nennen sie sich), unter ${host}`,
    run: 'Lauf',
    licence: 'Lizenz der Daten',
    licenceUnknown: 'nicht angegeben',
    helping: 'Gerade dabei',
    helpingValue: (count, one) => (one ? `${count} Gerät` : `${count} Geräte`),
    accuracy: 'Richtige Antworten bisher',
    accuracyValue: (now, target) => (target === null ? now : `${now}, das Ziel ist ${target}`),
    accuracyNone: 'noch nicht gemessen',

    purpose: 'Zweck',
    purposeValue: {
      class: (dataset) => `ein Modell lehren, die Beispiele aus „${dataset}“ zu unterscheiden`,
      value: (dataset) => `ein Modell lehren, Zahlen aus „${dataset}“ vorherzusagen`,
      'next-token': (dataset) => `ein Modell lehren, Texte wie „${dataset}“ fortzusetzen`,
      autoencoding: (dataset) => `ein Modell lehren, neue Beispiele wie die von „${dataset}“ zu zeichnen`,
      other: (dataset) => `ein Modell lehren, was in „${dataset}“ steckt`,
    },
    contract: (share, data, power, address) => `${share} Ihrer Grafikeinheit, ${data}, ${power}; ${address}.`,
    contractData: (amount) => `höchstens ${amount} Daten am Tag`,
    contractDataFree: 'so viele Daten, wie es braucht',
    contractMains: 'nie auf Akku',
    contractBattery: 'auch auf Akku',
    contractAddress: {
      direct: 'die anderen Geräte können Ihre IP-Adresse sehen',
      'relay-only': 'zwischen Ihnen und den anderen Geräten steht ein Relais',
      'no-peers': 'nur der Koordinator sieht Ihre IP-Adresse',
    },
    limitsHeading: 'Ihre Bedingungen',
    limitsNote:
      'Ändern Sie, was Sie mögen, jetzt oder später. Sie werden in diesem Browser gemerkt und nirgends sonst.',
    neverTitle: 'Was es nie nimmt',
    neverText:
      'Keine Dateien, keine Kamera, keinen Standort, kein Konto. Die Seite holt Beispiele und schickt Zahlen zurück. In diesem Browser merkt sie sich Ihre Bedingungen und die Datenmenge von heute.',
    lossless:
      'Gehen kostet den Lauf höchstens den Schritt, in dem Ihr Gerät gerade ist: Was es vorher gelernt hat, gibt es zuerst ab, oder sichert es, wo es das einzige ist. Den Tab zu schließen, eine lange Pause oder eine erreichte Datengrenze kosten, was es gelernt hat, seit es zuletzt geteilt hat: Sekunden an Arbeit, und nie, was andere gelernt haben. Ist Ihr Gerät das einzige, geht der Lauf dann vom zuletzt gesicherten Modell aus weiter.',
  },

  limits: {
    share: 'Grafikeinheit (GPU)',
    presets: {
      gentle: { name: 'Sanft', note: '25 % der Zeit. Kühl und leise; Sie sollten nichts merken.' },
      balanced: { name: 'Ausgewogen', note: '50 % der Zeit. Vielleicht hören Sie den Lüfter.' },
      full: {
        name: 'Voll',
        note: '100 %. Warm, vielleicht laut; Spiele und Filme können ruckeln, ein Akku leert sich schnell.',
      },
      custom: { name: 'Eigene Wahl', note: 'Den Anteil selbst bestimmen.' },
    },
    slider: 'Anteil der Zeit, in der sie arbeitet',
    sliderSpoken: (promised, measured) =>
      measured === null ? `${promised} Prozent` : `${promised} Prozent, gemessen ${measured}`,
    data: 'Daten',
    dataPerDay: 'Höchstens, am Tag',
    dataFree: 'Keine Grenze',
    dataFirst: (bytes) => `Der erste Besuch lädt etwa ${bytes}.`,
    dataMeasured: (bytes) =>
      `Dieser Lauf hat bisher etwa ${bytes} in der Stunde je Gerät bewegt, in beiden Richtungen zusammen.`,
    dataSupposed: (bytes) =>
      `Danach etwa ${bytes} in der Stunde, in beiden Richtungen zusammen, wenn eine Runde eine Sekunde dauert; Sie sehen die Menge.`,
    capLasts: (duration) => `So ist Ihre Grenze nach etwa ${duration} am Tag erreicht.`,
    capIsEnough: 'So reicht Ihre Grenze für den ganzen Tag.',
    battery: 'Akku',
    batteryPause: 'Anhalten, solange dieses Gerät auf Akku läuft',
    batteryKnown: 'Ihr Browser sagt es uns, also wird das eingehalten.',
    batteryUnknown:
      'Ihr Browser sagt uns nicht, ob das Gerät auf Akku läuft; bitte achten Sie selbst darauf.',
    address: 'Wer Ihre IP-Adresse sieht',
    links: {
      direct: {
        name: 'Der Koordinator und die anderen Geräte',
        note: 'Die Geräte verbinden sich direkt. Am schnellsten für alle. In manchen Läufen sagen sie dem Koordinator, welche von ihnen nah beieinander sind.',
      },
      'relay-only': {
        name: 'Der Koordinator und ein Relais',
        note: 'Ein Relais gibt alles weiter, die anderen Geräte sehen also dessen Adresse statt Ihrer.',
      },
      'no-peers': {
        name: 'Nur der Koordinator',
        note: 'Keine Verbindungen zu anderen Geräten; der Koordinator gibt alles weiter, langsamer.',
      },
    },
    more: 'Mehr: Zeiten, und wenn Sie hier sind',
    whileUsed: 'Während ich diesen Tab benutze',
    whileUsedChoices: { same: 'ebenso weiter', gentle: 'sanft sein', pause: 'anhalten' },
    whileHiddenPause: 'Anhalten, solange dieser Tab nicht zu sehen ist',
    hours: 'Nur zu bestimmten Zeiten',
    from: 'Von',
    to: 'Bis',
  },

  elsewhere: {
    word: 'Woanders offen',
    heading: 'Ein anderer Tab dieses Browsers ist schon dabei',
    text: 'Zwei würden sich eine Grafikeinheit teilen, das hilft niemandem. Der andere Tab kann weitermachen, oder dieser übernimmt: Der andere verabschiedet sich zuerst, und nichts zählt doppelt.',
    takeOver: 'Hier übernehmen',
    leaveIt: 'Dort lassen',
    waiting: 'Wartet, bis der andere Tab sich verabschiedet hat …',
  },

  preparing: {
    steps: [
      'Die Grafikeinheit prüfen',
      'Einen Lauf vom Koordinator bekommen',
      'Aufwärmen',
      'Das Modell von den anderen Geräten holen',
    ],
    stepsLabel: 'Schritte vor dem Training',
    done: 'fertig',
    now: 'jetzt',
    later: 'später',
  },

  loading: {
    label: 'Herunterladen',
    program: 'Lädt das Programm, das trainiert.',
    ofBytes: (done, all) => `${done} von ${all}`,
  },

  load: {
    heading: 'Was es gerade nimmt',
    gpu: 'Grafikeinheit',
    promised: (promised) => `versprochen: höchstens ${promised}`,
    measured: (measured) => `${measured} gemessen`,
    measuring: 'wird gemessen …',
    gentleForYou: 'Gerade sanft, weil Sie da sind.',
    overHalfMinute: 'Anteil der letzten halben Minute, in dem sie gearbeitet hat.',
    data: 'Daten heute',
    dataOf: (used, cap) => `${used} von ${cap}`,
    dataNoCap: (used) => `${used}, ohne Grenze`,
    upDown: (up, down) => `${up} gesendet, ${down} empfangen`,
    capAt: (clock) => `So ist die Grenze um ${clock} erreicht; dann ist Pause bis Mitternacht.`,
    capNotToday: 'So wird die Grenze heute nicht erreicht.',
  },

  device: {
    adapter: (name) => `Trainiert auf ${name}`,
    software:
      'Grafik in Software: geht, aber sehr langsam. Ihr Browser hat hier keinen Zugang zu einer echten Grafikeinheit: Schalten Sie in seinen Einstellungen die Grafikbeschleunigung ein, oder erneuern Sie den Treiber; in einer virtuellen Maschine gibt es vielleicht keine.',
    unnamed: 'Ihrer Grafikeinheit',
  },

  numbers: {
    heading: 'Ihr Teil',
    samplesHere: 'Beispiele, hier gezählt',
    samplesConfirmed: 'Beispiele, bestätigt',
    samplesNote:
      'Der Koordinator bestätigt ein Paket von Beispielen, wenn alle davon trainiert sind; seine Zahl hinkt also nach.',
    stepsPerSecond: 'Trainingsschritte in der Sekunde',
    loss: 'Fehler auf Ihren Beispielen',
    lossUnknown: 'noch nicht bekannt',
    lossMeaning: (percent) =>
      `Das Modell gibt der richtigen Antwort jetzt im Mittel eine Chance von ${percent}.`,
    lossLess: 'Weniger ist besser; richtige oder falsche Antworten gibt es hier nicht.',
    rounds: 'Geteilte Runden',
    sent: 'Gesendet',
    received: 'Empfangen',
    trafficNote: (peers, coordinator) =>
      `Von beidem zusammen gingen ${peers} zwischen den Geräten und ${coordinator} über den Koordinator.`,
    linked: 'Verbundene Geräte',
    linkedNone: 'Gerade keine Verbindung.',
    linkedAlone: 'Noch kein anderes Gerät: Ihres trainiert allein, bis eines kommt.',
    linkedNote: (withReplica, links) =>
      withReplica === links
        ? 'Alle haben dasselbe Modell wie Sie.'
        : `${withReplica} von ${links} haben das Modell schon.`,
  },

  run: {
    heading: 'Der Lauf',
    devices: (count, one) => (one ? 'Gerade hilft nur Ihr Gerät' : `${count} Geräte helfen gerade`),
    round: (round, most) => `Runde ${round} von höchstens ${most}`,
    roundsLabel: 'Der Weg zur letzten Runde',
    accuracyLabel: 'Richtige Antworten auf Beispiele, die nie trainiert wurden',
    accuracyUnknown: 'Noch nicht gemessen; die erste Messung kommt nach einigen Runden.',
    accuracyReached: (now, target) => `${now}: Das Ziel von ${target} ist erreicht`,
    accuracyOf: (now, target) => `${now}, das Ziel ist ${target}`,
    target: (target) => `Ziel ${target}`,
  },

  learned: {
    heading: 'Was der Lauf gelernt hat, seit Sie da sind',
    loss: 'Fehler',
    accuracy: 'Richtige Antworten',
    none: 'Die Kurven beginnen, sobald es zwei Werte gibt.',
    summary: (what, from, to) => `${what}: von ${from} auf ${to}.`,
    keys: 'Pfeiltasten lesen einzelne Werte.',
    at: (round, value) => `Runde ${round}: ${value}`,
    table: 'Dasselbe als Tabelle',
    round: 'Runde',
  },

  examples: {
    heading: 'Was das Modell in diesen Beispielen sieht',
    note: 'Beispiele aus den Daten des Laufs. Geraten wird hier, auf Ihrem Gerät, vom Modell, wie es jetzt ist.',
    waiting: 'Die ersten Antworten kommen gleich.',
    right: (guess, percent) => `${guess}, zu ${percent} sicher: richtig`,
    wrong: (guess, percent, label) => `${guess}, zu ${percent} sicher: falsch, es ist ${label}`,
    sample: (label) => `Ein Beispiel der Klasse ${label}`,
    drawnNote:
      'Oben Beispiele aus den Daten des Laufs, darunter jeweils, wie das Modell es aus den wenigen Zahlen zeichnet, die es davon behält. Gezeichnet wird hier, auf Ihrem Gerät.',
    drawn: (label) => `Wie das Modell dieses Beispiel der Klasse ${label} zeichnet`,
    score: (right, all) => `${right} von ${all} richtig`,
  },

  trust: {
    heading: 'Was diese Seite kann',
    hosts: 'Angesprochene Rechner',
    hostsNote:
      'Aus der Liste der Anfragen, die der Browser selbst führt, und aus der Liste der Verbindungsserver des Koordinators.',
    hostsPeers: (count) => `und ${count} andere Geräte des Laufs, direkt oder über diese Server`,
    build: 'Fassung',
    buildNote: 'Jeder kann dieselbe Fassung bauen und vergleichen.',
    hashes: 'SHA-256 des Geladenen berechnen',
    hashFailed: 'ließ sich nicht noch einmal lesen',
    source: 'Quelltext',
    sourceUnknown: (host) =>
      `freie Software (Apache 2.0); die Leute hinter ${host} haben nicht gesagt, wo ihre liegt`,
    licences: 'Lizenzen von allem, was darin ist',
    sandbox: 'Sandkasten',
    sandboxText:
      'Sie läuft im Sandkasten Ihres Browsers wie jede Seite: keine Dateien, keine anderen Tabs, keine anderen Programme. Ihre Sicherheitsregeln erlauben Skripte und Verbindungen nur von dieser Adresse; Kamera, Mikrofon, Standort, USB und Bezahlen sind abgeschaltet. Trainiert wird in einem Hintergrundprozess, der mit dem Tab endet.',
    stored: 'In diesem Browser gemerkt',
    storedText: 'Ihre Bedingungen, Ihre Sprache und die Datenmenge von heute.',
    forget: 'Vergessen',
    forgotten: 'Vergessen.',
  },

  connectivity: deConnectivity,
  language: 'Sprache',

  actions: {
    pause: 'Anhalten',
    pauseMore: 'Anhalten für …',
    pauseHalfHour: '30 Minuten',
    pauseHour: '1 Stunde',
    pauseTomorrow: 'bis morgen um 8 Uhr',
    finish: 'Diesen Schritt beenden und gehen',
    finishing:
      'Geht, sobald die anderen haben, was Ihr Gerät gelernt hat, oder es gesichert ist, wo keine sind: einige Sekunden.',
    leaveNow: 'Jetzt gehen',
    stay: 'Doch bleiben',
    override: 'Trotzdem weiter',
    settings: 'Einstellungen',
    settingsClose: 'Einstellungen schließen',
    resume: 'Weiter',
    leave: 'Gehen',
    hint: 'Die Leertaste hält an und setzt fort.',
    again: 'Wieder mitmachen',
    retry: 'Noch einmal versuchen',
    back: 'Zurück zum Anfang',
    copy: 'Diagnose kopieren',
    copied: 'Kopiert',
    copyFailed: 'Kopieren ist hier nicht erlaubt; markieren Sie den Text.',
  },

  nextIn: (duration) => `Nächster Schritt spätestens in ${duration}`,
  resumesIn: (duration, clock) => `Geht von selbst weiter in ${duration}, um ${clock}`,
  resumesWhen: {
    user: 'Geht weiter, wenn Sie „Weiter“ drücken',
    battery: 'Geht weiter, wenn das Gerät am Strom hängt',
    'data-cap': 'Geht weiter, wenn Ihr Browser nicht mehr Daten sparen soll',
    hidden: 'Geht weiter, wenn dieser Tab zu sehen ist',
  },
  nextNow: 'Nächster Schritt jeden Moment',
  coordinatorAway:
    'Der Koordinator ist weg. Ihr Gerät macht mit den anderen weiter und verbindet sich von selbst neu.',

  gpu: {
    'no-webgpu': {
      heading: 'Dieser Browser hat kein WebGPU',
      text: 'Das Training braucht WebGPU, womit Seiten die Grafikeinheit benutzen. Dieser Browser hat es nicht.',
      steps: (system) => [
        browserWithWebGpu[system],
        'Öffnen Sie diese Adresse dort und versuchen Sie es wieder.',
      ],
    },
    'no-adapter': {
      heading: 'WebGPU ist da, aber keine Grafikeinheit antwortet',
      text: 'Der Browser kennt WebGPU, gab uns aber keine Grafikeinheit. Meist ist sie irgendwo abgeschaltet.',
      steps: (system) => [
        'Schalten Sie in den Einstellungen des Browsers unter „System“ die Grafikbeschleunigung ein und starten Sie ihn neu.',
        system === 'linux'
          ? 'In Chrome oder Chromium unter Linux unter chrome://flags auch „Vulkan“ und „Unsafe WebGPU Support“ einschalten.'
          : 'Erneuern Sie den Treiber der Grafikeinheit, und sehen Sie unter chrome://gpu nach der Zeile „WebGPU“.',
        'In einer virtuellen Maschine oder über eine Fernverbindung gibt es manchmal keine.',
      ],
    },
    'too-small': {
      heading: 'Dieses Gerät ist zu klein für den Lauf',
      text: 'Ihre Grafikeinheit geht, aber das Modell dieses Laufs passt nicht hinein.',
      detail: (limit, needs, has) => `Es braucht ${needs} (${limit}); Ihr Gerät hat ${has}.`,
      steps: () => [
        'Ein anderer Lauf passt vielleicht: Kommen Sie später wieder.',
        'Ein Gerät mit mehr Grafikspeicher kann jetzt helfen.',
      ],
    },
    'insecure-context': {
      heading: 'Diese Adresse ist für WebGPU nicht sicher genug',
      text: 'Browser geben WebGPU nur Seiten, die über https kamen oder von diesem Rechner selbst (localhost).',
      steps: () => [
        'Öffnen Sie die Adresse mit https:// davor, wenn der Koordinator das anbietet.',
        'Wenn Sie den Koordinator betreiben: Geben Sie ihm ein Zertifikat, oder stellen Sie ihn hinter einen Proxy mit TLS (siehe README).',
      ],
    },
    stepsHeading: 'Was Sie tun können',
    diagnosticsHeading: 'Diagnose',
    diagnosticsNote:
      'Tatsachen über Browser und Gerät für eine Fehlermeldung. Sie bleiben hier, außer Sie kopieren sie.',
  },

  ended: {
    title: { left: 'Gegangen', failed: 'Abgebrochen', blocked: 'Gesperrt', moved: 'Umgezogen' },
    movedHeading: 'Ein anderer Tab hat übernommen',
    movedText: 'Dieser Tab hat sich verabschiedet, der andere ist jetzt dabei. Nichts wurde doppelt gezählt.',
    finishedHeading: 'Der Lauf ist fertig. Danke.',
    finishedText: 'Hier ist nichts mehr zu tun, und Ihr Gerät ist mit dem Schwarm geflogen.',
    leftHeading: 'Sie sind gegangen. Danke.',
    leftText:
      'Ihre Grafikeinheit ist frei. Was sie gelernt hat, bleibt im Modell; die anderen machen weiter.',
    failedHeading: 'Dieser Tab musste aufhören',
    failedText:
      'Etwas ging kaputt, das sich nicht von selbst richten ließ. Die anderen machen weiter; vom Lauf ist nichts verloren.',
    blockedHeading: 'Dieses Gerät kann gerade nicht mitmachen',
    workerFailed: 'der Trainingsprozess ließ sich nicht laden oder stürzte ab',
    partHeading: 'Ihr Teil',
    nothing: 'Es endete, bevor Ihr Gerät trainieren konnte. Danke für das Angebot.',
    samples: (count) => `${count} Beispiele trainiert`,
    samplesOf: 'von Ihrem Gerät',
    rounds: (count) => `${count} Runden`,
    roundsOf: 'mit den anderen geteilt',
    accuracy: (percent) => `${percent} richtig`,
    accuracyOf: 'war das Modell, als Sie gingen',
    accuracyOfFinished: 'ist das fertige Modell',
    confirmed: (count) => `${count} davon vom Koordinator bestätigt`,
    effect: (from, to) => `Während Sie da waren, stieg das Modell von ${from} auf ${to} richtige Antworten`,
    picture: 'Ein Bild zum Teilen speichern',
    pictureShare: 'Ein Bild teilen',
    pictureFailed: 'Das Bild ließ sich hier nicht machen.',
    pictureTitle: 'Ich bin mit dem Schwarm geflogen',
    pictureLine: (samples, run) => `${samples} Beispiele für „${run}“`,
    receipt: 'Die unterschriebene Quittung herunterladen',
    nextRun:
      'Dieser Tab bleibt und hilft beim nächsten Lauf. Drücken Sie „Gehen“, wenn Sie das nicht möchten.',
  },
};

const browserWithWebGpu: Readonly<Record<System, string>> = {
  windows: 'Chrome, Edge oder Firefox haben es unter Windows, wenn sie aktuell sind.',
  mac: 'Safari 26 oder Chrome haben es unter macOS, wenn sie aktuell sind.',
  linux: 'Chrome oder Chromium haben es unter Linux, wenn sie aktuell sind.',
  android: 'Chrome hat es ab Android 12, wenn es aktuell ist.',
  ios: 'Safari hat es ab iOS 26; auf einem älteren iPhone oder iPad geht es nicht.',
  other: 'Chrome, Edge, Firefox oder Safari haben es auf den meisten Systemen, wenn sie aktuell sind.',
};
