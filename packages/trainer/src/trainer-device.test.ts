/** What a device that fails costs. The work is real (the cpu backend's); only what WebGPU would tell of it is said by hand. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ModelSpec } from '@murmuration/protocol';
import type { TrainerCommand } from '@murmuration/swarm';
import { exampleBatches, exampleCheckpoint, exampleManifest, exampleShard } from '../tests/example.ts';
import { openDevice, TrainerError, type Device, type DeviceChoice } from './device.ts';
import { FULL_SPEED } from './pacing.ts';
import { createTrainer, type Trainer } from './trainer.ts';

vi.setConfig({ testTimeout: 60_000 });

const manifest = exampleManifest('mlp', { batchSize: 16 });
const POOLING: ModelSpec = {
  name: 'pooling',
  inputShape: [8, 8, 1],
  layers: [
    { kind: 'conv2d', filters: 4, kernelSize: 3, strides: 1, padding: 'same', activation: 'relu' },
    { kind: 'maxPool2d', poolSize: 2 },
    { kind: 'flatten' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
};

interface News {
  lost: string | null;
  fault: string | null;
  /** Loss that is known only to who waits for the news. */
  lateLoss: string | null;
}
/** What is told of each device that was opened, the newest last. */
let devices: News[];
/** Happens between two steps of training, as errors of a device do. */
let amidTraining: (news: News) => void;
let trainer: Trainer;
let ticket = 0;
/** So often there is no device to be had. */
let away: number;
/** What the patience answers to each refusal, in order; then no more. */
let answers: boolean[];

async function openTold(choice: DeviceChoice): Promise<Device> {
  if (away-- > 0) throw new TrainerError('no-adapter', 'no adapter');
  const news: News = { lost: null, fault: null, lateLoss: null };
  devices.push(news);
  return {
    ...(await openDevice(choice)),
    lost: () => news.lost,
    fault: () => news.fault,
    isLostAfterError: () => {
      news.lost ??= news.lateLoss;
      return Promise.resolve(news.lost !== null);
    },
  };
}

const ask = (command: TrainerCommand) => trainer.execute(++ticket, command);
const train = () => ask({ kind: 'train', round: 0, batches: exampleBatches(0, 2) });

beforeEach(async () => {
  devices = [];
  away = 0;
  answers = [];
  amidTraining = () => {};
  const between = () => Promise.resolve(amidTraining(devices.at(-1)!));
  trainer = createTrainer({
    backend: 'cpu',
    openDevice: openTold,
    patience: {
      again: () => Promise.resolve(answers.shift() ?? false),
      had: () => {},
      giveUp: () => {},
    },
    pacing: { ...FULL_SPEED, between },
  });
  await trainer.open();
  for (const command of [
    { kind: 'prepare', manifest },
    { kind: 'load-checkpoint', round: 0, parameters: exampleCheckpoint(manifest.model) },
    { kind: 'add-shard', shardIndex: 0, bytes: exampleShard(0) },
  ] as const)
    expect((await ask(command)).kind).not.toBe('trainer-failed');
});
afterEach(() => trainer.close());

/** The first device only: whatever is wrong with it is not wrong with the next one. */
const once = (harm: (news: News) => void) => {
  amidTraining = (news) => {
    if (devices.length === 1) harm(news);
  };
};
const throws = () => {
  throw new Error('mapAsync: the buffer was destroyed');
};

test.each([
  ['WebGPU reported', (news: News) => void (news.fault = 'the queue is gone')],
  ['was thrown', throws],
])('an error that %s ahead of the news of a loss is a loss', async (_, harm) => {
  once((news) => {
    news.lateLoss = 'destroyed: ';
    harm(news);
  });
  expect(await train()).toMatchObject({ kind: 'trainer-failed', failure: 'device-lost' });
  expect(await train()).toMatchObject({ kind: 'trained', stepCount: 2 });
  expect(devices).toHaveLength(2);
});

test('a self-test that fails on a device that is being lost is a loss, and says nothing about the next device', async () => {
  devices[0]!.lateLoss = 'destroyed: ';
  const original = tf.getKernel('MaxPoolGrad', 'cpu');
  tf.unregisterKernel('MaxPoolGrad', 'cpu');
  // Zeros, as a device computes that is gone.
  tf.registerKernel({
    ...original,
    kernelFunc: (call) =>
      tf.getKernel('ZerosLike', 'cpu').kernelFunc({ ...call, inputs: { x: call.inputs['input']! } }),
  });
  const pooling = { kind: 'prepare', manifest: exampleManifest(POOLING) } as const;
  try {
    expect(await ask(pooling)).toMatchObject({ kind: 'trainer-failed', failure: 'device-lost' });
  } finally {
    tf.unregisterKernel('MaxPoolGrad', 'cpu');
    tf.registerKernel(original);
  }
  expect((await ask(pooling)).kind).toBe('prepared');
});

test('a loss whose news does not come in time costs one command: the next one is given a new device', async () => {
  once(throws);
  expect(await train()).toMatchObject({ kind: 'trainer-failed', failure: 'error' });
  expect(devices).toHaveLength(1);
  expect(await train()).toMatchObject({ kind: 'trained', stepCount: 2 });
  expect(devices).toHaveLength(2);
});

test('a fault without a loss costs one command, and nothing of that device is believed any more', async () => {
  once((news) => (news.fault = 'a shader is wrong'));
  expect(await train()).toMatchObject({
    kind: 'trainer-failed',
    failure: 'error',
    detail: expect.stringContaining('a shader is wrong'),
  });
  expect(await train()).toMatchObject({ kind: 'trained', stepCount: 2 });
  expect(devices).toHaveLength(2);
});

test('a device that fails again after it was replaced is an error each time: giving up is for others to decide', async () => {
  amidTraining = throws;
  for (let opened = 1; opened <= 4; opened++) {
    expect(await train()).toMatchObject({ kind: 'trainer-failed', failure: 'error' });
    expect(devices).toHaveLength(opened);
  }
});

test('a command that is wrong by itself costs no device', async () => {
  const wrong = await ask({ kind: 'train', round: 7, batches: exampleBatches(7, 2) });
  expect(wrong).toMatchObject({ kind: 'trainer-failed', failure: 'error' });
  expect((await train()).kind).toBe('trained');
  expect(devices).toHaveLength(1);
});

test('a device that cannot be had at once is asked for as long as the patience says; the command it was lost under costs no more', async () => {
  once((news) => (news.lost = 'crashed: '));
  away = 2;
  answers = [true, true];
  expect(await train()).toMatchObject({ kind: 'trainer-failed', failure: 'device-lost' });
  expect(devices).toHaveLength(2);
  expect(await train()).toMatchObject({ kind: 'trained', stepCount: 2 });
});

test('a device that stays away beyond the patience is no-adapter, and says why', async () => {
  once((news) => (news.lost = 'crashed: '));
  away = 3;
  answers = [true];
  expect(await train()).toMatchObject({
    kind: 'trainer-failed',
    failure: 'no-adapter',
    detail: 'device lost (crashed: ); no adapter',
  });
  expect(answers).toEqual([]);
});
