/** What the room's tests plan for. */
import type { Task } from './crowd.ts';

export const TASK: Task = {
  parameterCount: 1_000_000,
  batchSize: 16,
  outerLearningRate: 1,
  learning: { stepsMin: 5_000, noiseSamples: 200, lagRounds: 3 },
  evaluateEveryRounds: 10,
  evaluationSteps: 5,
  activationBytes: 1e6,
  shardBytes: 1e6,
};
