/** A whole trainer learns each kind of target (numbers, what comes next in a text), and with each preset. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mulberry } from '@murmuration/codec';
import {
  DEFAULT_TRAINING,
  parameterLayout,
  presetModel,
  shardByteLength,
  type DatasetManifest,
  type ModelSpec,
  type RunManifest,
  type Training,
} from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import { exampleBatches, exampleCheckpoint, exampleManifest, exampleShard } from '../tests/example.ts';
import type { Prediction } from './prediction.ts';
import { createTrainer } from './trainer.ts';

const trainer = createTrainer({ backend: 'cpu', formedBy: 'host' });
beforeAll(() => trainer.open());
afterAll(() => trainer.close());

let ticket = 0;
async function ask<K extends TrainerEvent['kind']>(kind: K, command: TrainerCommand) {
  const event = await trainer.execute(ticket++, command);
  expect(event).toMatchObject({ kind });
  return event as Extract<TrainerEvent, { kind: K }>;
}

type Data = Pick<DatasetManifest, 'encoding' | 'sampleShape' | 'target'>;
const SAMPLE_COUNT = 96;

function manifestOf(model: ModelSpec, data: Data, training: Partial<Training>): RunManifest {
  const { dataset, ...rest } = exampleManifest('mlp');
  const validation = {
    ...dataset.validation,
    sampleCount: SAMPLE_COUNT,
    byteLength: shardByteLength(data, SAMPLE_COUNT),
  };
  return {
    ...rest,
    model,
    parameterCount: parameterLayout(model).parameterCount,
    training: { ...DEFAULT_TRAINING, batchSize: 16, learningRate: 0.01, ...training },
    dataset: { ...dataset, ...data, validation },
  };
}

/** Loss and figures before and after `rounds` rounds of five steps alone. */
async function learn(manifest: RunManifest, shard: Uint8Array, rounds: number) {
  await ask('prepared', { kind: 'prepare', manifest });
  await ask('state-loaded', {
    kind: 'load-checkpoint',
    round: 0,
    parameters: exampleCheckpoint(manifest.model),
  });
  await ask('done', { kind: 'add-shard', shardIndex: 0, bytes: shard });
  await ask('done', { kind: 'add-validation', bytes: shard });
  const before = await ask('evaluated', { kind: 'evaluate' });
  const losses: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const trained = await ask('trained', { kind: 'train', round, batches: exampleBatches(round, 5) });
    losses.push(trained.loss);
    const { encoded } = await ask('update-formed', {
      kind: 'form-update',
      round,
      withSlice: false,
      scheme: 'int8',
    });
    const update = {
      author: 'vol_00000000000000000000000000',
      sampleCount: trained.sampleCount,
      encoded,
      stepCount: 1,
      slice: new Uint8Array(0),
    };
    await ask('committed', { kind: 'commit', round, updates: [update], own: 'counted' });
  }
  return { before, losses, after: await ask('evaluated', { kind: 'evaluate' }) };
}

test('numbers: the squared error falls, and the error is in the units of the data', async () => {
  const data: Data = {
    encoding: 'float32',
    sampleShape: [3],
    target: { kind: 'value', size: 2, mean: [5, 0], stdDev: [100, 1] },
  };
  const random = mulberry(3);
  const bytes = new DataView(new ArrayBuffer(shardByteLength(data, SAMPLE_COUNT)));
  const put = (index: number, value: number) => bytes.setFloat32(4 * index, value, true);
  for (let i = 0; i < SAMPLE_COUNT; i++) {
    const [a, b, c] = [random() * 2 - 1, random() * 2 - 1, random() * 2 - 1] as const;
    for (const [j, value] of [a, b, c].entries()) put(3 * i + j, value);
    for (const [j, value] of [a - b, b * c].entries()) put(3 * SAMPLE_COUNT + 2 * i + j, value);
  }
  const model: ModelSpec = {
    name: 'numbers',
    inputShape: [3],
    layers: [
      { kind: 'dense', units: 16, activation: 'tanh' },
      { kind: 'batchNorm' },
      { kind: 'dense', units: 2, activation: 'linear' },
    ],
  };
  const { before, losses, after } = await learn(
    manifestOf(model, data, {}),
    new Uint8Array(bytes.buffer),
    24,
  );
  expect(before.accuracy).toBeNull();
  expect(losses.at(-1)).toBeLessThan(losses[0]! / 5);
  expect(after.loss).toBeLessThan(before.loss / 5);
  expect(after.error).toBeLessThan(before.error! / 2);
  // Most of it is the first value, whose unit is a hundredth of what was trained.
  expect(after.error).toBeGreaterThan(10 * Math.sqrt(after.loss));
});

const word = { kind: 'embedding', vocabularySize: 6, units: 8 } as const;
const next = { kind: 'dense', units: 6, activation: 'linear' } as const;
const TEXT_MODELS: readonly ModelSpec[] = [
  { name: 'a GRU', inputShape: [8], layers: [word, { kind: 'gru', units: 12 }, next] },
  {
    name: 'attention',
    inputShape: [8],
    layers: [
      word,
      { kind: 'positionEmbedding', name: 'placed' },
      { kind: 'layerNorm' },
      { kind: 'selfAttention', heads: 2, headUnits: 4, name: 'attended' },
      { kind: 'dropout', rate: 0.05 },
      { kind: 'add', inputs: ['placed', 'dropout'] },
      { kind: 'dense', units: 24, activation: 'gelu' },
      next,
    ],
  },
];

test.each(TEXT_MODELS)('text: $name learns what comes next, in bits a token', async (model) => {
  const data: Data = {
    encoding: 'token',
    sampleShape: [8],
    target: { kind: 'next-token', vocabularySize: 6 },
  };
  const bytes = new DataView(new ArrayBuffer(shardByteLength(data, SAMPLE_COUNT)));
  // What comes after a 1 or a 2 depends on what stood before it.
  const words = [1, 2, 3, 1, 4, 2, 5, 0];
  for (let i = 0; i < SAMPLE_COUNT; i++)
    for (let j = 0; j <= 8; j++) bytes.setUint16(2 * (i * 9 + j), words[(i + j) % 8]!, true);
  const manifest = manifestOf(model, data, {});
  const { before, after } = await learn(manifest, new Uint8Array(bytes.buffer), 12);
  expect(before.error).toBeGreaterThan(2);
  expect(before.error).toBeCloseTo(before.loss / Math.LN2, 6);
  expect(after.error).toBeLessThan(0.9);
  expect(after.accuracy).toBeGreaterThan(0.8);
});

/** Sonnet 18 (Shakespeare 1609; public domain): real text, of which each preset learns the letters. */
const SONNET = `Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance, or nature's changing course, untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou ow'st;`;

test.each([
  { preset: 'gru', learningRate: 0.01, rounds: 4 },
  { preset: 'gpt', learningRate: 0.003, rounds: 8 },
] as const)('the preset $preset learns English letters', async ({ preset, learningRate, rounds }) => {
  const letters = [...new Set(SONNET)];
  const length = 12;
  const stride = Math.floor((SONNET.length - length - 1) / SAMPLE_COUNT);
  const data: Data = {
    encoding: 'token',
    sampleShape: [length],
    target: { kind: 'next-token', vocabularySize: letters.length },
  };
  const bytes = new DataView(new ArrayBuffer(shardByteLength(data, SAMPLE_COUNT)));
  for (let i = 0; i < SAMPLE_COUNT; i++)
    for (let j = 0; j <= length; j++)
      bytes.setUint16(2 * (i * (length + 1) + j), letters.indexOf(SONNET[i * stride + j]!), true);
  const model = presetModel(preset, [length], letters.length);
  const manifest = manifestOf(model, data, { batchSize: 8, learningRate });
  const { before, after } = await learn(manifest, new Uint8Array(bytes.buffer), rounds);
  // Before, every letter is as likely as any other; the letters' own frequencies are worth 4.2 bits.
  expect(before.error).toBeGreaterThan(Math.log2(letters.length) - 0.2);
  expect(after.error).toBeLessThan(3.6);
});

test('the preset vae learns to give pictures again, and both of its losses fall', async () => {
  const side = 10;
  const data: Data = {
    encoding: 'uint8',
    sampleShape: [side, side, 1],
    target: { kind: 'class', classCount: 10 },
  };
  const model = presetModel('vae', data.sampleShape, 10);
  const autoencoding = { objective: 'autoencoding', targetAccuracy: null, learningRate: 0.005 } as const;
  const { before, losses, after } = await learn(
    manifestOf(model, data, { ...autoencoding, batchSize: 8 }),
    exampleShard(0, side, SAMPLE_COUNT),
    16,
  );
  expect(after.accuracy).toBeNull();
  // Every value as likely black as white is ln 2 a value.
  expect(before.error).toBeGreaterThan(0.6);
  expect(after.parts!.reconstruction).toBeLessThan(0.9 * before.parts!.reconstruction);
  expect(after.loss).toBeCloseTo(after.parts!.reconstruction + after.parts!.kl, 6);
  expect(after.error).toBeCloseTo(after.loss / side ** 2, 6);
  expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]!);
  expect(after).toEqual({ ...(await ask('evaluated', { kind: 'evaluate' })), ticket: after.ticket });

  // What it draws again, from the mean of the code, is what its loss was measured by, from a draw of it.
  const count = 12;
  const pixels = Float32Array.from(
    exampleShard(0, side, SAMPLE_COUNT).subarray(0, count * side ** 2),
    (value) => value / 255,
  );
  const drawn = (await trainer.predict(pixels, count)) as Extract<Prediction, { kind: 'samples' }>;
  expect(drawn.values).toHaveLength(pixels.length);
  const nats = drawn.values.reduce(
    (sum, value, i) => sum - pixels[i]! * Math.log(value) - (1 - pixels[i]!) * Math.log(1 - value),
    0,
  );
  expect(nats / count / after.parts!.reconstruction).toBeGreaterThan(0.93);
  expect(nats / count / after.parts!.reconstruction).toBeLessThan(1.07);

  // From a code that is far from the prior, a large weight draws it there.
  const tight = await learn(
    manifestOf(model, data, { ...autoencoding, batchSize: 8, klWeight: 50 }),
    exampleShard(0, side, SAMPLE_COUNT),
    16,
  );
  expect(tight.before.parts!.kl).toBeGreaterThan(0.05);
  expect(tight.after.parts!.kl).toBeLessThan(0.5 * tight.before.parts!.kl);
  expect(tight.after.parts!.reconstruction).toBeLessThan(tight.before.parts!.reconstruction);
});

test('the preset resnet tells stripes of four kinds apart', async () => {
  const side = 8;
  const kinds = 4;
  const model = presetModel('resnet', [side, side, 1], kinds);
  const data: Data = {
    encoding: 'uint8',
    sampleShape: [side, side, 1],
    target: { kind: 'class', classCount: kinds },
  };
  // Where something is does not reach the output, for the last layer averages over places: kinds differ in their texture.
  const random = mulberry(9);
  const shard = new Uint8Array(SAMPLE_COUNT * (side * side + 1));
  for (let i = 0; i < SAMPLE_COUNT; i++) {
    const kind = i % kinds;
    const angle = (kind * Math.PI) / kinds;
    const phase = random() * 2 * Math.PI;
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++) {
        const light = Math.sin(1.5 * (x * Math.cos(angle) + y * Math.sin(angle)) + phase);
        shard[i * side * side + y * side + x] = 128 + 90 * light + 30 * (random() - 0.5);
      }
    shard[SAMPLE_COUNT * side * side + i] = kind;
  }
  const manifest = manifestOf(model, data, { batchSize: 8, learningRate: 0.005 });
  const { before, after } = await learn(manifest, shard, 5);
  expect(before.loss).toBeGreaterThan(1.2);
  expect(after.loss).toBeLessThan(0.7 * before.loss);
  expect(after.accuracy).toBeGreaterThan(0.5);
});
