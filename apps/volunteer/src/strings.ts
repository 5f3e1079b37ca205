/**
 * Every sentence of the volunteer page, in one place, so that it can be read as a whole and translated later.
 * Words of the trade (peer, shard, gradient) stand here only with their explanation.
 */
import type { VolunteerState } from '@murmuration/swarm';

interface StateText {
  /** The state word as people read it; also the tab's title. */
  readonly word: string;
  /** What it means and what comes next. `detail` is the word in brackets, e.g. `need-peers 1/2`. */
  readonly sentence: (detail: string) => string;
}

const fixed = (word: string, sentence: string): StateText => ({ word, sentence: () => sentence });

/** Looks the detail's first word up; an unknown one is shown as it came, never hidden. */
const byDetail = (
  word: string,
  sentences: Readonly<Record<string, string | ((rest: string) => string)>>,
  otherwise: (detail: string) => string,
): StateText => ({
  word,
  sentence: (detail) => {
    const [first = '', ...rest] = detail.split(' ');
    const found = sentences[first];
    if (found === undefined) return otherwise(detail);
    return typeof found === 'string' ? found : found(rest.join(' '));
  },
});

const inBrackets = (detail: string) => (detail === '' ? '' : ` (${detail})`);

export const states: Readonly<Record<VolunteerState, StateText>> = {
  checking: fixed(
    'Checking',
    'Looking at your graphics device and letting it solve a small problem whose answer we know.',
  ),
  ready: fixed('Ready', 'Your device can help. The coordinator will hand it a run in a moment.'),
  loading: fixed('Loading', 'Fetching the model as it stands now, and samples to learn from.'),
  'warming-up': fixed(
    'Warming up',
    'Your browser translates the work for your graphics device. This happens once and can take a minute.',
  ),
  connecting: byDetail(
    'Connecting',
    {
      coordinator: 'Asking the coordinator which run needs help.',
      peers: 'Opening direct links to the other devices of this run; one of them hands over the model.',
    },
    (detail) => `Connecting${inBrackets(detail)}.`,
  ),
  waiting: byDetail(
    'Waiting',
    {
      'no-work':
        'There is no work for this device just now. Leave the tab open: it starts by itself as soon as there is.',
      'need-peers': (count) =>
        `This run needs more devices before it can go on${count === '' ? '' : `: ${count.replace('/', ' of ')} are here`}. It starts by itself when they arrive.`,
      'run-paused': 'The people who started this run have paused it. Your device goes on when they do.',
      'rate-limited': 'The coordinator asked for a short pause. Your device tries again by itself.',
    },
    (detail) => `Waiting for the run to need this device${inBrackets(detail)}. It starts by itself.`,
  ),
  training: fixed(
    'Training',
    'Your device is learning from its samples, and shares what it learned after every round.',
  ),
  syncing: fixed(
    'Syncing',
    'Your device is comparing notes with the others, then trains on from the common result.',
  ),
  paused: byDetail(
    'Paused',
    {
      user: 'You paused it. Your graphics device is free; the links stay open. Press Resume when you like.',
    },
    (detail) => `Paused${inBrackets(detail)}. Press Resume to go on.`,
  ),
  recovering: byDetail(
    'Recovering',
    {
      'device-lost':
        'Your graphics device was taken away for a moment (a driver restart, or the computer slept). Setting it up again.',
      offline:
        'The coordinator cannot be reached. Your device goes on with the others it knows and tries to connect again.',
    },
    (detail) => `Something went wrong on the way${inBrackets(detail)}. Setting it up again by itself.`,
  ),
  finished: byDetail(
    'Finished',
    {
      left: 'Saying goodbye to the other devices.',
      failed: 'The run ended without reaching its aim. Thank you all the same: what was learned is kept.',
    },
    () => 'The run is done. Thank you.',
  ),
  blocked: byDetail(
    'Blocked',
    {
      'self-test':
        'Your graphics device solved the test problem wrongly, so its results cannot be used. An update of the browser or the driver often mends this.',
      'no-adapter': 'Your graphics device does not answer any more. Restarting the browser often mends this.',
      'too-small': 'The model of this run does not fit into your graphics device. Another run may.',
      error: 'Your graphics device failed several times in a row at the same work.',
    },
    (detail) => `This device cannot take part now${inBrackets(detail)}.`,
  ),
};

export const strings = {
  name: 'Murmuration',
  titleOf: (word: string) => `${word} · Murmuration`,

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
    run: 'Run',
    samples: 'Learns from',
    licence: 'Licence of the data',
    licenceUnknown: 'not stated',
    helping: 'Helping now',
    helpingValue: (count: string, one: boolean) => (one ? `${count} device` : `${count} devices`),
    accuracy: 'Right answers so far',
    accuracyValue: (now: string, target: string | null) =>
      target === null ? now : `${now}, the aim is ${target}`,
    accuracyNone: 'not measured yet',

    limitsHeading: 'What it takes from you',
    gpuTitle: 'Your graphics device (GPU), in full',
    gpuText:
      'While it trains, it works as hard as it can: expect warmth, fan noise and slower games. A battery drains much faster. Pause and Leave are always one press away.',
    trafficTitle: (bytes: string) => `About ${bytes} an hour, each way`,
    trafficMeasured: 'At the pace this run has had so far. On a metered connection, better not.',
    trafficUnmeasuredTitle: (bytes: string) => `About ${bytes} a round and helper, each way`,
    trafficUnmeasured:
      'How many rounds an hour depends on the devices; you will see the count while it runs.',
    trafficUnknownTitle: 'Data, depending on the run',
    trafficUnknown:
      'Devices exchange what they learned after every round. You will see the count while it runs.',
    addressTitle: 'Your IP address',
    addressText:
      'is seen by the coordinator, by the connection servers it names, and by the other devices of the run, because devices link directly.',
    neverTitle: 'Nothing of yours',
    neverText:
      'No files, camera, location or account. The page fetches training samples and sends numbers back; it stores nothing on this device.',
  },

  preparing: {
    heading: 'Getting ready',
    starting: 'Starting the worker that will do the training.',
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

  device: {
    adapter: (name: string) => `Training on ${name}`,
    software:
      'Software graphics: works, very slow. Your browser has no access to a real graphics device here.',
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
    accuracyLabel: 'Right answers on samples never trained on',
    accuracyUnknown: 'Not measured yet; the first measurement comes after a few rounds.',
    accuracyReached: (now: string, target: string) => `${now}: the aim of ${target} is reached`,
    accuracyOf: (now: string, target: string) => `${now}, the aim is ${target}`,
    target: (target: string) => `aim ${target}`,
  },

  actions: {
    pause: 'Pause',
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
    title: { left: 'Left', failed: 'Stopped', blocked: 'Blocked' },
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
    nextRun: 'This tab stays and helps with the next run. Press Leave if you would rather not.',
  },
} as const;

export type System = 'windows' | 'mac' | 'linux' | 'android' | 'ios' | 'other';

const browserWithWebGpu: Readonly<Record<System, string>> = {
  windows: 'Chrome, Edge or Firefox, up to date, have it on Windows.',
  mac: 'Safari 26, or Chrome, up to date, have it on macOS.',
  linux: 'Chrome or Chromium, up to date, have it on Linux.',
  android: 'Chrome, up to date, has it on Android 12 and later.',
  ios: 'Safari on iOS 26 and later has it; on an older iPhone or iPad there is no way.',
  other: 'Chrome, Edge, Firefox or Safari, up to date, have it on most systems.',
};
