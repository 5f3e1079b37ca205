import { describe, expect, it } from 'vitest';
import { averagingMaxBytes } from './averaging.ts';
import { copiesBytes, keptUpdatesMaxBytes, modelCopies, type CopyName } from './model-copies.ts';
import { DEFAULT_TRAINING, type Training } from './run.ts';

const MILLION = 1_000_000;
const copies = (training: Partial<Training> = {}, members = 4) =>
  modelCopies({ parameterCount: MILLION, training: { ...DEFAULT_TRAINING, ...training }, members });
const bytesOf = (list: readonly { readonly what: CopyName; readonly bytes: number }[], what: CopyName) =>
  list.find((copy) => copy.what === what)!.bytes;

describe('the copies of a model', () => {
  it('are one moment fewer without a momentum, before and after a step', () => {
    expect(bytesOf(copies().gpu, 'moments')).toBe(4 * 4 * MILLION);
    expect(bytesOf(copies({ optimiser: 'rmsprop-floored' }).gpu, 'moments')).toBe(2 * 4 * MILLION);
    expect(bytesOf(copies({ optimiser: 'momentum' }).gpu, 'moments')).toBe(2 * 4 * MILLION);
    expect(bytesOf(copies({ optimiser: 'sgd' }).gpu, 'moments')).toBe(0);
  });

  it('of the exchange lie on the GPU only where kernels form the updates', () => {
    // Whole chunks of 4,096.
    expect(bytesOf(copies().gpu, 'exchange')).toBe(6 * 4 * 245 * 4_096);
    for (const codec of ['fp32', 'fp16'] as const)
      expect(bytesOf(copies({ codec }).gpu, 'exchange') + bytesOf(copies({ codec }).gpu, 'packed')).toBe(0);
  });

  it('are of every member where members exchange, and of the server alone in a central run', () => {
    const held = (training: Partial<Training>, members: number) =>
      bytesOf(copies(training, members).worker, 'heldUpdates');
    expect(held({}, 32)).toBeGreaterThan(7 * held({}, 4));
    const central = { architecture: 'central' } as const;
    expect(held(central, 32)).toBe(held(central, 2));
    expect(held(central, 2)).toBe(3 * 1_008_000);
    expect(copies().server).toEqual([]);
    const training = { ...DEFAULT_TRAINING, ...central };
    expect(copiesBytes(copies(central).server)).toBe(
      averagingMaxBytes({ parameterCount: MILLION, training }),
    );
  });
});

it('closed rounds are kept by the byte, and small ones by their number', () => {
  expect(keptUpdatesMaxBytes(1_000)).toBe(16_000);
  expect(keptUpdatesMaxBytes(4 * MILLION)).toBe(16 * 1024 * 1024);
  expect(keptUpdatesMaxBytes(32 * MILLION)).toBe(4 * 32 * MILLION);
});
