/** Every sentence of the admin page, in one place, so that it can be read as a whole and translated later. */
import type { RunState, Training } from '@murmuration/protocol';

export const runStates: Readonly<Record<RunState, { readonly word: string; readonly sentence: string }>> = {
  waiting: {
    word: 'waiting',
    sentence: 'Waiting for tabs. Share the volunteer link; it starts when enough are here.',
  },
  training: { word: 'training', sentence: 'Tabs train and exchange their updates.' },
  degraded: { word: 'degraded', sentence: 'It goes on, with fewer tabs than the run asks for.' },
  paused: { word: 'paused', sentence: 'Paused. Tabs keep their links and wait; press Resume to go on.' },
  finishing: { word: 'finishing', sentence: 'The last evaluation and checkpoint are on their way.' },
  finished: { word: 'finished', sentence: 'Done. The model is below, ready to download.' },
  failed: { word: 'failed', sentence: 'Ended without reaching its aim. The best model so far is below.' },
};

export const strings = {
  name: 'Murmuration',
  titleOf: (screen: string) => `${screen} · Murmuration`,
  nav: { label: 'Main', runs: 'Runs', create: 'New run', signOut: 'Sign out' },
  unknownShape: (place: string) =>
    `The coordinator answered something this page does not know (${place}). Reload the page; it may be older than the coordinator.`,
  unreachable: 'The coordinator does not answer. Trying again by itself.',
  notAllowed: 'The coordinator refused the token.',
  loading: 'Asking the coordinator …',
  bestLoss: (loss: string) => `loss ${loss}`,
  bestError: (error: string) => `error ${error}`,

  signIn: {
    heading: 'Sign in',
    why: {
      new: 'The token was printed by the coordinator when it started, as part of the admin link.',
      left: 'You are signed out. The token signs you in again.',
      refused:
        'The coordinator refused that token, or the session is over. It prints the right one when it starts.',
      unreachable: 'The coordinator does not answer. Sign in when it is there again.',
    },
    field: 'Admin token',
    button: 'Sign in',
  },

  link: {
    label: 'Volunteer link',
    copy: 'Copy',
    copied: 'Copied',
    failed: 'Select and copy it by hand.',
    insecure: 'Other machines need https for WebGPU; this address works only on this computer.',
  },

  runs: {
    heading: 'Runs',
    emptyHeading: 'Nothing has flown here yet',
    emptyText:
      'Start an example with one press. It makes its own data set, then waits for tabs: open the volunteer link in a few.',
    examplesHeading: 'Examples',
    none: 'No run is in this state.',
    stateFilter: 'Show',
    stateFilters: { all: 'all runs', open: 'runs that go on', over: 'runs that are over' },
    older: 'Older runs',
    newest: 'Newest runs',
    pages: 'Pages of runs',
    columns: {
      pick: 'Compare',
      name: 'Run',
      state: 'State',
      best: 'Best so far',
      curve: 'Curve',
      tabs: 'Tabs',
      age: 'Age',
      actions: 'Actions',
    },
    sparkline: (metric: 'accuracy' | 'loss', values: string) =>
      `${metric === 'accuracy' ? 'Validation accuracy' : 'Training loss'} over time: ${values}`,
    sparklineNone: 'Nothing measured yet',
  },

  examples: {
    mlp: {
      title: 'Handwriting-like digits, MLP',
      runName: 'Handwriting-like digits mlp',
      text: 'A dense network with one hidden layer of 128. Small updates, quick rounds: the place to begin.',
    },
    cnn: {
      title: 'Handwriting-like digits, CNN',
      runName: 'Handwriting-like digits cnn',
      text: 'Two small convolutions before the dense layers. Fewer steps to the aim, more work in each.',
    },
    parameters: (count: string) => `${count} parameters`,
    target: (percent: string) => `aim ${percent} on 2,000 held-out samples`,
    starting: {
      idle: 'Start this run',
      dataset: 'Drawing the digits …',
      run: 'Creating the run …',
    },
  },

  actions: {
    pause: 'Pause',
    resume: 'Resume',
    finish: 'Finish',
    clone: 'Clone',
    fork: 'Fork from the best',
    stop: 'Stop',
    stopSure: (name: string) => `Stop “${name}”? It ends now and cannot go on; the model so far stays.`,
    stopYes: 'Stop the run',
    stopNo: 'Let it go on',
  },

  newRun: {
    knobs: {
      localSteps: ['Local steps', 'Optimiser steps between two exchanges (H).'],
      warmUpRounds: ['Warm-up rounds', 'The first so many rounds have two local steps.'],
      batchSize: ['Batch size', 'Samples a step.'],
      optimiser: ['Optimiser', 'How a tab steps.'],
      learningRate: ['Learning rate', 'The optimiser’s step size on each tab.'],
      outerLearningRate: ['Outer learning rate', 'The averaged update is applied times this.'],
      codec: ['Update codec', 'How an update is made small on the wire.'],
      peersMin: ['Tabs at least', 'A round is not trained with fewer.'],
      evaluateEveryRounds: ['Evaluate every', 'Rounds between two evaluations with checkpoint.'],
      roundsMax: ['Rounds at most', 'The run ends here, reached or not.'],
      targetError: ['Error at most', 'The run also ends when the validation error is down to this.'],
    } satisfies Readonly<Record<Exclude<keyof Training, 'targetAccuracy'>, readonly [string, string]>>,
  },

  run: {
    eyebrow: 'Run',
    back: 'All runs',
    publicPage: 'Public page',
    unknown: 'There is no such run here, or the coordinator does not answer. Trying again by itself.',
    best: 'Best accuracy',
    bestOf: (target: string) => `of ${target}`,
    bestRound: (round: string) => `at round ${round}`,
    round: 'Round',
    roundOf: (most: string) => `of at most ${most}`,
    eta: 'Time left',
    etaUnknown: 'not known yet',
    etaOver: 'over',
    speed: 'Steps a second',
    speedNote: 'all tabs together',
    tabs: 'Tabs now',
    tabsEver: (count: string) => `${count} ever`,
    loss: 'Training loss',
    lossNote: 'mean over tabs',
    heartbeat: (age: string) => `heard from the run ${age} ago`,
    heartbeatNone: 'no tab is connected',
    connection: {
      connecting: 'Connecting …',
      live: 'Live',
      reconnecting: 'Connection lost; trying again by itself',
    },
    divergences: (count: string) =>
      `Replicas differed ${count} times. They never should: please report it with the log.`,
    progressLabel: 'Progress',
    details: 'What was asked for',
    started: 'Created',
    seed: 'Seed',
    model: 'Model',
    modelOf: (name: string, parameters: string) => `${name}, ${parameters} parameters`,
    dataset: 'Data set',
    licence: 'Licence',
    term: 'Term',
    epoch: 'Passes over the data',
    totals: 'Work done',
    totalsOf: (steps: string, samples: string) => `${steps} steps on ${samples} samples`,
  },

  curves: {
    heading: 'Curves',
    loss: 'Loss',
    lossSummary: (first: string, last: string, rounds: string) =>
      `Training loss went from ${first} to ${last} in ${rounds} rounds.`,
    accuracy: 'Validation accuracy',
    accuracySummary: (last: string, best: string) =>
      `Validation accuracy is ${last}; the best so far is ${best}.`,
    error: 'Validation error',
    errorSummary: (last: string, best: string) =>
      `Validation error is ${last}; that of the best checkpoint is ${best}.`,
    none: 'No point yet; the first comes with the first round.',
    noneAccuracy: 'Not evaluated yet.',
    churn: 'Comings and goings',
    churnSummary: (joins: number, leaves: number, restarts: number) =>
      `${joins} joined, ${leaves} left, the coordinator started again ${restarts} times.`,
    churnKinds: {
      join: 'a tab joined',
      leave: 'a tab left',
      restart: 'coordinator restarted',
      refound: 'new term from a checkpoint',
    },
    legend: {
      raw: 'each point',
      smooth: 'smooth',
      band: 'lowest to highest tab',
      validation: 'validation',
      target: 'aim',
    },
    scrubber: 'Read the curves at',
    reading: (clock: string, round: string, loss: string, range: string, measured: string, tabs: string) =>
      `${clock} · round ${round} · loss ${loss}${range} · ${measured} · ${tabs} tabs`,
    accuracyReading: (percent: string) => `accuracy ${percent}`,
    errorReading: (error: string) => `error ${error}`,
    lossRange: (low: string, high: string) => ` (${low} to ${high})`,
    table: 'The same as a table',
    columns: {
      time: 'Time',
      round: 'Round',
      loss: 'Loss',
      low: 'Lowest tab',
      high: 'Highest tab',
      valLoss: 'Validation loss',
      accuracy: 'Accuracy',
      error: 'Error',
      tabs: 'Tabs',
    },
  },

  tabs: {
    heading: 'Tabs',
    none: 'No tab has joined yet. Open the volunteer link in a few.',
    gone: (count: string, one: boolean) => (one ? 'One tab that left' : `${count} tabs that left`),
    goneLatest: (count: string) => `The latest ${count} are shown.`,
    kinds: {
      software: (name: string) => `${name} (software)`,
      cpu: (name: string) => `${name} (CPU)`,
    },
    milliseconds: (count: string) => `${count} ms`,
    rounds: (count: string, one: boolean) => (one ? '1 round' : `${count} rounds`),
    columns: {
      id: 'Tab',
      adapter: 'Adapter',
      state: 'State',
      speed: 'Steps/s',
      duty: 'Duty',
      rtt: 'Round trip',
      loss: 'Loss',
      sent: 'Up',
      received: 'Down',
      stale: 'Behind by',
      links: 'Links now',
      samples: 'Samples',
      heard: 'Heard',
      left: 'Left',
      exit: 'Why',
    },
    ago: (duration: string) => `${duration} ago`,
    /** How peers are reached: by a path of their own, by a TURN relay, through the coordinator. */
    routes: {
      none: 'none',
      direct: (count: string) => `${count} direct`,
      relayed: (count: string) => `${count} relayed`,
      coordinator: (count: string) => `${count} through the coordinator`,
    },
    mix: (counts: string) => `Ends of links between the tabs: ${counts}.`,
  },

  samples: {
    heading: 'Data',
    summary: (count: number, name: string) => `${count} samples of ${name} with their labels.`,
    failed: 'The samples could not be fetched.',
  },

  log: { heading: 'Log', none: 'Nothing yet.' },

  downloads: {
    heading: 'Model',
    none: 'The first checkpoint comes with the first evaluation.',
    which: (round: string, accuracy: string) => `The best so far: round ${round}, accuracy ${accuracy}.`,
    tfjsModel: 'model.json',
    tfjsWeights: 'weights',
    tfjsNote: 'TensorFlow.js: put both into one folder.',
    safetensors: '.safetensors',
    safetensorsNote: 'For Python and everything else.',
    keras: '.keras',
    kerasNote: 'For keras.saving.load_model, Keras 3.',
    metricsCsv: 'metrics.csv',
    metricsJson: 'metrics.json',
    metricsNote: 'Every point of the curve that is kept.',
    manifest: 'manifest.json',
    card: 'Model card',
    papersNote: 'Where the model comes from: seed, hashes, devices, who came and went.',
    checkpoint: 'SHA-256 of the checkpoint, as in manifest.json:',
    snippet: 'In Python',
  },
} as const;
