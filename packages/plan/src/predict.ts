/** One strategy on one crowd: time to the loss, bytes, memory. Pure. */
import { averagingMaxBytes, copiesBytes, DEFAULT_TRAINING, modelCopies } from '@murmuration/protocol';
import { codecLagRounds } from './codec-lag.ts';
import type { CoordinatorLimits, Crowd, Strategy, Task } from './crowd.ts';
import { roundsTo, type Footing, type Measured } from './learning.ts';
import { roundCost, type RoundCost } from './round-cost.ts';

/** From the first tab's arrival until a group trains: connecting, compiling, founding. */
const START_MS = 4_000;
const CREWS_START_MS = 2_000;
/** A newcomer builds its model and fetches what it needs before its first step. */
const PREPARE_MS = 3_000;
/** Parameters and second moments of a state (codec, state.ts). */
const STATE_BYTES_PER_PARAMETER = 4.1;
const BYTES_PER_MS_PER_MBIT = 125;
/** A server without rounds moves on with the updates of a quarter of those at work (SPEC A). */
const VERSIONS_A_ROUND = 4;
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
  const rounds = roundsTo(task.learning, footing);
  const { kind, tabs } = cost.grouping;
  const deathsARound = (crowd.churnPerMinute * tabs * cost.roundMs) / 60_000;
  const startMs = START_MS + (kind === 'crews' ? CREWS_START_MS : 0);
  return {
    strategy,
    cost,
    footing,
    rounds,
    timeMs: startMs + rounds * (cost.roundMs + deathsARound * DEATH_MS[kind]),
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
  const evaluating =
    kind === 'alone' ? 0 : Math.min(1, task.evaluationSteps / (task.evaluateEveryRounds * cost.stepsATab));
  const lag = kind === 'alone' ? 0 : codecLagRounds(cost.codec);
  return {
    tabs: Math.max(0.5, tabs * (1 - awayShare) - evaluating) * (cost.stepsATab / cost.stepsOfMean),
    groupTabs,
    batchSize: task.batchSize,
    localSteps: cost.stepsOfMean,
    outerLearningRate: task.outerLearningRate,
    codecLagRounds: lag,
    isAnsweredCoarsely: kind === 'server',
    mixingRounds,
    versionsARound: schedule === 'asynchronous' ? VERSIONS_A_ROUND : 1,
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
