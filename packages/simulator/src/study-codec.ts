/**
 * What each way of making an update small costs and loses on this engine's CPU, for `npm run bench:codec`. Pure: the
 * clock is an argument. Times are the fastest of turns in which copying the float32 vector takes part, as the
 * yardstick: whatever else the machine does can only slow one down.
 */
import {
  averageUpdates,
  decodeUpdate,
  encodeUpdate,
  mulberry,
  relativeDistance,
  streamSeed,
  type Scheme,
} from '@murmuration/codec';
import { textOf, writeText } from './study-text.ts';
import { trainSwarm } from './study-training.ts';

export interface CodecStudyOptions {
  readonly scheme: Scheme;
  /** Values of the vector. */
  readonly count: number;
  readonly turns: number;
  readonly seed: number;
  readonly nowMs: () => number;
}

export interface CodecRow {
  readonly scheme: Scheme;
  /** Of Gaussian values, everything included. */
  readonly bitsPerValue: number;
  readonly bitsPerKept: number | null;
  /** |decoded - vector| / |vector| of one encoding of Gaussian values. */
  readonly relativeError: number;
  /** Milliseconds, the fastest turn's. Copying and decoding go to room that is there already. */
  readonly copyMs: number;
  readonly encodeMs: number;
  readonly decodeMs: number;
  /** Eight authors' updates decoded, judged and averaged. */
  readonly averageMs: number;
}

const PEERS = 8;
const WARM_UP_TURNS = 2;

export function codecRow({ scheme, count, turns, seed, nowMs }: CodecStudyOptions): CodecRow {
  const vectors = Array.from({ length: PEERS }, (_, p) => gaussian(count, streamSeed(seed, 'codec', p)));
  const [vector] = vectors as [Float32Array];
  const encoded = encodeUpdate(scheme, vector);
  const restored = decodeUpdate(encoded);
  const updates = vectors.map((one, p) => ({
    author: `v${p}`,
    sampleCount: 80,
    encoded: encodeUpdate(scheme, one),
  }));
  const kept = restored.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
  const target = new Float32Array(count);
  const ways = {
    copy: () => target.set(vector),
    encode: () => encodeUpdate(scheme, vector),
    decode: () => decodeUpdate(encoded, target),
    average: () => averageUpdates(updates, count),
  };
  const times: Record<keyof typeof ways, number[]> = { copy: [], encode: [], decode: [], average: [] };
  for (let turn = 0; turn < WARM_UP_TURNS + turns; turn++)
    for (const way of ['copy', 'encode', 'decode', 'average'] as const) {
      const startedMs = nowMs();
      ways[way]();
      const ms = nowMs() - startedMs;
      if (turn >= WARM_UP_TURNS) times[way].push(ms);
    }
  return {
    scheme,
    bitsPerValue: (8 * encoded.length) / count,
    bitsPerKept: scheme.startsWith('topk-') ? (8 * encoded.length) / kept : null,
    relativeError: relativeDistance(restored, vector),
    copyMs: least(times.copy),
    encodeMs: least(times.encode),
    decodeMs: least(times.decode),
    averageMs: least(times.average),
  };
}

export interface CodecTraining {
  /** Of what tabs really send, a parameter and exchange, everything included. */
  readonly bitsPerExchange: number;
  /** Validation loss at the end (nats a character). */
  readonly finalLoss: number;
}

const TEXT_CHARACTERS = 200_000;

/** A short training of the character model: the updates are real, residuals and all; the loss only ranks. */
export function codecTraining(
  scheme: Scheme,
  { steps, seed }: { steps: number; seed: number },
): CodecTraining {
  const localSteps = 10;
  const { payloadBits, finalLoss } = trainSwarm({
    text: textOf('written', writeText(seed, TEXT_CHARACTERS)),
    seed,
    peers: 4,
    batchSize: 8,
    steps,
    localSteps,
    warmUpRounds: 0,
    scheme,
    optimiser: 'adam',
    learningRate: 0.008,
    outerLearningRate: 1,
    divisor: 'all',
    churnShare: 0,
    evaluateEverySteps: steps,
    validationSamples: 2_000,
  });
  return { bitsPerExchange: payloadBits * localSteps, finalLoss };
}

function gaussian(count: number, seed: number): Float32Array {
  const random = mulberry(seed);
  return Float32Array.from(
    { length: count },
    () => 0.01 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

const least = (values: readonly number[]) => Math.min(...values);
