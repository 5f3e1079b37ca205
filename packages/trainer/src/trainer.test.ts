import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  decodeState,
  decodeUpdate,
  encodeUpdate,
  fingerprint,
  inspectUpdate,
  parametersToBytes,
} from '@murmuration/codec';
import type { ModelSpec } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import {
  exampleBatches,
  exampleCheckpoint,
  exampleManifest,
  exampleParameters,
  exampleShard,
  exampleState,
} from '../tests/example.ts';
import { createTrainer, type Trainer } from './trainer.ts';

// The cpu backend of tfjs is slow, and CI's machines are busy.
vi.setConfig({ testTimeout: 60_000 });

const NO_SLICE = new Uint8Array(0);
const MODEL: ModelSpec = {
  name: 'small',
  inputShape: [8, 8, 1],
  layers: [
    { kind: 'conv2d', filters: 4, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
    { kind: 'maxPool2d', poolSize: 2 },
    { kind: 'flatten' },
    { kind: 'dense', units: 16, activation: 'relu' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};
const AUTHOR = 'vol_00000000000000000000000000';
const manifest = exampleManifest(MODEL, { batchSize: 16, learningRate: 0.01 });

let trainer: Trainer;
let ticket = 0;
beforeEach(async () => {
  trainer = createTrainer({ backend: 'cpu' });
  await trainer.open();
});
afterEach(() => trainer.close());

type EventOf<Kind> = Extract<TrainerEvent, { kind: Kind }>;
/** Executes and asserts the kind of the answer. */
async function ask<Kind extends TrainerEvent['kind']>(
  kind: Kind,
  command: TrainerCommand,
): Promise<EventOf<Kind>> {
  const own = ++ticket;
  const event = await trainer.execute(own, command);
  expect(event, JSON.stringify(event).slice(0, 300)).toMatchObject({ kind, ticket: own });
  return event as EventOf<Kind>;
}
const refused = async (command: TrainerCommand) => (await ask('trainer-failed', command)).detail;

async function stand(): Promise<void> {
  await ask('prepared', { kind: 'prepare', manifest });
  await ask('state-loaded', { kind: 'load-checkpoint', round: 0, parameters: exampleCheckpoint(MODEL) });
  await ask('done', { kind: 'add-shard', shardIndex: 0, bytes: exampleShard(0, 8) });
  await ask('done', { kind: 'add-validation', bytes: exampleShard(99, 8, 100) });
}
/** A round in which only this tab trains. */
async function round(index: number, steps = 5): Promise<EventOf<'trained'> & { encoded: Uint8Array }> {
  const trained = await ask('trained', {
    kind: 'train',
    round: index,
    batches: exampleBatches(index, steps),
  });
  const { sampleCount } = trained;
  const { encoded } = await ask('update-formed', {
    kind: 'form-update',
    round: index,
    withSlice: false,
    scheme: 'int8',
  });
  await ask('committed', {
    kind: 'commit',
    round: index,
    updates: [{ author: AUTHOR, sampleCount, stepCount: 1, encoded, slice: NO_SLICE }],
    own: 'counted',
  });
  return { ...trained, encoded };
}

test('the cpu backend names itself, aloud', async () => {
  expect(await trainer.open()).toMatchObject({
    backend: 'cpu',
    description: 'tfjs cpu backend, asked for by name',
  });
});

test('without WebGPU open fails with no-adapter and nothing takes its place', async () => {
  await expect(createTrainer({ backend: 'webgpu' }).open()).rejects.toMatchObject({ failure: 'no-adapter' });
});

test('rounds of training lower the loss, and evaluation sees it', async () => {
  await stand();
  const before = await ask('evaluated', { kind: 'evaluate' });
  const first = await round(0);
  let last = first;
  for (let i = 1; i < 10; i++) last = await round(i);
  const after = await ask('evaluated', { kind: 'evaluate' });
  expect(first.loss).toBeCloseTo(2.3, 0);
  expect(last.loss).toBeLessThan(first.loss / 2);
  expect(after.loss).toBeLessThan(before.loss / 2);
  expect(after.accuracy).toBeGreaterThan(0.8);
  expect(after).toMatchObject({ round: 10, sampleCount: 100 });
  // What was evaluated is what is kept: a trainer that loads it sees the same.
  await ask('state-loaded', { kind: 'load-checkpoint', round: 10, parameters: after.parameters });
  const { loss, accuracy } = await ask('evaluated', { kind: 'evaluate' });
  expect({ loss, accuracy }).toEqual({ loss: after.loss, accuracy: after.accuracy });
});

test('`trained` says what was done, and the update formed of it may be decoded', async () => {
  await stand();
  const trained = await ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 3) });
  expect(trained).toMatchObject({ round: 0, stepCount: 3, sampleCount: 48 });
  const { encoded } = await ask('update-formed', {
    kind: 'form-update',
    round: 0,
    withSlice: false,
    scheme: 'int8',
  });
  expect(inspectUpdate(encoded, 'int8', manifest.parameterCount)).toBeNull();
  expect(Math.max(...decodeUpdate(encoded).map(Math.abs))).toBeGreaterThan(0.01);
});

test('the same commands give the same bits', async () => {
  await stand();
  const first = [await round(0), await round(1)];
  await stand();
  const second = [await round(0), await round(1)];
  expect(second.map(({ encoded }) => encoded)).toEqual(first.map(({ encoded }) => encoded));
});

test('an update that nobody counted does not move the weights, and comes again with the next', async () => {
  await stand();
  const size = (update: { encoded: Uint8Array }) =>
    decodeUpdate(update.encoded)
      .map(Math.abs)
      .reduce((a, b) => a + b);
  const first = await ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 4) });
  const sent = await ask('update-formed', {
    kind: 'form-update',
    round: 0,
    withSlice: false,
    scheme: 'int8',
  });
  const committed = await commitNothing(0);
  expect(committed.round).toBe(1);
  expect(committed.anchor).toBe(fingerprint(exampleParameters(MODEL)));
  const again = await ask('trained', { kind: 'train', round: 1, batches: exampleBatches(0, 4) });
  expect(again.loss).toBeLessThan(first.loss * 1.2);
  const later = await ask('update-formed', {
    kind: 'form-update',
    round: 1,
    withSlice: false,
    scheme: 'int8',
  });
  expect(size(later)).toBeGreaterThan(size(sent));
});

test('[R9] what was trained after the update was formed moves along with the anchor', async () => {
  await stand();
  await ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 2) });
  await ask('update-formed', { kind: 'form-update', round: 0, withSlice: false, scheme: 'int8' });
  await ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 2) });
  await commitNothing(0);
  const ahead = await ask('update-formed', {
    kind: 'form-update',
    round: 1,
    withSlice: false,
    scheme: 'int8',
  });
  // Without the steps ahead this would be the first update again, from the residual.
  await stand();
  await ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 2) });
  await ask('update-formed', { kind: 'form-update', round: 0, withSlice: false, scheme: 'int8' });
  await commitNothing(0);
  const behind = await ask('update-formed', {
    kind: 'form-update',
    round: 1,
    withSlice: false,
    scheme: 'int8',
  });
  expect(ahead.encoded).not.toEqual(behind.encoded);
});

/** A round that counted nobody's work. */
function commitNothing(index: number): Promise<EventOf<'committed'>> {
  const nothing = encodeUpdate('int8', new Float32Array(manifest.parameterCount));
  const updates = [{ author: AUTHOR, sampleCount: 1, stepCount: 1, encoded: nothing, slice: NO_SLICE }];
  return ask('committed', { kind: 'commit', round: index, updates, own: 'uncounted' });
}

test('a captured state makes another trainer the same replica, with second moment and step count', async () => {
  await stand();
  await round(0, 7);
  const captured = await ask('captured', { kind: 'capture' });
  const state = decodeState(captured.chunks, manifest.parameterCount);
  expect(state.stepCount).toBe(7);
  expect(Math.max(...state.secondMoment)).toBeGreaterThan(0);
  await ask('prepared', { kind: 'prepare', manifest });
  const loaded = await ask('state-loaded', {
    kind: 'load-state',
    round: captured.round,
    chunks: captured.chunks.map((bytes) => ({ round: captured.round, bytes })),
    commits: [],
  });
  expect(loaded).toMatchObject({ round: 1, anchor: captured.anchor });
  const copy = decodeState((await ask('captured', { kind: 'capture' })).chunks, manifest.parameterCount);
  expect(copy).toEqual(state);
});

test('[J3] a newcomer does not wait for a round: the state is captured between two steps of the training', async () => {
  await stand();
  await round(0, 2);
  const standing = await ask('captured', { kind: 'capture' });
  const order: string[] = [];
  const training = ask('trained', { kind: 'train', round: 1, batches: exampleBatches(0, 60) });
  void training.then(() => order.push('trained'));
  // Into the training: one turn of the event loop.
  await new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port2.onmessage = () => {
      port1.close();
      resolve();
    };
    port1.postMessage(null);
  });
  const captured = await ask('captured', { kind: 'capture' });
  order.push('captured');
  const { stepCount, loss } = await training;
  expect(order).toEqual(['captured', 'trained']);
  expect(captured).toMatchObject({ round: 1, anchor: standing.anchor });
  const captureStep = decodeState(captured.chunks, manifest.parameterCount).stepCount;
  expect(captureStep).toBeGreaterThanOrEqual(2);
  expect(captureStep).toBeLessThan(62);
  // The training was not disturbed.
  expect(stepCount).toBe(60);
  expect(loss).toBeLessThan(3);
});

test('moments outlive the rounds; a checkpoint starts them anew', async () => {
  await stand();
  await round(0, 3);
  await round(1, 4);
  const stepCount = async () =>
    decodeState((await ask('captured', { kind: 'capture' })).chunks, manifest.parameterCount).stepCount;
  expect(await stepCount()).toBe(7);
  await ask('state-loaded', { kind: 'load-checkpoint', round: 9, parameters: exampleCheckpoint(MODEL) });
  expect(await stepCount()).toBe(0);
});

test('commands given without waiting are carried out in order', async () => {
  const events = await Promise.all([
    trainer.execute(1, { kind: 'prepare', manifest }),
    trainer.execute(2, {
      kind: 'load-state',
      round: 4,
      chunks: exampleState(MODEL, 3).map((bytes) => ({ round: 4, bytes })),
      commits: [],
    }),
    trainer.execute(3, { kind: 'add-shard', shardIndex: 0, bytes: exampleShard(0, 8) }),
    trainer.execute(4, { kind: 'train', round: 4, batches: exampleBatches(0, 2) }),
    trainer.execute(5, { kind: 'drop-shard', shardIndex: 0 }),
    trainer.execute(6, { kind: 'train', round: 4, batches: exampleBatches(0, 2) }),
  ]);
  expect(events.map(({ kind }) => kind)).toEqual([
    'prepared',
    'state-loaded',
    'done',
    'trained',
    'done',
    'trainer-failed',
  ]);
  expect(events.map((event) => event.ticket)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('interrupted training ends early, with at least one step, and says how many', async () => {
  await stand();
  const training = ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 500) });
  trainer.interrupt();
  const { stepCount, sampleCount } = await training;
  expect(stepCount).toBe(1);
  expect(sampleCount).toBe(16);
  const { chunks } = await ask('captured', { kind: 'capture' });
  expect(decodeState(chunks, manifest.parameterCount).stepCount).toBe(1);
});

test('other work gets its turn between two steps', async () => {
  await stand();
  let turns = 0;
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => {
    turns += 1;
    port1.postMessage(null);
  };
  port1.postMessage(null);
  await ask('trained', { kind: 'train', round: 0, batches: exampleBatches(0, 12) });
  port1.close();
  port2.close();
  expect(turns).toBeGreaterThanOrEqual(12);
});

test('the number of tensors is the same after every one of 50 rounds, and none is left at the end', async () => {
  const empty = tf.engine().state.numTensors;
  await stand();
  await round(0, 1);
  const counts = new Set<number>();
  for (let i = 1; i <= 50; i++) {
    await round(i, 1);
    if (i % 10 === 0) await ask('evaluated', { kind: 'evaluate' });
    if (i % 10 === 5) await ask('captured', { kind: 'capture' });
    counts.add(tf.memory().numTensors);
  }
  expect([...counts]).toHaveLength(1);
  await trainer.close();
  expect(tf.engine().state.numTensors).toBe(empty);
  trainer = createTrainer({ backend: 'cpu' });
});

describe('what is refused changes nothing', () => {
  test('before open, before prepare, before a state', async () => {
    const closed = createTrainer({ backend: 'cpu' });
    expect(await closed.execute(1, { kind: 'capture' })).toMatchObject({
      failure: 'error',
      detail: expect.stringContaining('open() comes first'),
    });
    await closed.close();
    expect(await refused({ kind: 'evaluate' })).toContain('prepare comes first');
    await ask('prepared', { kind: 'prepare', manifest });
    expect(await refused({ kind: 'capture' })).toContain('load-state or load-checkpoint comes first');
  });

  test('a manifest that contradicts itself', async () => {
    const prepare = (change: object) => refused({ kind: 'prepare', manifest: { ...manifest, ...change } });
    expect(await prepare({ parameterCount: 5 })).toContain('parameterCount: the manifest says 5');
    expect(
      await prepare({ dataset: { ...manifest.dataset, target: { kind: 'class', classCount: 4 } } }),
    ).toContain('the last layer must give [4]; it gives [10]');
  });

  test('a shard that is not here is named, and the moments stay', async () => {
    await stand();
    await round(0, 2);
    expect(
      await refused({ kind: 'train', round: 1, batches: [{ shardIndex: 17, pass: 0, batchIndex: 0 }] }),
    ).toContain('shard 17 is not here');
    const { chunks } = await ask('captured', { kind: 'capture' });
    expect(decodeState(chunks, manifest.parameterCount).stepCount).toBe(2);
  });

  test('another round, no batches, bytes that are no state or checkpoint', async () => {
    await stand();
    expect(await refused({ kind: 'train', round: 3, batches: exampleBatches(0, 1) })).toContain(
      'is for round 3, the replica stands in 0',
    );
    expect(await refused({ kind: 'train', round: 0, batches: [] })).toContain('at least one batch');
    expect(
      await refused({
        kind: 'load-state',
        round: 0,
        chunks: [{ round: 0, bytes: new Uint8Array(9) }],
        commits: [],
      }),
    ).toContain('no state of this model');
    expect(await refused({ kind: 'load-checkpoint', round: 0, parameters: new Uint8Array(9) })).toContain(
      'no checkpoint',
    );
    const { anchor } = await ask('captured', { kind: 'capture' });
    expect(anchor).toBe(fingerprint(exampleParameters(MODEL)));
  });

  test('validation that was never given', async () => {
    await ask('prepared', { kind: 'prepare', manifest });
    await ask('state-loaded', { kind: 'load-checkpoint', round: 0, parameters: exampleCheckpoint(MODEL) });
    expect(await refused({ kind: 'evaluate' })).toContain('add-validation comes first');
  });
});

test('diverged training is not-finite; the trainer stands at the anchor with new moments', async () => {
  await stand();
  await round(0, 2);
  const { anchor } = await ask('captured', { kind: 'capture' });
  // Finite weights whose logits overflow float32.
  const wild = parametersToBytes(exampleParameters(MODEL).map((value) => value * 1e30));
  await ask('state-loaded', { kind: 'load-checkpoint', round: 1, parameters: wild });
  const failed = await ask('trainer-failed', { kind: 'train', round: 1, batches: exampleBatches(0, 2) });
  expect(failed.failure).toBe('not-finite');
  const after = await ask('captured', { kind: 'capture' });
  expect(after.anchor).not.toBe(anchor);
  expect(after.round).toBe(1);
  expect(decodeState(after.chunks, manifest.parameterCount).stepCount).toBe(0);
  await ask('state-loaded', { kind: 'load-checkpoint', round: 1, parameters: exampleCheckpoint(MODEL) });
  expect((await round(1)).loss).toBeLessThan(3);
});

test('a device whose kernel is broken fails the self-test by name', async () => {
  const original = tf.getKernel('MaxPoolGrad', 'cpu');
  tf.unregisterKernel('MaxPoolGrad', 'cpu');
  tf.registerKernel({
    ...original,
    kernelFunc: (call) =>
      tf.getKernel('ZerosLike', 'cpu').kernelFunc({ ...call, inputs: { x: call.inputs['input']! } }),
  });
  try {
    const failed = await ask('trainer-failed', { kind: 'prepare', manifest });
    expect(failed.failure).toBe('self-test');
    expect(failed.detail).toMatch(/^maxPool2d 2, 8 to 8: gradient of conv2d\/kernel is off by 1\.0e\+0/);
  } finally {
    tf.unregisterKernel('MaxPoolGrad', 'cpu');
    tf.registerKernel(original);
  }
});
