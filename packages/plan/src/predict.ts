/** One strategy on one crowd: time to the loss, bytes, memory. Pure. */
import { averagingMaxBytes, copiesBytes, DEFAULT_TRAINING, modelCopies } from '@murmuration/protocol';
import { codecLagRounds } from './codec-lag.ts';
import type { CoordinatorLimits, Crowd, Strategy, Task } from './crowd.ts';
import { roundsTo, type Footing, type Measured } from './learning.ts';
import { meanStepMs, roundCost, type RoundCost } from './round-cost.ts';

/**
 * From the first tab's arrival until all train: connecting, compiling, founding. A server without rounds begins with the first.
 * Measured, as is the next, over 93 crowds in the simulator.
 */
const START_MS = 5_000;
const START_ALONE_MS = 3_000;
/**
 * Besides, in crews: the swarm is cut while it comes together, and first rounds wait for mates that are still on their way. The
 * middle of 31 runs of 18 settings with groups (bench:swarm, plan-groups).
 */
const START_CREWS_MS = 2_500;
/**
 * At first all do the same steps and wait for the slowest; their shares come nearer to their speeds by 0.3 a round (swarm,
 * pace.ts), which adds up to three such rounds, and about a third of it is lost: what slow tabs do meanwhile counts.
 */
const PACES_LEARNT_ROUNDS = 1.1;
/**
 * [R17] Rounds until they are as long as their exchange: five without anybody missing say so, which at the start are about every
 * second. Seen in groups of 21 to 60.
 */
const ASKED_ROUNDS = 10;
/** A newcomer builds its model and fetches what it needs before its first step. */
const PREPARE_MS = 3_000;
/** Parameters and second moments of a state (codec, state.ts). */
const STATE_BYTES_PER_PARAMETER = 4.1;
const BYTES_PER_MS_PER_MBIT = 125;
/** A server without rounds moves on with the updates of so many of those at work (SPEC A). */
const VERSION_SHARE = 1 / 4;
/** It counts a tab as at work for so many of its intervals after its last update (swarm, crowd.ts). */
const SILENT_INTERVALS = 3;
/** Each death holds its group up by so much: it may have been about to lead. A server elects nobody. */
const DEATH_MS = { 'one-group': 700, crews: 300, server: 80, alone: 0 } as const;

/** Peak of a tab: on the device, and besides it. */
export interface TabMemory {
  readonly deviceBytes: number;
  readonly heldBytes: number;
  readonly totalBytes: number;
}

export interface Prediction {
  readonly strategy: Strategy;
  readonly cost: RoundCost;
  readonly footing: Footing;
  readonly rounds: number;
  readonly timeMs: number;
  readonly memory: TabMemory;
  /** What an averaging server may come to hold; 0: there is none. */
  readonly coordinatorBytes: number;
}

export function predict(task: Task, crowd: Crowd, strategy: Strategy, limits: CoordinatorLimits): Prediction {
  const cost = roundCost(task, crowd, strategy, limits);
  const footing = footingOf(task, crowd, cost, strategy);
  const { kind } = cost.grouping;
  const { rounds, ms } = playedOut(task, crowd, strategy, limits, { cost, footing });
  const { roundMs } = cost;
  const startMs =
    startOf(crowd, strategy, { roundMs, versionsARound: footing.versionsARound }) +
    (kind === 'crews' ? START_CREWS_MS : 0) +
    (kind === 'crews' || kind === 'one-group' ? statesSpreadMs(task, crowd) : 0);
  // The loss is there when somebody has evaluated it.
  const evaluationMs = task.evaluationSteps * meanStepMs(crowd);
  return {
    strategy,
    cost,
    footing,
    rounds,
    timeMs: startMs + ms + evaluationMs,
    memory: memoryOf(task, cost, strategy),
    coordinatorBytes:
      kind === 'server'
        ? averagingMaxBytes({
            parameterCount: task.parameterCount,
            training: { ...DEFAULT_TRAINING, codec: strategy.codec },
          })
        : 0,
  };
}

/** The rounds to the loss; where they become longer than asked, after some that are not. */
function playedOut(
  task: Task,
  crowd: Crowd,
  strategy: Strategy,
  limits: CoordinatorLimits,
  { cost, footing }: Pick<Prediction, 'cost' | 'footing'>,
): { readonly rounds: number; readonly ms: number } {
  const { kind, tabs } = cost.grouping;
  const withDeathsMs = ({ roundMs }: RoundCost) =>
    roundMs * (1 + (crowd.churnPerMinute * tabs * DEATH_MS[kind]) / 60_000);
  const rounds = roundsTo(task.learning, footing);
  if (cost.localSteps === strategy.localSteps) return { rounds, ms: rounds * withDeathsMs(cost) };
  const asked = roundCost(task, crowd, strategy, limits, 'as-asked');
  const askedRounds = roundsTo(task.learning, footingOf(task, crowd, asked, strategy));
  const before = Math.min(ASKED_ROUNDS, askedRounds);
  const after = (1 - before / askedRounds) * rounds;
  return { rounds: before + after, ms: before * withDeathsMs(asked) + after * withDeathsMs(cost) };
}

function startOf(
  { tabs, stepMs, speedRatio }: Crowd,
  { schedule, localSteps }: Strategy,
  { roundMs, versionsARound }: Pick<RoundCost, 'roundMs'> & Pick<Footing, 'versionsARound'>,
): number {
  // Versions follow each other by a part of a round, but the first stands on updates that took a whole one.
  if (tabs === 1 || schedule === 'asynchronous') return START_ALONE_MS + roundMs * (1 - 1 / versionsARound);
  // Of a single step there is no part.
  const excessMs = localSteps === 1 ? 0 : localSteps * stepMs * (speedRatio - 1);
  return START_MS + PACES_LEARNT_ROUNDS * excessMs;
}

/** Among peers who has the state gives it on, so those that have it double until all do. */
const statesSpreadMs = ({ parameterCount }: Task, { tabs, uplinkMbit }: Crowd): number =>
  (Math.log2(tabs) * STATE_BYTES_PER_PARAMETER * parameterCount) / (uplinkMbit * BYTES_PER_MS_PER_MBIT);

/** A run that was made, as the law of learning is fitted to it. @param rounds to the loss */
export function measuredRun(
  task: Task,
  crowd: Crowd,
  strategy: Strategy,
  limits: CoordinatorLimits,
  rounds: number,
): Measured {
  return { footing: footingOf(task, crowd, roundCost(task, crowd, strategy, limits), strategy), rounds };
}

function footingOf(task: Task, crowd: Crowd, cost: RoundCost, { schedule }: Strategy): Footing {
  const { kind, tabs, groupTabs, mixingRounds } = cost.grouping;
  // Who leaves takes half a round with it, and who comes prepares, fetches the state and trains a first round.
  const stateMs =
    (STATE_BYTES_PER_PARAMETER * task.parameterCount) / (crowd.downlinkMbit * BYTES_PER_MS_PER_MBIT);
  const awayMs = PREPARE_MS + stateMs + 1.5 * cost.roundMs;
  const awayShare = Math.min(0.9, (crowd.churnPerMinute * awayMs) / 60_000);
  // Without rounds it is versions that are counted, also between two evaluations.
  const versionsARound = schedule === 'asynchronous' ? tabs / Math.ceil(VERSION_SHARE * tabs) : 1;
  const evaluating =
    kind === 'alone'
      ? 0
      : Math.min(1, (task.evaluationSteps * versionsARound) / (task.evaluateEveryRounds * cost.stepsATab));
  // Whom a server without rounds still counts as at work, while the others' updates move the model by their own share only.
  const missed =
    schedule === 'asynchronous'
      ? evaluating * Math.min(1, (SILENT_INTERVALS * cost.stepsATab) / task.evaluationSteps)
      : 0;
  const localSteps = cost.stepsOfMean * (1 - missed / tabs);
  const lag = kind === 'alone' ? 0 : codecLagRounds(cost.codec);
  return {
    tabs: Math.max(0.5, tabs * (1 - awayShare) - evaluating) * (cost.stepsATab / localSteps),
    groupTabs,
    batchSize: task.batchSize,
    localSteps,
    outerLearningRate: task.outerLearningRate,
    codecLagRounds: lag,
    // A server answers version by version.
    answerLagRounds: kind === 'server' ? lag / versionsARound : 0,
    mixingRounds,
    versionsARound,
  };
}

/** It is the same for all numbers of local steps, and a plan tries many. */
const memories = new WeakMap<Task, Map<string, TabMemory>>();
function memoryOf(task: Task, cost: RoundCost, strategy: Strategy): TabMemory {
  let known = memories.get(task);
  if (known === undefined) memories.set(task, (known = new Map()));
  const key = `${strategy.architecture} ${cost.codec} ${cost.grouping.mates}`;
  let memory = known.get(key);
  if (memory === undefined) known.set(key, (memory = newMemory(task, cost, strategy)));
  return memory;
}

/** Copies of the model as preflight states them, and what does not grow with it. */
function newMemory(
  { parameterCount, activationBytes, shardBytes }: Task,
  { codec, grouping }: RoundCost,
  { architecture }: Strategy,
): TabMemory {
  const { gpu, worker } = modelCopies({
    parameterCount,
    training: { ...DEFAULT_TRAINING, codec, architecture },
    members: grouping.mates + 1,
  });
  const deviceBytes = copiesBytes(gpu) + activationBytes;
  const heldBytes = copiesBytes(worker) + shardBytes;
  return { deviceBytes, heldBytes, totalBytes: deviceBytes + heldBytes };
}
