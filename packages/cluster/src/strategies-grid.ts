/**
 * Which ways of training `bench:strategies` tries on which crowd, and what follows from what is known already: neighbours of the
 * best one, and further seeds for it and for what `strategy: auto` picks. Pure; a bench that was interrupted goes on.
 */
import { planRun, type KnownTab } from '@murmuration/plan';
import {
  contradictionIn,
  DEFAULT_TRAINING,
  type Architecture,
  type Codec,
  type Schedule,
  type Training,
} from '@murmuration/protocol';
import {
  DEFAULT_OPTIONS,
  STRATEGY_CROWDS,
  STRATEGY_MODELS,
  STRATEGY_PARAMETERS,
  STRATEGY_TABS,
  strategyOptions,
  type StrategyCell,
  type StrategyCrowd,
  type StrategyModel,
  type StrategyRow,
} from '@murmuration/simulator';

export type Known = ReadonlyMap<string, StrategyRow>;
type Way = Pick<StrategyCell, 'architecture' | 'schedule' | 'codec' | 'localSteps' | 'group'>;

export const WAYS: readonly Pick<Way, 'architecture' | 'schedule'>[] = (
  ['decentralised', 'hybrid', 'central'] as const satisfies readonly Architecture[]
).flatMap((architecture) =>
  (['synchronous', 'asynchronous'] as const satisfies readonly Schedule[]).map((schedule) => ({
    architecture,
    schedule,
  })),
);
/** What is tried of each size. The large one takes longest to play, so there the grid is coarser. */
const TRIED: Readonly<
  Record<StrategyModel, { readonly codecs: readonly Codec[]; readonly localSteps: readonly number[] }>
> = {
  small: { codecs: ['fp32', 'int8', 'int4', 'topk-256', 'topk-64'], localSteps: [1, 5, 20] },
  middle: { codecs: ['fp32', 'int8', 'int4', 'topk-256', 'topk-64'], localSteps: [1, 4, 16] },
  large: { codecs: ['int8', 'int4', 'topk-256'], localSteps: [1, 4, 16] },
};
const QUICK = { codecs: ['int8', 'topk-256'], localSteps: [1, 5] } as const;
/** Which codec is looked at beside the best one. */
const CODEC_LADDER: readonly Codec[] = [
  'fp32',
  'fp16',
  'int8',
  'int4',
  'sign',
  'topk-1024',
  'topk-256',
  'topk-64',
];

export const GRID_SEED = 1;
/** Best and auto are held against each other on seeds that neither was chosen by. */
export const FINAL_SEEDS = [2, 3] as const;
export const CHURN = 0.1;
export const CHURN_CROWD: StrategyCrowd = 'homes';
/** Of the large size only these are churned. */
const CHURNED_LARGE = { codec: 'int8', localSteps: 4 } as const;

export interface Scope {
  readonly crowds: readonly StrategyCrowd[];
  readonly models: readonly StrategyModel[];
  readonly isQuick: boolean;
}
export const FULL: Scope = {
  crowds: Object.keys(STRATEGY_CROWDS) as StrategyCrowd[],
  models: Object.keys(STRATEGY_MODELS) as StrategyModel[],
  isQuick: false,
};
export const QUICK_SCOPE: Scope = { crowds: ['lan', 'homes'], models: ['small'], isQuick: true };

export const keyOf = ({
  crowd,
  model,
  architecture,
  schedule,
  codec,
  localSteps,
  group,
  seed,
  churnPerRound,
}: StrategyCell) =>
  [
    ...[crowd, model, architecture, schedule, codec, localSteps, seed, churnPerRound],
    ...(group === undefined ? [] : [`group-${group}`]),
  ].join(' ');

/** Without tabs that lack a way to their peers a hybrid run is a decentralised one. */
const isSensible = ({ crowd, architecture, schedule, codec, localSteps }: StrategyCell): boolean =>
  contradictionIn({ ...DEFAULT_TRAINING, architecture, schedule, codec, localSteps }) === null &&
  (architecture !== 'hybrid' || 'noPeersShare' in STRATEGY_CROWDS[crowd].options);

const base = { seed: GRID_SEED, churnPerRound: 0 } as const;

/** The published list. */
export function gridOf(crowd: StrategyCrowd, model: StrategyModel, isQuick: boolean): StrategyCell[] {
  const { codecs, localSteps: steps } = isQuick ? QUICK : TRIED[model];
  return WAYS.flatMap((way) =>
    codecs.flatMap((codec) =>
      steps.map((localSteps): StrategyCell => ({ ...base, crowd, model, ...way, codec, localSteps })),
    ),
  ).filter(isSensible);
}

const picks = new Map<string, StrategyCell>();
/** What `strategy: auto` picks: the coordinator knows who is here, their speeds and round trips, and no lines. */
export function autoCell(crowd: StrategyCrowd, model: StrategyModel): StrategyCell {
  const key = `${crowd} ${model}`;
  let pick = picks.get(key);
  if (pick === undefined) picks.set(key, (pick = newPick(crowd, model)));
  return pick;
}

function newPick(crowd: StrategyCrowd, model: StrategyModel): StrategyCell {
  const options = strategyOptions({
    ...{ ...base, crowd, model },
    ...{ architecture: 'central', schedule: 'asynchronous', codec: 'int8', localSteps: 5 },
  });
  const { batchSize, stepMs, speedRatio, speeds, noPeersShare, delayMeanMs, learningRate } = options;
  // The study evaluates by steps, a run by rounds: it is told those of the way that it picks.
  const { evaluateEveryRounds } = options;
  const share = (i: number) => i / (STRATEGY_TABS - 1);
  const tabs = Array.from({ length: STRATEGY_TABS }, (_, i): KnownTab => {
    const slower = speeds === 'even' ? speedRatio ** share(i) : 1 + (speedRatio - 1) * share(i);
    return {
      isPathless: i < noPeersShare * STRATEGY_TABS,
      rttMs: 2 * delayMeanMs,
      uplinkMbit: null,
      stepsPerSecond: 1_000 / (stepMs * slower),
      runId: 'run',
      isSameWork: true,
    };
  });
  const plan = planRun({
    training: { ...DEFAULT_TRAINING, batchSize, learningRate, evaluateEveryRounds } satisfies Training,
    wish: { strategy: 'auto', batchSize, learningRate },
    parameterCount: STRATEGY_PARAMETERS[model],
    isText: false,
    activationBytes: 0,
    shardBytes: 0,
    stepRangeMs: [stepMs, stepMs],
    tabs,
    limits: {
      volunteerMbit: DEFAULT_OPTIONS.relayVolunteerMbit,
      totalMbit: DEFAULT_OPTIONS.relayTotalMbit,
      averagingBytes: Infinity,
    },
  });
  if ('refused' in plan) throw new Error(`auto on ${crowd}, ${model}: ${plan.refused.join('; ')}`);
  return { ...base, crowd, model, ...{ schedule: 'synchronous', ...plan.choice.best.strategy } };
}

const msOf = (known: Known, cell: StrategyCell): number => known.get(keyOf(cell))?.ms ?? Infinity;

/** The best that is known of a crowd and size; null: nothing came to the loss. */
export function bestCell(
  known: Known,
  crowd: StrategyCrowd,
  model: StrategyModel,
  scope: Scope,
): StrategyCell | null {
  let best: StrategyCell | null = null;
  for (const cell of candidatesOf(known, crowd, model, scope))
    if (msOf(known, cell) < (best === null ? Infinity : msOf(known, best))) best = cell;
  return best;
}

/** Grid, auto's pick, and whatever was reached from the best by steps of one knob. */
function candidatesOf(
  known: Known,
  crowd: StrategyCrowd,
  model: StrategyModel,
  { isQuick }: Scope,
): StrategyCell[] {
  const found = new Map<string, StrategyCell>();
  const add = (cell: StrategyCell) => found.set(keyOf(cell), cell);
  for (const cell of [...gridOf(crowd, model, isQuick), autoCell(crowd, model)]) add(cell);
  for (let size = 0; size !== found.size;) {
    size = found.size;
    for (const cell of [...found.values()])
      if (known.has(keyOf(cell)))
        for (const other of neighboursOf(cell)) if (known.has(keyOf(other))) add(other);
  }
  return [...found.values()];
}

/** Half and twice the local steps; the codecs that send a little more and a little less. */
export function neighboursOf(cell: StrategyCell): StrategyCell[] {
  const at = CODEC_LADDER.indexOf(cell.codec);
  const codecs = at === -1 ? [] : [CODEC_LADDER[at - 1], CODEC_LADDER[at + 1]];
  const steps = [Math.floor(cell.localSteps / 2), cell.localSteps * 2];
  return [
    ...steps.filter((localSteps) => localSteps >= 1).map((localSteps) => ({ ...cell, localSteps })),
    ...codecs.flatMap((codec) => (codec === undefined ? [] : [{ ...cell, codec }])),
  ].filter(isSensible);
}

/** Cells that are to be played next, given what is known; empty: all is done. One size after another, the quickest first. */
export function cellsWanted(known: Known, scope: Scope): StrategyCell[] {
  const wanted = new Map<string, StrategyCell>();
  const want = (cell: StrategyCell) => {
    if (!known.has(keyOf(cell))) wanted.set(keyOf(cell), cell);
  };
  for (const model of scope.models) {
    if (wanted.size > 0) break;
    for (const crowd of scope.crowds) {
      const first = [...gridOf(crowd, model, scope.isQuick), autoCell(crowd, model)];
      for (const cell of first) want(cell);
      if (crowd === CHURN_CROWD) for (const cell of churnedOf(model, scope)) want(cell);
      if (first.some((cell) => !known.has(keyOf(cell)))) continue;
      const best = bestCell(known, crowd, model, scope);
      if (best === null) continue;
      const beside = neighboursOf(best).filter((cell) => !known.has(keyOf(cell)));
      for (const cell of beside) want(cell);
      if (beside.length > 0) continue;
      for (const seed of FINAL_SEEDS) {
        want({ ...best, seed });
        want({ ...autoCell(crowd, model), seed });
      }
    }
  }
  return [...wanted.values()];
}

/** The cells of the crowd's grid that are played again while tabs are replaced. */
export const churnedOf = (model: StrategyModel, { isQuick }: Scope): StrategyCell[] =>
  gridOf(CHURN_CROWD, model, isQuick)
    .filter(
      ({ codec, localSteps }) =>
        model !== 'large' || (codec === CHURNED_LARGE.codec && localSteps === CHURNED_LARGE.localSteps),
    )
    .map((cell) => ({ ...cell, churnPerRound: CHURN }));

export interface AutoVerdict {
  readonly crowd: StrategyCrowd;
  readonly model: StrategyModel;
  readonly auto: StrategyCell;
  readonly best: StrategyCell;
  /** Means of the final seeds; null: one of them never came to the loss. */
  readonly autoMs: number | null;
  readonly bestMs: number | null;
  /** On the seed by which the best was chosen. */
  readonly chosenRatio: number;
}

/** What auto's pick takes beside the best; those of which all is known. */
export function autoVerdicts(known: Known, scope: Scope): AutoVerdict[] {
  return scope.models.flatMap((model) =>
    scope.crowds.flatMap((crowd): AutoVerdict[] => {
      const auto = autoCell(crowd, model);
      const best = bestCell(known, crowd, model, scope);
      if (best === null) return [];
      const finals = (cell: StrategyCell) => FINAL_SEEDS.map((seed) => known.get(keyOf({ ...cell, seed })));
      const [ofAuto, ofBest] = [finals(auto), finals(best)];
      if ([...ofAuto, ...ofBest].includes(undefined)) return [];
      return [
        {
          ...{ crowd, model, auto, best },
          autoMs: meanMs(ofAuto),
          bestMs: meanMs(ofBest),
          chosenRatio: msOf(known, auto) / msOf(known, best),
        },
      ];
    }),
  );
}

function meanMs(rows: readonly (StrategyRow | undefined)[]): number | null {
  let sum = 0;
  for (const row of rows) {
    if (row?.ms == null) return null;
    sum += row.ms;
  }
  return sum / rows.length;
}
