/** The states of a volunteer in German: the word, and what it means and what comes next. */
import type { VolunteerState } from '@murmuration/swarm';
import { byDetail, fixed, inBrackets, type StateText } from './state-text.ts';

export const deStates: Readonly<Record<VolunteerState, StateText>> = {
  checking: fixed(
    'Prüfen',
    'Wir sehen nach der Grafikeinheit und lassen sie eine kleine Aufgabe lösen, deren Ergebnis wir kennen.',
  ),
  ready: fixed('Bereit', 'Ihr Gerät kann helfen. Der Koordinator weist ihm gleich einen Lauf zu.'),
  loading: fixed('Laden', 'Holt das Modell, wie es jetzt ist, und Beispiele, aus denen es lernt.'),
  'warming-up': fixed(
    'Aufwärmen',
    'Ihr Browser übersetzt die Arbeit für Ihre Grafikeinheit. Das geschieht einmal und kann eine Minute dauern.',
  ),
  connecting: byDetail(
    'Verbinden',
    {
      coordinator: 'Fragt den Koordinator, welcher Lauf Hilfe braucht.',
      peers:
        'Verbindet sich direkt mit den anderen Geräten dieses Laufs; eines von ihnen gibt das Modell weiter.',
    },
    (detail) => `Verbindet sich${inBrackets(detail)}.`,
  ),
  waiting: byDetail(
    'Warten',
    {
      'no-work':
        'Für dieses Gerät gibt es gerade keine Arbeit. Lassen Sie den Tab offen: Es geht von selbst los, sobald welche da ist.',
      'need-peers': (count) =>
        `Dieser Lauf braucht mehr Geräte, um weiterzugehen${count === '' ? '' : `: ${count.replace('/', ' von ')} sind da`}. Es geht von selbst los, wenn sie kommen.`,
      'run-paused':
        'Die Leute, die diesen Lauf begonnen haben, haben ihn angehalten. Ihr Gerät macht weiter, wenn sie es tun.',
      'rate-limited': 'Der Koordinator bat um eine kurze Pause. Ihr Gerät versucht es von selbst wieder.',
    },
    (detail) => `Wartet, bis der Lauf dieses Gerät braucht${inBrackets(detail)}. Es geht von selbst los.`,
  ),
  training: fixed(
    'Trainieren',
    'Ihr Gerät lernt aus seinen Beispielen und teilt nach jeder Runde, was es gelernt hat.',
  ),
  syncing: fixed(
    'Abgleichen',
    'Ihr Gerät vergleicht mit den anderen und lernt dann vom gemeinsamen Ergebnis aus weiter.',
  ),
  paused: byDetail(
    'Pause',
    {
      user: 'Sie haben angehalten. Ihre Grafikeinheit ist frei. Weiter geht es, wann Sie mögen.',
      timer: 'Sie haben für eine Weile angehalten. Bis dahin ist Ihre Grafikeinheit frei.',
      battery:
        'Dieses Gerät läuft auf Akku, und Sie wollten ihn schonen. Es geht von selbst weiter, wenn es am Strom hängt.',
      'idle-rule':
        'Sie benutzen diesen Tab und wollten dabei Ruhe. Es geht weiter, wenn Sie ihn eine Minute lang nicht berührt haben.',
      schedule: 'Es ist außerhalb der Zeiten, die Sie gesetzt haben. Bis dahin ist nichts verbunden.',
      'data-cap':
        'Es sind so viele Daten geflossen, wie Sie erlauben: Die Grenze für heute ist erreicht, oder Ihr Browser soll Daten sparen. Solange ist nichts verbunden.',
      hidden:
        'Dieser Tab ist nicht zu sehen, und Sie wollten dann anhalten. Es geht weiter, wenn Sie zurückkommen.',
    },
    (detail) => `Pause${inBrackets(detail)}. „Weiter“ setzt fort.`,
  ),
  recovering: byDetail(
    'Erholen',
    {
      'device-lost':
        'Ihre Grafikeinheit war einen Moment lang weg (der Treiber startete neu, oder der Rechner schlief). Sie wird wieder eingerichtet.',
      'device-away':
        'Ihr Browser kann gerade keine Grafikeinheit geben; vielleicht startet sein Grafikteil nach einem Absturz neu. Es wird eine halbe Minute lang von selbst wieder gefragt.',
      offline:
        'Der Koordinator ist nicht zu erreichen. Ihr Gerät macht mit den anderen weiter, die es kennt, und verbindet sich von selbst neu.',
    },
    (detail) => `Unterwegs ging etwas schief${inBrackets(detail)}. Es wird von selbst wieder eingerichtet.`,
  ),
  finished: byDetail(
    'Fertig',
    {
      left: 'Verabschiedet sich von den anderen Geräten.',
      failed:
        'Der Lauf endete, ohne sein Ziel zu erreichen. Danke trotzdem: Was gelernt wurde, bleibt erhalten.',
    },
    () => 'Der Lauf ist fertig. Danke.',
  ),
  blocked: byDetail(
    'Gesperrt',
    {
      'self-test':
        'Ihre Grafikeinheit hat die Prüfaufgabe falsch gelöst, ihre Ergebnisse sind also nicht zu gebrauchen. Oft hilft ein neuerer Browser oder Treiber.',
      'no-adapter':
        'Ihre Grafikeinheit antwortet nicht mehr. Oft hilft es, die Seite neu zu laden oder den Browser neu zu starten.',
      'too-small': 'Das Modell dieses Laufs passt nicht in Ihre Grafikeinheit. Ein anderes vielleicht.',
      error: 'Ihre Grafikeinheit ist mehrmals hintereinander an derselben Arbeit gescheitert.',
    },
    (detail) => `Dieses Gerät kann gerade nicht mitmachen${inBrackets(detail)}.`,
  ),
};
