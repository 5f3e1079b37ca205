/** What a simulated run is made of: manifest, shards, samples, first parameters, as a coordinator would fix them. */
import { streamSeed } from '@murmuration/codec';
import type { RunSetup } from '@murmuration/coordinator/ledger';
import { idFromRandomBytes, type RunManifest, type Shard } from '@murmuration/protocol';
import type { ReplicaHolder } from './checkers.ts';
import type { SimulateOptions } from './options.ts';
import type { LabelledSamples, Learned, TabModel, TabTask } from './tab-model.ts';
import { ToyModel, type ToyShape } from './toy-model.ts';
import { drawSamples, shardLabels, type ToyTask } from './toy-task.ts';

const SHAPES: Readonly<Record<SimulateOptions['model'], ToyShape>> = {
  mlp: { inputs: 64, hidden: 16, classes: 10 },
  softmax: { inputs: 16, hidden: 0, classes: 10 },
  'mlp-20k': { inputs: 64, hidden: 267, classes: 10 },
  'mlp-100k': { inputs: 64, hidden: 1_333, classes: 10 },
};

/** Without a shard a tab has nothing to train; each may hold two. */
const SHARDS_MIN = 24;
export const shardCountOf = ({ shards, tabs }: SimulateOptions): number =>
  shards > 0 ? shards : Math.max(SHARDS_MIN, 2 * tabs);

export const toyModel = ({ model, batchSize, optimiser, learningRate }: SimulateOptions): ToyModel =>
  new ToyModel(SHAPES[model], { batchSize, optimiser, learningRate });

/** What is trained unless somebody brings a task; a shard is drawn when somebody first trains on it. */
export class DrawnTask implements TabTask {
  readonly model: TabModel;
  readonly #task: ToyTask;
  readonly #options: SimulateOptions;
  readonly #shards = new Map<number, LabelledSamples>();
  readonly validation: LabelledSamples;

  constructor(options: SimulateOptions) {
    const { inputs, classes } = SHAPES[options.model];
    const { seed, clustersPerClass, noise } = options;
    this.model = toyModel(options);
    this.#options = options;
    this.#task = { seed, inputs, classes, clustersPerClass, noise };
    this.validation = drawSamples(this.#task, shardCountOf(options), options.validationSamples);
  }

  readonly shard = (index: number): LabelledSamples => {
    let samples = this.#shards.get(index);
    if (samples === undefined) {
      const { split, shardSamples } = this.#options;
      samples = drawSamples(this.#task, index, shardSamples, shardLabels(split, index, this.#task.classes));
      this.#shards.set(index, samples);
    }
    return samples;
  };
}

export function runSetup(options: SimulateOptions, { spec, layout }: TabModel): RunSetup {
  const inputs = spec.inputShape.reduce((a, b) => a * b, 1);
  const shardCount = shardCountOf(options);
  const shard = (index: number, sampleCount: number): Shard => ({
    index,
    sha256: `da000${index.toString(16).padStart(59, '0')}`,
    sampleCount,
    byteLength: sampleCount * (inputs + 1),
  });
  const id = (prefix: 'run' | 'data') =>
    idFromRandomBytes(prefix, new Uint8Array(26).fill(options.seed & 0xff));
  const { localSteps, warmUpRounds, batchSize, optimiser, learningRate, outerLearningRate } = options;
  const { codec, peersMin, evaluateEveryRounds, exchange, adaptive, group, betweenEvery } = options;
  const { architecture, schedule, maxStaleness } = options;
  const manifest: RunManifest = {
    id: id('run'),
    name: 'simulated',
    seed: streamSeed(options.seed, 'run'),
    model: spec,
    parameterCount: layout.parameterCount,
    training: {
      localSteps,
      warmUpRounds,
      batchSize,
      optimiser,
      learningRate,
      outerLearningRate,
      codec,
      peersMin,
      evaluateEveryRounds,
      roundsMax: options.rounds,
      targetAccuracy: null,
      ...(exchange === 'pseudo-gradients' ? {} : { exchange }),
      ...(adaptive === 'on' ? {} : { adaptive }),
      ...(group < 2 ? {} : { group }),
      ...(architecture === 'decentralised' ? {} : { architecture }),
      ...(schedule === 'synchronous' ? {} : { schedule, maxStaleness }),
      ...(betweenEvery === 0 ? {} : { tiers: { insideEvery: localSteps, betweenEvery } }),
    },
    dataset: {
      id: id('data'),
      name: 'clusters',
      kind: 'digits',
      licence: '',
      sampleShape: [...spec.inputShape],
      encoding: 'float32',
      target: { kind: 'class', classCount: layout.outputShapes.at(-1)![0]! },
      trainSampleCount: shardCount * options.shardSamples,
      shardCount,
      validation: shard(shardCount, options.validationSamples),
    },
  };
  const shards = Array.from({ length: shardCount }, (_, i) => shard(i, options.shardSamples));
  return { manifest, shards, initialCheckpoint: 'c'.repeat(64), createdAtMs: 0 };
}

/** The running mean of the anchors that the furthest of these holds, on what is held out; null: none holds one. */
export function meanLearned(
  { model, validation }: TabTask,
  holders: Iterable<ReplicaHolder>,
): Learned | null {
  const roundOf = ({ mind }: ReplicaHolder) => mind.head?.round ?? -1;
  const [furthest] = [...holders]
    .filter(({ mind }) => mind.head !== null)
    .sort((a, b) => roundOf(b) - roundOf(a));
  return furthest === undefined ? null : model.evaluate(furthest.trainer.replica.average, validation);
}
