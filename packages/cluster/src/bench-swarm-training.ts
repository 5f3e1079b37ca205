/**
 * What the swarm's way of training costs in loss: sparse updates (wire), local steps (quality), departures (churn). 16
 * peers and a character model of about 110,000 parameters, in lockstep, with the production replica, codec and averaging.
 *
 * "Tuned" means: every trainer had the same grid of optimisers and learning rates, and those that average the same grid
 * of outer rates besides; chosen on the first seed, by the loss at the end. What is far behind the best of its grid after
 * a quarter of the steps is given up there. The grids are printed and in the file. The figures
 * are means over the seeds.
 */
import { readFile } from 'node:fs/promises';
import {
  textOf,
  trainAlone,
  trainSwarm,
  trainSynchronous,
  writeText,
  type StudyCurve,
  type StudyOptions,
  type StudyText,
  type SwarmOptions,
} from '@murmuration/simulator';
import { ADAPTIVE_OPTIMISERS, type AdaptiveOptimiserName } from '@murmuration/protocol';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

/** One tab's samples a step are few, as in a browser; 80 rounds are what a run of a minute has. */
const SIZE = {
  peers: 16,
  batchSize: 8,
  steps: 400,
  evaluateEverySteps: 10,
  validationSamples: 5_000,
} as const;
const QUICK_STEPS = 100;
const TEXT_CHARACTERS = 1_000_000;
/** H and codec of the swarm: of the ways to spend 0.05 bits a parameter and step, this learned best (H = 2, 5, 10). */
const SWARM = { localSteps: 5, warmUpRounds: 0, scheme: 'topk-128', divisor: 'all' } as const;
const LEARNING_RATES = [0.008, 0.016, 0.032];
/** Times the production gain, min(2, root of n), which is 2 for 16 peers. */
const OUTER_RATES = [1, 2, 4];

/** A training of the grid is given up when its loss after a quarter of the steps is this many times the least so far. */
const HOPELESS_RATIO = 1.15;

const TARGETS = { payloadBits: 0.05, wireLoss: 0.01, qualityLoss: 0.03, speedUpShare: 0.75 } as const;
const CHURN_TARGETS = [
  { share: 0.1, lossMax: 0.01 },
  { share: 0.3, lossMax: 0.02 },
  { share: 0.5, lossMax: null },
] as const;

/** Of a curve's looks, these go into the file. */
const KEPT_LOOKS_EVERY = 8;

type Trainer = 'swarm' | 'swarm-missing' | 'swarm-longer' | 'swarm-fp32' | 'synchronous' | 'alone';
interface Knobs {
  readonly optimiser: AdaptiveOptimiserName;
  readonly learningRate: number;
  readonly outerLearningRate: number;
}
interface GridEntry extends Knobs {
  /** Null: given up. */
  readonly finalLoss: number | null;
  readonly quarterLoss: number;
}

/** Studies of one sitting: what one subject trained, another need not train again. */
const sittings = new WeakMap<SwarmBenchSettings, TrainingStudy>();

export async function measureTraining(
  subject: 'wire' | 'quality' | 'churn',
  settings: SwarmBenchSettings,
): Promise<SwarmSubject> {
  let study = sittings.get(settings);
  if (study === undefined) {
    const { dataFile } = settings;
    const text =
      dataFile === null
        ? textOf('made-up language, seed 1', writeText(1, TEXT_CHARACTERS))
        : textOf(dataFile, await readFile(dataFile, 'utf8'));
    study = new TrainingStudy(text, settings);
    sittings.set(settings, study);
  }
  const rows = { wire: wireRows, quality: qualityRows, churn: churnRows }[subject](study);
  return { rows, details: study.details };
}

function wireRows(study: TrainingStudy): SwarmRow[] {
  const [sparse, whole] = [study.tuned('swarm'), study.tuned('swarm-fp32')];
  const bits = mean(sparse.map((curve) => curve.payloadBits));
  const loss = costOf(sparse, whole);
  return [
    {
      what: `wire: payload bits per parameter and local step (${SWARM.scheme}, H = ${SWARM.localSteps})`,
      target: `at most ${TARGETS.payloadBits}`,
      measured: bits.toFixed(4),
      isMet: bits <= TARGETS.payloadBits,
    },
    {
      what: `wire: loss against uncompressed updates at the same H`,
      target: `within ${percent(TARGETS.wireLoss)}`,
      measured: `${signed(loss)} (${lossText(sparse)} against ${lossText(whole)})`,
      isMet: loss <= TARGETS.wireLoss,
    },
  ];
}

function qualityRows(study: TrainingStudy): SwarmRow[] {
  const swarm = study.tuned('swarm');
  const synchronous = study.tuned('synchronous');
  const alone = study.tuned('alone');
  const loss = costOf(swarm, synchronous);
  // Each seed's own lone tab sets the bar, with the best it ever reached.
  const bars = alone.map((curve) => Math.min(...curve.points.map((point) => point.loss)));
  const stepsOf = (curves: readonly StudyCurve[]) => curves.map((curve, i) => stepsTo(curve, bars[i]!));
  const [swarmSteps, syncSteps] = [stepsOf(swarm), stepsOf(synchronous)];
  const share = mean(syncSteps.map((steps, i) => steps / swarmSteps[i]!));
  return [
    {
      what: 'quality: loss against synchronous training, same samples and global batch',
      target: `within ${percent(TARGETS.qualityLoss)}`,
      measured: `${signed(loss)} (${lossText(swarm)} against ${lossText(synchronous)})`,
      isMet: loss <= TARGETS.qualityLoss,
    },
    {
      what: "quality: share of synchronous training's speed-up, steps to one tab's best loss",
      target: `at least ${percent(TARGETS.speedUpShare)}`,
      measured: `${percent(share)} (${swarmSteps.map(Math.round).join(', ')} steps against ${syncSteps.map(Math.round).join(', ')}; a lone tab has ${study.steps})`,
      isMet: share >= TARGETS.speedUpShare,
    },
  ];
}

function churnRows(study: TrainingStudy): SwarmRow[] {
  const calm = study.tuned('swarm');
  return CHURN_TARGETS.map(({ share, lossMax }) => {
    const stormy = study.tuned('swarm', share);
    const loss = costOf(stormy, calm);
    const missing = costOf(study.tuned('swarm-missing', share), calm);
    const longer = costOf(study.tuned('swarm-longer', share), calm);
    // Converging: finite, and each quarter of the training better than the one before.
    const converges = stormy.every(({ points }) => {
      const quarters = [1, 2, 3, 4].map((n) => points[Math.floor((n * points.length) / 4) - 1]!.loss);
      return quarters.every((value, n) => Number.isFinite(value) && (n === 0 || value < quarters[n - 1]!));
    });
    return {
      what: `churn: loss when ${percent(share)} of the tabs are replaced in every round`,
      target: lossMax === null ? 'converging' : `within ${percent(lossMax)}`,
      measured:
        `${signed(loss)} (${lossText(stormy)} against ${lossText(calm)}); ` +
        `${signed(missing)} when the same tabs only miss those rounds; ` +
        `${signed(longer)} after as many samples as without churn`,
      isMet: converges && (lossMax === null || loss <= lossMax),
    };
  });
}

class TrainingStudy {
  readonly steps: number;
  readonly #text: StudyText;
  readonly #settings: SwarmBenchSettings;
  readonly #curves = new Map<string, StudyCurve>();
  readonly #grids = new Map<Trainer, GridEntry[]>();
  readonly #runs: object[] = [];

  constructor(text: StudyText, settings: SwarmBenchSettings) {
    this.#text = text;
    this.#settings = settings;
    this.steps = settings.isQuick ? QUICK_STEPS : SIZE.steps;
  }

  get details(): object {
    const { name, alphabetSize, characters } = this.#text;
    return {
      text: { name, alphabetSize, characterCount: characters.length },
      size: { ...SIZE, steps: this.steps },
      swarm: SWARM,
      grids: Object.fromEntries(this.#grids),
      runs: this.#runs,
    };
  }

  /** Curves of all seeds with the trainer's best knobs; churn does not get knobs of its own. */
  tuned(trainer: Trainer, churnShare = 0): StudyCurve[] {
    const lossOf = ({ finalLoss }: GridEntry) => finalLoss ?? Infinity;
    const best = this.#grid(
      trainer === 'swarm-missing' || trainer === 'swarm-longer' ? 'swarm' : trainer,
    ).reduce((a, b) => (lossOf(b) < lossOf(a) ? b : a));
    return Array.from({ length: this.#settings.seeds }, (_, i) =>
      this.#train(trainer, i + 1, best, churnShare),
    );
  }

  #grid(trainer: Trainer): readonly GridEntry[] {
    const known = this.#grids.get(trainer);
    if (known !== undefined) return known;
    const outerRates = trainer.startsWith('swarm') ? OUTER_RATES : [1];
    const grid: GridEntry[] = [];
    const quarter = SIZE.evaluateEverySteps * Math.ceil(this.steps / 4 / SIZE.evaluateEverySteps);
    let least = Infinity;
    for (const optimiser of ADAPTIVE_OPTIMISERS)
      for (const learningRate of LEARNING_RATES)
        for (const outerLearningRate of outerRates) {
          const knobs: Knobs = { optimiser, learningRate, outerLearningRate };
          const curve = this.#train(trainer, 1, knobs, 0, (steps, loss) => {
            if (steps !== quarter) return true;
            least = Math.min(least, loss);
            return loss <= HOPELESS_RATIO * least;
          });
          const isWhole = curve.points.at(-1)!.steps === this.steps;
          const quarterLoss = curve.points.find((point) => point.steps === quarter)!.loss;
          grid.push({ ...knobs, finalLoss: isWhole ? curve.finalLoss : null, quarterLoss });
        }
    this.#grids.set(trainer, grid);
    return grid;
  }

  #train(
    trainer: Trainer,
    seed: number,
    knobs: Knobs,
    churnShare: number,
    goesOn: StudyOptions['goesOn'] = () => true,
  ): StudyCurve {
    const { optimiser, learningRate, outerLearningRate } = knobs;
    const key = JSON.stringify([trainer, seed, optimiser, learningRate, outerLearningRate, churnShare]);
    const known = this.#curves.get(key);
    if (known !== undefined) return known;
    const options: StudyOptions = {
      ...SIZE,
      steps: this.steps,
      text: this.#text,
      seed,
      optimiser,
      learningRate,
      goesOn,
    };
    const curve = trainers[trainer]({ ...options, ...SWARM, outerLearningRate, churnShare });
    this.#curves.set(key, curve);
    const points = curve.points.filter((_, i) => (i + 1) % KEPT_LOOKS_EVERY === 0);
    this.#runs.push({ trainer, ...knobs, seed, churnShare, ...curve, points });
    this.#settings.say(
      `${trainer}, seed ${seed}, ${optimiser}, learning rate ${learningRate}, outer ${outerLearningRate}, churn ${churnShare}: loss ${curve.finalLoss.toFixed(4)} after ${curve.points.at(-1)!.steps} steps`,
    );
    return curve;
  }
}

const trainers: Readonly<Record<Trainer, (options: SwarmOptions) => StudyCurve>> = {
  swarm: trainSwarm,
  'swarm-missing': (options) => trainSwarm({ ...options, onlyMiss: true }),
  // A run of the grid leases a dead tab's shards again: it goes on until all samples were trained on.
  'swarm-longer': (options) =>
    trainSwarm({ ...options, steps: Math.round(options.steps / (1 - options.churnShare)) }),
  'swarm-fp32': (options) => trainSwarm({ ...options, scheme: 'fp32' }),
  synchronous: trainSynchronous,
  alone: trainAlone,
};

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const meanLoss = (curves: readonly StudyCurve[]) => mean(curves.map((curve) => curve.finalLoss));
/** Relative loss of some runs over others. */
const costOf = (curves: readonly StudyCurve[], base: readonly StudyCurve[]) =>
  meanLoss(curves) / meanLoss(base) - 1;

/** Steps until the loss is at most `loss`, straight between two looks; Infinity: never. */
function stepsTo({ points }: StudyCurve, loss: number): number {
  const at = points.findIndex((point) => point.loss <= loss);
  if (at <= 0) return at === 0 ? points[0]!.steps : Infinity;
  const [before, after] = [points[at - 1]!, points[at]!];
  const part = (before.loss - loss) / (before.loss - after.loss);
  return before.steps + part * (after.steps - before.steps);
}

const percent = (share: number) => `${Number((100 * share).toFixed(1))} %`;
const signed = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(2)} %`;
const lossText = (curves: readonly StudyCurve[]) =>
  curves.map((curve) => curve.finalLoss.toFixed(3)).join(', ');
