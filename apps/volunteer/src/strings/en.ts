/**
 * Every sentence of the volunteer page in English, in one place, so that it can be read as a whole. Other languages have
 * the same shape (`Strings`), so that a missing sentence does not compile.
 * Words of the trade (peer, shard, gradient) stand here only with their explanation.
 */
import { enConnectivity } from './en-connectivity.ts';
import { enStates } from './en-states.ts';

export const en = {
  locale: 'en',
  direction: 'ltr' as 'ltr' | 'rtl',
  name: 'Murmuration',
  titleOf: (word: string) => `${word} · Murmuration`,
  states: enStates,

  consent: {
    headline: 'Many small devices, one model.',
    lead: 'Thousands of starlings steer as one flock, each by watching only its neighbours. Here, browser tabs train a neural network the same way. You can lend yours.',
    button: 'Contribute this device’s GPU',
    beforeClick: 'Nothing runs until you press the button. Closing the tab ends it.',
    runHeading: 'What you would help with',
    runLoading: 'Asking the coordinator which run is on …',
    runNone: 'No run is on just now. You can join anyway: your device waits and starts by itself.',
    runUnreachable: (seconds: number) =>
      `The coordinator does not answer. Asking again in ${seconds} s. You can join anyway; your device keeps trying.`,
    asks: 'Who asks',
    asksValue: (host: string) => `the people behind ${host}`,
    asksNamed: (name: string, host: string) => `${name} (so they call themselves), at ${host}`,
    run: 'Run',
    licence: 'Licence of the data',
    licenceUnknown: 'not stated',
    helping: 'Helping now',
    helpingValue: (count: string, one: boolean) => (one ? `${count} device` : `${count} devices`),
    accuracy: 'Right answers so far',
    accuracyValue: (now: string, target: string | null) =>
      target === null ? now : `${now}, the aim is ${target}`,
    accuracyNone: 'not measured yet',

    purpose: 'Purpose',
    purposeValue: {
      class: (dataset: string) => `teach one model to tell the samples of “${dataset}” apart`,
      value: (dataset: string) => `teach one model to predict numbers from “${dataset}”`,
      'next-token': (dataset: string) => `teach one model to continue texts like “${dataset}”`,
      autoencoding: (dataset: string) => `teach one model to draw new samples like those of “${dataset}”`,
      other: (dataset: string) => `teach one model what is in “${dataset}”`,
    },
    contract: (share: string, data: string, power: string, address: string) =>
      `${share} of your graphics device, ${data}, ${power}; ${address}.`,
    contractData: (amount: string) => `at most ${amount} of data a day`,
    contractDataFree: 'as much data as it needs',
    contractMains: 'never on battery',
    contractBattery: 'also on battery',
    contractAddress: {
      direct: 'the other devices can see your IP address',
      'relay-only': 'a relay stands between you and the other devices',
      'no-peers': 'only the coordinator sees your IP address',
    },
    limitsHeading: 'Your terms',
    limitsNote: 'Change what you like now or later. They are kept in this browser and nowhere else.',
    neverTitle: 'What it never takes',
    neverText:
      'No files, camera, location or account. The page fetches training samples and sends numbers back. In this browser it keeps your terms and today’s data count.',
    lossless:
      'Leaving costs the run at most the step that your device is in: what it learned before is handed over first, or saved where yours is the only device. Closing the tab, a long pause or a used-up data limit costs what it learned since it last shared: seconds of work, and never what others learned. Where yours is the only device, the run then goes on from the model that was saved last.',
  },

  limits: {
    share: 'Graphics device (GPU)',
    presets: {
      gentle: { name: 'Gentle', note: '25 % of the time. Cool and quiet; you should not notice it.' },
      balanced: { name: 'Balanced', note: '50 % of the time. You may hear the fan.' },
      full: {
        name: 'Full',
        note: '100 %. Warm, perhaps loud; games and films may stutter, a battery drains fast.',
      },
      custom: { name: 'Custom', note: 'Choose the share yourself.' },
    },
    slider: 'Share of the time in which it works',
    sliderSpoken: (promised: number, measured: number | null) =>
      measured === null ? `${promised} percent` : `${promised} percent, measured ${measured}`,
    data: 'Data',
    dataPerDay: 'At most, a day',
    dataFree: 'No limit',
    dataFirst: (bytes: string) => `The first visit downloads about ${bytes}.`,
    dataMeasured: (bytes: string) =>
      `This run has moved about ${bytes} an hour for each device so far, up and down together.`,
    dataSupposed: (bytes: string) =>
      `Then about ${bytes} an hour, up and down together, if it goes at a round a second; you will see the count.`,
    capLasts: (duration: string) => `At that pace, your limit is used up in about ${duration} a day.`,
    capIsEnough: 'At that pace, your limit is enough for the whole day.',
    battery: 'Battery',
    batteryPause: 'Pause while this device runs on its battery',
    batteryKnown: 'Your browser tells us, so this is kept.',
    batteryUnknown: 'Your browser does not tell us whether you are on battery, so please mind it yourself.',
    address: 'Who sees your IP address',
    links: {
      direct: {
        name: 'The coordinator and the other devices',
        note: 'Devices link directly. Quickest for everybody. In some runs they tell the coordinator which of them are near.',
      },
      'relay-only': {
        name: 'The coordinator and a relay',
        note: 'A relay server passes everything on, so other devices see its address instead of yours.',
      },
      'no-peers': {
        name: 'Only the coordinator',
        note: 'No links with other devices; the coordinator passes everything on, more slowly.',
      },
    },
    more: 'More: hours, and when you are here',
    whileUsed: 'While I use this tab',
    whileUsedChoices: { same: 'go on the same', gentle: 'be gentle', pause: 'pause' },
    whileHiddenPause: 'Pause while this tab is out of view',
    hours: 'Only between certain hours',
    from: 'From',
    to: 'To',
  },

  elsewhere: {
    word: 'Open elsewhere',
    heading: 'Another tab of this browser already contributes',
    text: 'Two would share one graphics device, which helps nobody. The other tab can go on, or this one can take over: the other says goodbye first, and nothing is counted twice.',
    takeOver: 'Take over here',
    leaveIt: 'Leave it there',
    waiting: 'Waiting until the other tab has said goodbye …',
  },

  preparing: {
    steps: [
      'Check the graphics device',
      'Get a run from the coordinator',
      'Warm up',
      'Fetch the model from the other devices',
    ],
    stepsLabel: 'Steps before training',
    done: 'done',
    now: 'now',
    later: 'later',
  },

  loading: {
    label: 'Download',
    program: 'Loading the program that trains.',
    ofBytes: (done: string, all: string) => `${done} of ${all}`,
  },

  load: {
    heading: 'What it takes now',
    gpu: 'Graphics device',
    promised: (promised: string) => `promised: ${promised} at most`,
    measured: (measured: string) => `${measured} measured`,
    measuring: 'measuring …',
    gentleForYou: 'Gentle now, because you are here.',
    overHalfMinute: 'Share of the last half minute in which it was at work.',
    data: 'Data today',
    dataOf: (used: string, cap: string) => `${used} of ${cap}`,
    dataNoCap: (used: string) => `${used}, no limit`,
    upDown: (up: string, down: string) => `${up} sent, ${down} received`,
    capAt: (clock: string) => `At this pace the limit is reached at ${clock}; then it pauses until midnight.`,
    capNotToday: 'At this pace the limit is not reached today.',
  },

  device: {
    adapter: (name: string) => `Training on ${name}`,
    software:
      'Software graphics: works, very slow. Your browser has no access to a real graphics device here: turn on graphics acceleration in its settings, or update the driver; in a virtual machine there may be none.',
    unnamed: 'your graphics device',
  },

  numbers: {
    heading: 'Your part',
    samplesHere: 'Samples, counted here',
    samplesConfirmed: 'Samples, confirmed',
    samplesNote:
      'The coordinator confirms a packet of samples when all of it was trained on, so its count runs behind.',
    stepsPerSecond: 'Training steps a second',
    loss: 'Error on your samples',
    lossUnknown: 'not known yet',
    lossMeaning: (percent: string) =>
      `The model now gives the right answer a chance of ${percent} on average.`,
    lossLess: 'Less is better; no answer is right or wrong here.',
    rounds: 'Rounds shared',
    sent: 'Sent',
    received: 'Received',
    trafficNote: (peers: string, coordinator: string) =>
      `Of both together, ${peers} went directly between devices and ${coordinator} through the coordinator.`,
    linked: 'Linked devices',
    linkedNone: 'No direct link just now.',
    linkedAlone: 'No other device yet: yours trains alone until one comes.',
    linkedNote: (withReplica: number, links: number) =>
      withReplica === links
        ? 'All hold the same model as you.'
        : `${withReplica} of ${links} hold the model so far.`,
  },

  run: {
    heading: 'The run',
    devices: (count: string, one: boolean) =>
      one ? 'Only your device helps now' : `${count} devices help now`,
    round: (round: string, most: string) => `Round ${round} of at most ${most}`,
    roundsLabel: 'The way to the last round',
    accuracyLabel: 'Right answers on samples never trained on',
    accuracyUnknown: 'Not measured yet; the first measurement comes after a few rounds.',
    accuracyReached: (now: string, target: string) => `${now}: the aim of ${target} is reached`,
    accuracyOf: (now: string, target: string) => `${now}, the aim is ${target}`,
    target: (target: string) => `aim ${target}`,
  },

  learned: {
    heading: 'What the run has learned since you came',
    loss: 'Error',
    accuracy: 'Right answers',
    none: 'The curves begin as soon as there are two values.',
    summary: (what: string, from: string, to: string) => `${what} went from ${from} to ${to}.`,
    keys: 'Arrow keys read single values.',
    at: (round: string, value: string) => `round ${round}: ${value}`,
    table: 'The same as a table',
    round: 'Round',
  },

  examples: {
    heading: 'What the model sees in these samples',
    note: 'Samples of the run’s data. The guess is made here, on your device, by the model as it is now.',
    waiting: 'The first guesses come in a moment.',
    right: (guess: string, percent: string) => `${guess}, ${percent} sure: right`,
    wrong: (guess: string, percent: string, label: string) =>
      `${guess}, ${percent} sure: wrong, it is ${label}`,
    sample: (label: string) => `A sample of class ${label}`,
    drawnNote:
      'Above, samples of the run’s data; below each, how the model draws it from the few numbers that it keeps of it. Made here, on your device.',
    drawn: (label: string) => `How the model draws that sample of class ${label}`,
    score: (right: number, all: number) => `${right} of ${all} right`,
  },

  trust: {
    heading: 'What this page can do',
    hosts: 'Hosts contacted',
    hostsNote:
      'Read from the browser’s own list of requests, and from the coordinator’s list of connection servers.',
    hostsPeers: (count: string) => `and ${count} other devices of the run, directly or through those servers`,
    build: 'Build',
    buildNote: 'Anybody can build the same version and compare.',
    hashes: 'Compute the SHA-256 of what was loaded',
    hashFailed: 'could not be read again',
    source: 'Source',
    sourceUnknown: (host: string) =>
      `free software (Apache 2.0); the people behind ${host} have not said where theirs is`,
    licences: 'Licences of everything in it',
    sandbox: 'Sandbox',
    sandboxText:
      'It runs in your browser’s sandbox like any page: no files, no other tabs, no other programs. Its security policy allows scripts and connections from this address only; camera, microphone, location, USB and payment are switched off. Training runs in a worker that ends with the tab.',
    stored: 'Kept in this browser',
    storedText: 'Your terms, your language and today’s data count.',
    forget: 'Forget them',
    forgotten: 'Forgotten.',
  },

  connectivity: enConnectivity,
  language: 'Language',

  actions: {
    pause: 'Pause',
    pauseMore: 'Pause for …',
    pauseHalfHour: '30 minutes',
    pauseHour: '1 hour',
    pauseTomorrow: 'until tomorrow, 8 o’clock',
    finish: 'Finish this step and leave',
    finishing:
      'Leaving as soon as what your device has learned is with the others, or saved where there are none: a few seconds.',
    leaveNow: 'Leave now',
    stay: 'Stay after all',
    override: 'Go on anyway',
    settings: 'Settings',
    settingsClose: 'Close settings',
    resume: 'Resume',
    leave: 'Leave',
    hint: 'The space bar pauses and resumes.',
    again: 'Contribute again',
    retry: 'Try again',
    back: 'Back to the start',
    copy: 'Copy diagnostics',
    copied: 'Copied',
    copyFailed: 'Copying is not allowed here; select the text instead.',
  },

  nextIn: (duration: string) => `Next step in ${duration} at the latest`,
  resumesIn: (duration: string, clock: string) => `Resumes by itself in ${duration}, at ${clock}`,
  resumesWhen: {
    user: 'Resumes when you press Resume',
    battery: 'Resumes when the device is plugged in',
    'data-cap': 'Resumes when your browser no longer saves data',
    hidden: 'Resumes when this tab is in view',
  } as Readonly<Record<string, string>>,
  nextNow: 'Next step any moment now',
  coordinatorAway: 'The coordinator is away. Your device goes on with the others and reconnects by itself.',

  gpu: {
    'no-webgpu': {
      heading: 'This browser has no WebGPU',
      text: 'Training needs WebGPU, a way for pages to use the graphics device. This browser does not have it.',
      steps: (system: System) => [browserWithWebGpu[system], 'Open this address there and try again.'],
    },
    'no-adapter': {
      heading: 'WebGPU is there, but no graphics device answers',
      text: 'The browser knows WebGPU, but gave us no device to use. It is usually switched off somewhere.',
      steps: (system: System) => [
        'Turn on “Use graphics acceleration when available” in the browser’s settings, under System, and restart it.',
        system === 'linux'
          ? 'In Chrome or Chromium on Linux, also enable “Vulkan” and “Unsafe WebGPU Support” at chrome://flags.'
          : 'Update the driver of your graphics device, and check chrome://gpu for the line “WebGPU”.',
        'In a virtual machine or a remote desktop there may be none at all.',
      ],
    },
    'too-small': {
      heading: 'This device is too small for the run',
      text: 'Your graphics device works, but the model of this run does not fit into it.',
      detail: (limit: string, needs: string, has: string) =>
        `It needs ${needs} (${limit}); your device has ${has}.`,
      steps: () => [
        'Another run may fit: come back later.',
        'A device with more graphics memory can help now.',
      ],
    },
    'insecure-context': {
      heading: 'This address is not secure enough for WebGPU',
      text: 'Browsers give WebGPU only to pages that came over https, or from this very computer (localhost).',
      steps: () => [
        'Open the address with https:// in front, if the coordinator offers it.',
        'If you run the coordinator: give it a certificate, or put it behind a proxy with TLS (see the README).',
      ],
    },
    stepsHeading: 'What you can do',
    diagnosticsHeading: 'Diagnostics',
    diagnosticsNote:
      'Facts about your browser and device for a bug report. They stay here unless you copy them.',
  },

  ended: {
    /** The tab's title. */
    title: { left: 'Left', failed: 'Stopped', blocked: 'Blocked', moved: 'Moved' },
    movedHeading: 'Another tab has taken over',
    movedText: 'This tab said goodbye, and the other one contributes now. Nothing was counted twice.',
    finishedHeading: 'The run is done. Thank you.',
    finishedText: 'Nothing is left to do here, and your device flew with the flock.',
    leftHeading: 'You have left. Thank you.',
    leftText: 'Your graphics device is free. What it learned stays in the model; the others go on.',
    failedHeading: 'This tab had to stop',
    failedText:
      'Something broke that could not be mended by itself. The others go on; nothing of the run is lost.',
    blockedHeading: 'This device cannot take part now',
    workerFailed: 'the training worker could not be loaded or crashed',
    partHeading: 'Your part',
    nothing: 'It ended before your device could train. Thank you for the offer.',
    samples: (count: string) => `${count} samples trained`,
    samplesOf: 'by your device',
    rounds: (count: string) => `${count} rounds`,
    roundsOf: 'shared with the others',
    accuracy: (percent: string) => `${percent} right`,
    accuracyOf: 'is how good the model was when you left it',
    accuracyOfFinished: 'is how good the finished model is',
    confirmed: (count: string) => `${count} of them confirmed by the coordinator`,
    effect: (from: string, to: string) =>
      `While you were here, the model went from ${from} to ${to} right answers`,
    picture: 'Save a picture to share',
    pictureShare: 'Share a picture',
    pictureFailed: 'The picture could not be made here.',
    pictureTitle: 'I flew with the flock',
    pictureLine: (samples: string, run: string) => `${samples} samples for “${run}”`,
    receipt: 'Download the signed receipt',
    nextRun: 'This tab stays and helps with the next run. Press Leave if you would rather not.',
  },
};

export type Strings = typeof en;

export type System = 'windows' | 'mac' | 'linux' | 'android' | 'ios' | 'other';

const browserWithWebGpu: Readonly<Record<System, string>> = {
  windows: 'Chrome, Edge or Firefox, up to date, have it on Windows.',
  mac: 'Safari 26, or Chrome, up to date, have it on macOS.',
  linux: 'Chrome or Chromium, up to date, have it on Linux.',
  android: 'Chrome, up to date, has it on Android 12 and later.',
  ios: 'Safari on iOS 26 and later has it; on an older iPhone or iPad there is no way.',
  other: 'Chrome, Edge, Firefox or Safari, up to date, have it on most systems.',
};
