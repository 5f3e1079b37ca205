/** Every sentence of the screens on models from elsewhere. What a layer's note says is said by the coordinator. */
import type { ImportReport } from '@murmuration/protocol';

type Outcome = ImportReport[number]['outcome'];

export const models = {
  heading: 'Models',
  nav: 'Models',
  back: 'All models',
  intro:
    'Models that were built elsewhere. A run names one and begins with its weights, where the file had any.',
  none: 'No model yet. Bring one here, or take a preset in a new run.',
  list: 'Imported models',
  columns: {
    name: 'Model',
    parameters: 'Parameters',
    weights: 'Weights',
    input: 'Input',
    output: 'Output',
    added: 'Added',
    actions: 'Actions',
  },
  weights: { yes: 'from the file', no: 'none' },
  launch: 'New run with it',
  remove: 'Delete',
  removeOf: (name: string) => `Delete the model ${name}`,
  removeSure: (name: string) => `Delete “${name}” with its weights? The uploaded file stays.`,
  removeYes: 'Delete the model',
  removeNo: 'Keep it',
  removed: (name: string) => `The model ${name} is deleted.`,
  unknown: 'There is no such model here, or the coordinator does not answer.',

  bring: 'Bring a model',
  bringText:
    'Keras 3 (.keras, or model.to_json()) or tfjs (model.json with its weights files). It is taken exactly as it is, or refused.',
  files: 'Model files',
  filesHint: 'One .keras or .json; beside a tfjs model.json choose its .bin files too.',
  filesChosen: (names: string) => `chosen: ${names}`,
  filesMissing: 'Choose a file.',
  filesWrong: 'None of these is a .keras or a .json file.',
  read: 'Read the model',
  reading: 'Reading the model …',
  taken: (layers: string) => `All ${layers} layers can be trained here.`,
  takenFew: 'It can be trained here.',
  refused: (count: number) =>
    count === 1 ? 'One layer is refused, so the model is.' : `${count} layers are refused, so the model is.`,
  noLayers: 'It has no layer that can be trained.',
  report: 'Layer by layer',
  reportColumns: { layer: 'Layer', kind: 'Class', outcome: 'Outcome', note: 'Why' },
  outcomes: {
    taken: 'taken',
    changed: 'taken otherwise',
    'left out': 'left out',
    refused: 'refused',
  } satisfies Readonly<Record<Outcome, string>>,
  name: 'Name of the model',
  nameHint: 'Empty: as the file says.',
  keep: 'Keep the model',
  keeping: 'Keeping …',
  kept: (name: string) => `The model ${name} is here.`,
  facts: {
    parameters: 'Parameters',
    input: 'One sample',
    output: 'Gives',
    weights: 'Weights in the file',
    probabilities: 'Softmax at its end',
  },
  yes: 'yes',
  no: 'no',
  probabilities: 'part of the loss here; exports have it again',
  description: 'Its layers as a run file has them',
} as const;
