/**
 * Which strategy a crowd should train by: all sensible ones are predicted, what does not fit is left out with the reason, and
 * of those that are nearly as fast as the fastest the one that sends least is taken. Pure.
 */
import {
  ARCHITECTURES,
  CODECS,
  LIMITS,
  SCHEDULES,
  type Architecture,
  type Codec,
  type Schedule,
} from '@murmuration/protocol';
import type { CoordinatorLimits, Crowd, Strategy, Task } from './crowd.ts';
import { predict, type Prediction } from './predict.ts';
import type { RoundCost } from './round-cost.ts';

/** What the researcher has decided; the rest is chosen. */
export interface Wishes {
  readonly architecture?: Architecture;
  readonly schedule?: Schedule;
  readonly localSteps?: number;
  readonly codec?: Codec;
  /** Null: as the number of tabs says. */
  readonly group?: number | null;
  /** What a tab may take, device and besides. */
  readonly tabBytesMax: number;
  /** Why a strategy does not go with what else the run says; null: it does. */
  readonly contradictionIn?: (strategy: Strategy) => string | null;
}

export interface Choice {
  readonly best: Prediction;
  /** Those that differ from `best` in one thing: architecture with schedule, group, codec, or number of local steps. */
  readonly others: readonly Prediction[];
  /** Where the plan chose groups: the best with as many members as the number of tabs says; null: none fits. */
  readonly ungrouped?: Prediction | null;
  readonly refused: readonly string[];
}

/** About a quarter more each time: finer steps change predictions by less than they are wrong. */
export const LOCAL_STEPS_TRIED = [
  1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200,
] as const;
/**
 * [R13] Members of a group that a plan looks at, besides as many as the number of tabs says; a run may have 2 to 16. Crews grow to
 * half as many again, so sizes between differ by less than predictions are wrong.
 */
const GROUPS_TRIED = [4, 8, 16] as const;
/**
 * Groups that nobody asked for must be so much faster than what goes without: their times are foretold less surely
 * (docs/strategies.md), and their members stand on models of their own.
 */
export const GROUP_GAIN_SHARE = 0.1;
/** Fixed ones: `topk-auto` is one of them for each line, and fp16 is twice int8 for nothing. */
const CODECS_TRIED = CODECS.filter((codec) => codec !== 'topk-auto' && codec !== 'fp16');
/** The most that a straggler is waited for. With 12 s of exchange 20 tabs took six times the time: rounds closed without most of them. */
const EXCHANGE_MAX_MS = 5_000;
/** In a group, of an exchange that training does not hide. */
const SHOWN_MAX_MS = 2_000;
/** So much slower than the fastest is as good, when less is sent. */
const AS_GOOD_SHARE = 0.01;

export function choose(
  task: Task,
  crowd: Crowd,
  wishes: Wishes,
  limits: CoordinatorLimits,
): Choice | { readonly refused: readonly string[] } {
  const refused = new Set<string>();
  const predictions: Prediction[] = [];
  for (const way of waysFor(crowd, wishes))
    for (const codec of one(wishes.codec, CODECS_TRIED))
      for (const localSteps of one(wishes.localSteps, LOCAL_STEPS_TRIED)) {
        if (localSteps > LIMITS.localStepsMax) continue;
        const strategy = { ...way, localSteps, codec };
        const contradiction = wishes.contradictionIn?.(strategy) ?? null;
        const prediction = contradiction === null ? predict(task, crowd, strategy, limits) : null;
        const reason = prediction === null ? contradiction : reasonAgainst(prediction, wishes, limits);
        if (reason === null) predictions.push(prediction!);
        // That a group which nobody asked for does not go says nothing of the way itself.
        else if (!isTriedGroup(strategy, wishes)) refused.add(reason);
      }
  const isTried = ({ strategy }: Prediction) => isTriedGroup(strategy, wishes);
  const plain = bestOf(predictions.filter((each) => !isTried(each)));
  const grouped = bestOf(predictions.filter(isTried));
  const isWorthGroups =
    plain === null || (grouped !== null && grouped.timeMs < (1 - GROUP_GAIN_SHARE) * plain.timeMs);
  const best = isWorthGroups ? grouped : plain;
  if (best === null) return { refused: [...refused] };
  return {
    best,
    ...(best === grouped ? { ungrouped: plain } : {}),
    others: predictions.filter(({ strategy }) => differsInOne(strategy, best.strategy)),
    refused: [...refused],
  };
}

const isTriedGroup = ({ group }: Strategy, wishes: Wishes) =>
  group !== undefined && wishes.group === undefined;

/** Of those that are nearly as fast as the fastest the one that sends least; null: there is none. */
function bestOf(predictions: readonly Prediction[]): Prediction | null {
  if (predictions.length === 0) return null;
  const fastestMs = Math.min(...predictions.map(({ timeMs }) => timeMs));
  return predictions
    .filter(({ timeMs }) => timeMs <= fastestMs * (1 + AS_GOOD_SHARE))
    .reduce((a, b) => (sentBytes(b) < sentBytes(a) ? b : a));
}

/** What one tab sends until the loss. */
export const sentBytes = ({ cost, rounds }: Prediction) => cost.upBytes * rounds;

/** Who averages with how many others, and when. Without a server there are always rounds, with one no groups. */
const waysFor = (
  crowd: Crowd,
  wishes: Wishes,
): readonly Pick<Strategy, 'architecture' | 'schedule' | 'group'>[] =>
  one(wishes.architecture, architecturesFor(crowd)).flatMap((architecture) =>
    one(wishes.schedule, architecture === 'central' ? SCHEDULES : [SCHEDULES[0]]).flatMap((schedule) =>
      groupsFor(architecture, crowd, wishes).map((group) => ({
        architecture,
        ...(schedule === SCHEDULES[0] ? {} : { schedule }),
        ...(group === null ? {} : { group }),
      })),
    ),
  );

const groupsFor = (architecture: Architecture, { tabs }: Crowd, wishes: Wishes): readonly (number | null)[] =>
  one(
    wishes.group,
    architecture === 'central' ? [null] : [null, ...GROUPS_TRIED.filter((group) => group < tabs)],
  );

/** A hybrid run is for tabs without a way to their peers; to all others it is a decentralised one. */
const architecturesFor = ({ pathlessShare = 0 }: Crowd): readonly Architecture[] =>
  pathlessShare > 0 ? ARCHITECTURES : ARCHITECTURES.filter((each) => each !== 'hybrid');

const one = <T>(wished: T | undefined, all: readonly T[]): readonly T[] =>
  wished === undefined ? all : [wished];

/** A server has no groups, so against it they are no thing of their own. */
const differsInOne = (other: Strategy, best: Strategy) =>
  Number(other.architecture !== best.architecture || other.schedule !== best.schedule) +
    Number(other.architecture !== 'central' && other.group !== best.group) +
    Number(other.codec !== best.codec) +
    Number(other.localSteps !== best.localSteps) ===
  1;

/**
 * Why rounds of this kind would not close as they should, or as foretold; null: they would. Their deadlines are SPEC R3's. Where
 * the exchange is longer than training, lines are never still. Since nobody closes a round while its own line is busy, such runs
 * come to their loss, but mostly later than foretold: groups by 1 to 61 %, crews by up to 21 %, and those of 32 tabs, which are a group at
 * times, take more than twice as long (docs/strategies.md).
 */
export function roundFault({
  exchangeMs,
  askedMs,
  isCut,
  grouping,
}: Pick<RoundCost, 'exchangeMs' | 'askedMs' | 'isCut' | 'grouping'>): string | null {
  if (exchangeMs > EXCHANGE_MAX_MS)
    return `exchanges of more than ${EXCHANGE_MAX_MS / 1_000} s, because nobody is waited for longer (SPEC R3)`;
  if (exchangeMs > askedMs && grouping.kind === 'crews')
    return 'crews whose exchange takes longer than training, because most of them take longer than foretold';
  if (exchangeMs > Math.max(askedMs, SHOWN_MAX_MS) && grouping.kind === 'one-group')
    return `groups whose exchange takes more than ${SHOWN_MAX_MS / 1_000} s and longer than training, because they take up to two thirds longer than foretold`;
  return isCut
    ? 'rounds that train for more than 8 s, because their deadlines cut them short (SPEC R3)'
    : null;
}

/** Null: nothing speaks against it. */
function reasonAgainst(
  { strategy, cost, memory, coordinatorBytes }: Prediction,
  { tabBytesMax, localSteps }: Wishes,
  { averagingBytes, volunteerMbit }: CoordinatorLimits,
): string | null {
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`;
  const { architecture, codec } = strategy;
  if (architecture !== 'decentralised' && volunteerMbit === 0)
    return `${architecture}, because the coordinator passes nothing on (--relay-volunteer-mbit)`;
  if (memory.totalBytes > tabBytesMax)
    return `${architecture} with ${codec}, because a tab may take ${mebibytes(memory.totalBytes)} and ${mebibytes(tabBytesMax)} are allowed`;
  if (coordinatorBytes > averagingBytes)
    return `${architecture} with ${codec}, because averaging may take ${mebibytes(coordinatorBytes)} at the coordinator and ${mebibytes(averagingBytes)} are allowed`;
  const fault = roundFault(cost);
  // What a researcher set is trained all the same, and of a single step there is no less.
  const mayBeCut = localSteps !== undefined || (strategy.localSteps === 1 && cost.isCut);
  return mayBeCut && cost.exchangeMs <= EXCHANGE_MAX_MS ? null : fault;
}
