/** Every sentence of the screens that launch a run and look at data. What a field means is said by the schema. */
import type {
  Architecture,
  Codec,
  Exchange,
  ObjectiveName,
  OptimiserName,
  PresetName,
  Reconstruction,
  Schedule,
} from '@murmuration/protocol';
import { bytesText } from './format.ts';
import type { Decision, Source } from './run-draft.ts';

const percent = (share: number) => `${Math.floor(share * 100)} %`;

export const launch = {
  heading: 'New run',
  intro: (decisions: string) =>
    `${decisions} decisions, each with something that works; the rest is folded away. Form and YAML are one: either edits the other.`,
  legends: {
    data: 'Data',
    target: 'What is predicted',
    terms: 'Terms',
    model: 'Model',
    end: 'When it ends',
    name: 'Name',
  } satisfies Readonly<Record<Decision, string>>,
  everythingElse: 'Everything else',
  restOf: { data: 'Data', training: 'Training' },
  sources: {
    digits: 'Built-in digits, drawn by the coordinator',
    stored: 'A dataset that is here already',
    file: 'A file of your own',
  } satisfies Readonly<Record<Source, string>>,
  sourceLabel: 'Where the data comes from',
  choose: 'Choose …',
  noDatasets: 'There is none yet. Bring a file, or take the digits.',
  option: (name: string, samples: string) => `${name} (${samples} to train)`,
  fileHint: 'CSV, TSV, Parquet, NPZ, a zip with a folder of pictures a class, text, or both IDX files',
  kindTitle: 'What it is',
  kindHint: 'As its ending says; change it if that is wrong.',
  fileNamed: (name: string) => `chosen: ${name}`,
  fileMissingHere: (name: string) =>
    `“${name}” is named in the YAML; choose it here, a page cannot open a path.`,
  fileUnknown: (name: string) =>
    `What “${name}” holds cannot be told from its ending; it must be one of .csv .tsv .parquet .npz .npy .zip .txt, or IDX`,
  fileNotChosen: (name: string) => `choose “${name}” in the form; a page cannot open a path`,
  fileEmpty: (name: string) => `“${name}” is empty`,
  lastColumn: (name: string) => `${name} (the last)`,
  hints: {
    'data.licence':
      'Volunteers read it before they agree. Data that anybody may have is often CC0-1.0 or CC-BY-4.0.',
    'data.sharedWithVolunteers': 'The samples are sent to the devices of everybody who takes part.',
  } as Readonly<Record<string, string>>,
  missingConsent: 'Data can only be trained on by devices that have it: tick this, or use other data.',
  missing: {
    'data.file': 'Choose a file.',
    'data.images': 'Choose the images file.',
    'data.labels': 'Choose the labels file.',
    'data.id': 'Choose a dataset, or other data.',
    'data.licence': 'Say under which terms the data is given away.',
    name: 'Give the run a name.',
  } as Readonly<Record<string, string>>,
  choices: {
    model: {
      mlp: 'MLP: one hidden layer of 128',
      cnn: 'CNN: two convolutions, then dense',
      resnet: 'ResNet: convolutions with ways past them',
      gru: 'GRU: a recurrent net, for text',
      gpt: 'GPT: a small transformer, for text',
      vae: 'VAE: learns to draw like the data, without labels',
    } satisfies Readonly<Record<PresetName, string>> as Readonly<Record<string, string>>,
    'training.strategy': { auto: 'Chosen for the crowd that is here' },
    'training.objective': {
      prediction: 'What the data wants predicted',
      autoencoding: 'The sample itself, through a code',
    } satisfies Readonly<Record<ObjectiveName, string>> as Readonly<Record<string, string>>,
    'training.reconstruction': {
      bernoulli: 'Cross entropy of values from 0 to 1',
      gaussian: 'Half the squared error',
    } satisfies Readonly<Record<Reconstruction, string>> as Readonly<Record<string, string>>,
    'training.architecture': {
      decentralised: 'Tabs among themselves',
      hybrid: 'Tabs, helped by the coordinator',
      central: 'The coordinator averages',
    } satisfies Readonly<Record<Architecture, string>> as Readonly<Record<string, string>>,
    'training.schedule': {
      synchronous: 'In rounds',
      asynchronous: 'Nobody is waited for',
    } satisfies Readonly<Record<Schedule, string>> as Readonly<Record<string, string>>,
    'training.tiers': {
      off: 'None: all average with all',
      auto: 'Ten inside for one between',
    },
    'training.exchange': {
      'pseudo-gradients': 'What local steps came to',
      gradients: 'The gradient of one batch',
      parameters: 'The weights',
    } satisfies Readonly<Record<Exchange, string>> as Readonly<Record<string, string>>,
    'training.adaptive': {
      on: 'Follow what is measured',
      off: 'Fixed, to measure against',
    },
    'training.optimiser': {
      adam: 'Adam',
      'rmsprop-floored': 'RMSProp with a floor, for sparse updates',
      sgd: 'Plain gradient steps',
      momentum: 'Momentum (heavy ball, 0.9)',
    } satisfies Readonly<Record<OptimiserName, string>> as Readonly<Record<string, string>>,
  } as Readonly<Record<string, Readonly<Record<string, string>>>>,
  codec: (codec: Codec) =>
    codec === 'fp32'
      ? 'fp32, uncompressed'
      : codec === 'fp16'
        ? 'fp16, half precision with error feedback'
        : codec === 'sign'
          ? 'sign, one bit a value with error feedback'
          : codec === 'topk-auto'
            ? 'as many of 4,096 as each uplink carries, 2 bits each'
            : codec.startsWith('topk-')
              ? `the ${codec.slice(5)} largest of 4,096, 2 bits each`
              : `${codec}, blockwise with error feedback`,
  byDefault: (choice: string) => `${choice} (default)`,
  byItself: 'as the data says (default)',
  byHand: 'as the fields below say (default)',
  asBelow: 'As the next fields say',
  bounds: {
    between: (low: string, high: string) => `${low} to ${high}.`,
    above: (low: string, high: string) => `Above ${low}, at most ${high}.`,
    atLeast: (low: string) => `At least ${low}.`,
  },
  oneALine: 'One a line.',
  pairsALine: 'One a line: wrong = right.',
  elsewhere: 'Written out in the YAML.',
  importedModels: 'Imported',
  importedModel: (name: string, parameters: string) => `${name} (${parameters} parameters)`,
  modelFile: 'A file of Keras or tfjs',
  modelFileTitle: 'Model file',
  modelFileHint: 'A .keras, or a .json with its weights files. What cannot be trained here is said by layer.',
  modelFilesWrong: 'None of these is a .keras or a .json file.',
  beginWith: 'It begins with',
  beginWithHint: 'A file without weights begins with drawn ones.',
  beginnings: { file: 'the weights of the file (default)', drawn: 'weights drawn from the seed' },
  readingModel: 'Reading the model …',
  emptyIsNever: 'Empty: never.',
  brokenYaml: (line: number) =>
    `Line ${line} of the YAML cannot be read; mend it there, and the form comes back.`,
  create: 'Create the run',
  creating: 'Creating the run …',
  uploading: (name: string, share: number) => `Uploading ${name}: ${percent(share)}`,
  cutting: 'Cutting the data into shards …',
  notCreated: (count: number) =>
    count === 1
      ? 'Not created: one thing is to be mended.'
      : `Not created: ${count} things are to be mended.`,
  goOn: 'What has arrived is kept; press again to go on.',

  yaml: {
    heading: 'The same as YAML',
    label: 'The run as YAML',
    good: 'This is a run.',
    faults: (count: number) =>
      count === 1 ? 'One thing is to be mended:' : `${count} things are to be mended:`,
    line: (line: number) => `Line ${line}`,
    copy: { yaml: 'Copy as YAML', curl: 'Copy as curl', command: 'Copy as command line' },
    copied: 'Copied.',
    copyFailed: 'This browser does not let the page copy. Select it here:',
    notYet: 'First mend what is listed here.',
  },

  preflight: {
    heading: 'Before you launch',
    bring: {
      data: {
        why: 'What the run costs is known when the data is here.',
        button: 'Bring the data here',
      },
      model: { why: 'What the run costs is known when the model is here.', button: 'Bring the model here' },
      both: {
        why: 'What the run costs is known when data and model are here.',
        button: 'Bring data and model here',
      },
    },
    preparing: 'Preparing …',
    noRun: 'What the run costs is known when what is marked is mended.',
    asking: 'Asking the coordinator …',
    ok: 'It would be created as it stands.',
    refused: 'It would be refused:',
    warnings: 'What would not go well:',
    rows: {
      data: 'Data',
      parameters: 'Parameters',
      update: 'One update of a tab',
      hour: 'Sent by a tab in an hour',
      memory: 'GPU memory of a tab',
      ownMemory: 'Own memory of a tab',
      largest: 'Largest buffer',
      peers: 'Tabs',
      time: 'Time to the last round',
    },
    data: (name: string, train: string, heldOut: string) => `${name}: ${train} to train, ${heldOut} held out`,
    look: 'Look at it',
    drawn: '(drawn when the run is created)',
    hour: (low: string, high: string) => `${low} to ${high}`,
    memory: (total: string, state: string, activations: string) =>
      `${total}: ${state} of weights, moments and exchange, ${activations} of activations`,
    ownMemory: (worker: string, held: string, data: string) =>
      `${worker} besides the program, of it ${held} of updates and ${data} of data`,
    serverMemory: (bytes: string) => `At most ${bytes} of the coordinator, which averages.`,
    largest: (bytes: string, limit: string, share: string) =>
      `${bytes}, ${share} of the ${limit} that every adapter binds`,
    peers: (least: string, counted: string) => `starts with ${least}; figures are for ${counted}`,
    time: {
      measured: 'measured on a run of this size',
      assumed: 'between a GPU and a slow software adapter',
    },
    sooner: 'A target may end it sooner.',
    field: (field: string, message: string) => `${field}: ${message}`,
  },
} as const;

export const data = {
  heading: 'Data',
  nav: 'Data',
  back: 'All data',
  bring: 'Bring a file',
  name: 'Name of the dataset',
  nameHint: 'Empty: as the file is called.',
  more: 'More about this data',
  make: 'Upload and make the dataset',
  list: 'Datasets',
  none: 'No dataset yet. Bring a file here, or start an example from the list of runs.',
  columns: {
    name: 'Dataset',
    kind: 'Kind',
    target: 'Predicts',
    train: 'To train',
    heldOut: 'Held out',
    shape: 'One sample',
    actions: 'Actions',
  },
  target: {
    class: (count: string) => `one of ${count} classes`,
    value: (count: string) => (count === '1' ? 'a number' : `${count} numbers`),
    'next-token': (count: string) => `the next of ${count} tokens`,
  },
  kinds: {
    digits: 'drawn digits',
    idx: 'IDX',
    csv: 'CSV',
    parquet: 'Parquet',
    npz: 'NPZ',
    images: 'pictures',
    text: 'text',
  },
  launch: 'New run on it',
  remove: 'Delete',
  removeOf: (name: string) => `Delete the dataset ${name}`,
  removeSure: (name: string) => `Delete “${name}”? Its shards go; the uploaded file stays.`,
  removeYes: 'Delete the dataset',
  removeNo: 'Keep it',
  unfinished: 'Uploads that were broken off',
  unfinishedText: 'Choose the same file again and it goes on where it stopped.',
  unfinishedOf: (there: number, all: number) => `${bytesText(there)} of ${bytesText(all)} are here`,
  forget: 'Forget',
  made: (name: string) => `The dataset ${name} is made.`,
  unknown: 'There is no such dataset here, or the coordinator does not answer.',

  preview: {
    facts: {
      licence: 'Licence',
      train: 'To train',
      heldOut: 'Held out',
      shards: 'Shards',
      shape: 'One sample',
      predicts: 'Predicts',
    },
    notes: 'What was guessed and left out',
    preprocessing: 'preprocessing.json',
    preprocessingNote: 'What was done to the values, for whoever uses the model.',
    classes: 'Class balance',
    classesSummary: (count: string, most: string, least: string) =>
      `${count} classes; the largest has ${most} rows, the smallest ${least}.`,
    class: 'Class',
    train: 'to train',
    heldOut: 'held out',
    columns: 'Columns',
    columnsNote: (shown: string) =>
      `The first ${shown}. Missing values are counted over all rows, the rest over those that train.`,
    column: 'Column',
    spread: 'Spread',
    values: 'Values',
    missing: 'Missing',
    number: (mean: string, stdDev: string) => `mean ${mean}, deviation ${stdDev}`,
    histogram: (low: string, high: string) => `Histogram from ${low} to ${high}`,
    pixels: 'Values of all pictures',
    samples: 'First rows',
    sample: 'Row',
    side: { train: 'trains', validation: 'held out' },
    predicted: 'Predicted',
    empty: 'missing',
  },
} as const;
