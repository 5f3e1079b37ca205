/** What tabs exchange, in whole simulated runs whose sums the checkers do again (trainer-checks.ts, server-checks.ts). */
import { initialParameters, norm, PLAIN, Replica } from '@murmuration/codec';
import { LINEAR_OPTIMISERS, type OptimiserName } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import type { SimulateOptions } from './options.ts';
import { profileOptions, type ProfileName } from './profiles.ts';
import { simulate } from './simulate.ts';
import { ToyModel } from './toy-model.ts';
import { drawSamples } from './toy-task.ts';

const SHAPE = { inputs: 16, hidden: 8, classes: 10 };
const TABS = 4;
const BATCH = 8;
const task = { seed: 1, inputs: 16, classes: 10, clustersPerClass: 2, noise: 0.3 };
const samples = drawSamples(task, 0, TABS * BATCH, null);

describe('averaged gradients', () => {
  const modelOf = (optimiser: OptimiserName, batchSize: number) =>
    new ToyModel(SHAPE, { batchSize, optimiser, learningRate: 0.2 });
  const distanceAfter = (optimiser: OptimiserName, steps: number) => {
    const [small, large] = [modelOf(optimiser, BATCH), modelOf(optimiser, TABS * BATCH)];
    const { parameterCount, tensors } = small.layout;
    const start = initialParameters(tensors, 1);
    const options = { parameterCount, scheme: 'fp32', outerLearningRate: 1, rule: PLAIN } as const;
    const tabs = Array.from({ length: TABS }, () => ({
      replica: new Replica(options),
      optimiser: small.newOptimiser(),
    }));
    for (const { replica } of tabs) replica.load(start);
    const all = Uint32Array.from({ length: TABS * BATCH }, (_, i) => i);
    let alone: Float32Array = start;
    const own = large.newOptimiser();
    for (let step = 0; step < steps; step++) {
      const updates = tabs.map(({ replica, optimiser: moments }, tab) => {
        small.begin(replica.weights());
        small.step(moments, samples, all.subarray(tab * BATCH, (tab + 1) * BATCH));
        return { author: `tab ${tab}`, sampleCount: BATCH, encoded: replica.formUpdate(small.end()) };
      });
      for (const { replica } of tabs) replica.commit(updates, 'counted');
      large.begin(alone);
      large.step(own, samples, all);
      alone = large.end();
    }
    const { anchor } = tabs[0]!.replica;
    const distance = (vector: Float32Array) => norm(vector.map((value, i) => value - start[i]!));
    return norm(anchor.map((value, i) => value - alone[i]!)) / distance(alone);
  };

  it.each(LINEAR_OPTIMISERS)('of four tabs are one step with four times the batch: %s', (optimiser) =>
    expect(distanceAfter(optimiser, 10)).toBeLessThan(1e-5),
  );

  it('are not under an adaptive optimiser, which is why it is refused', () =>
    expect(distanceAfter('adam', 10)).toBeGreaterThan(0.05));
});

describe('a run', () => {
  const run = (profile: ProfileName, changes: Partial<SimulateOptions>) =>
    simulate(profileOptions(profile, { seed: 1, tabs: 6, rounds: 40, model: 'softmax', ...changes }));
  const gradients = { exchange: 'gradients', localSteps: 1 } as const;

  it.each([
    { ...gradients, optimiser: 'sgd', learningRate: 0.5, codec: 'fp32' },
    { ...gradients, optimiser: 'momentum', learningRate: 0.1, codec: 'int8' },
    { ...gradients, optimiser: 'momentum', learningRate: 0.05, architecture: 'central' },
    {
      ...gradients,
      optimiser: 'sgd',
      learningRate: 0.5,
      architecture: 'central',
      schedule: 'asynchronous',
      rounds: 80,
    },
    { exchange: 'parameters', learningRate: 0.008, codec: 'fp16' },
    { exchange: 'parameters', learningRate: 0.008, codec: 'fp32', architecture: 'central' },
    { codec: 'topk-auto', tabs: 3, learningRate: 0.008 },
  ] as const)('[R10] learns without a fork: %j', (changes) => {
    const report = run('clean', changes);
    expect(report).toMatchObject({ passed: true, forks: 0, spreadEnd: 0 });
    expect(report.valLoss! / report.initialLoss).toBeLessThan(0.75);
  });

  it.each([
    { ...gradients, optimiser: 'sgd', learningRate: 0.5 },
    { exchange: 'parameters', codec: 'fp16' },
  ] as const)('goes on under faults of all kinds: %j', (changes) => {
    for (const seed of [2, 3]) expect(run('mix', { ...changes, seed }).passed).toBe(true);
  });
});
