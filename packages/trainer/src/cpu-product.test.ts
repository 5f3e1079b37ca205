/** The processor's products are those of the definition, whatever the sizes, orders and batches. */
import * as tf from '@tensorflow/tfjs-core';
import { mulberry } from '@murmuration/codec';
import { beforeAll, expect, test } from 'vitest';
import { openDevice } from './device.ts';

beforeAll(() => openDevice('cpu'));

const random = mulberry(5);
const drawn = (...shape: number[]) =>
  tf.tensor(
    Float32Array.from({ length: shape.reduce((x, y) => x * y, 1) }, () => random() * 2 - 1),
    shape,
  );

/** By the definition, in doubles. */
function expected(a: number[][], b: number[][]): number[][] {
  return a.map((row) => b[0]!.map((_, c) => row.reduce((sum, value, k) => sum + value * b[k]![c]!, 0)));
}
const turned = (m: number[][]) => m[0]!.map((_, c) => m.map((row) => row[c]!));
const close = (actual: number[][], wanted: number[][]) => {
  expect(actual.map((row) => row.length)).toEqual(wanted.map((row) => row.length));
  for (const [r, row] of actual.entries())
    for (const [c, value] of row.entries()) expect(value).toBeCloseTo(wanted[r]![c]!, 4);
};

const tableOf = async (tensor: tf.Tensor) => (await tensor.array()) as number[][];
const tablesOf = async (tensor: tf.Tensor) =>
  (await tf.reshape(tensor, [-1, ...tensor.shape.slice(-2)]).array()) as number[][][];

test.each([
  [1, 1, 1],
  [2, 4, 3],
  [3, 5, 2],
  [5, 7, 9],
  [8, 64, 65],
])('[%i, %i] by [%i]: all four orders', async (rows, inner, columns) => {
  for (const transposeA of [false, true])
    for (const transposeB of [false, true]) {
      const a = transposeA ? drawn(inner, rows) : drawn(rows, inner);
      const b = transposeB ? drawn(columns, inner) : drawn(inner, columns);
      const [left, right] = [await tableOf(a), await tableOf(b)];
      const wanted = expected(transposeA ? turned(left) : left, transposeB ? turned(right) : right);
      close(await tableOf(tf.matMul(a, b, transposeA, transposeB)), wanted);
    }
});

test('batches, one for all, with bias and relu', async () => {
  const a = drawn(2, 3, 4, 5);
  const b = drawn(2, 3, 5, 3);
  const one = drawn(5, 3) as tf.Tensor2D;
  const [lefts, rights, right] = [await tablesOf(a), await tablesOf(b), await tableOf(one)];
  const products = await tablesOf(tf.matMul(a, b));
  for (const [i, left] of lefts.entries()) close(products[i]!, expected(left, rights[i]!));
  const shared = tf.matMul(tf.reshape(a, [6, 4, 5]), tf.reshape(one, [1, 5, 3]));
  expect(shared.shape).toEqual([6, 4, 3]);
  for (const [i, left] of lefts.entries()) close((await tablesOf(shared))[i]!, expected(left, right));
  const [table, bias] = [drawn(4, 5) as tf.Tensor2D, drawn(3) as tf.Tensor1D];
  const fused = tf.fused.matMul({ a: table, b: one, bias, activation: 'relu' });
  const offsets = await bias.data();
  const plain = expected(await tableOf(table), right);
  close(
    await tableOf(fused),
    plain.map((row) => row.map((value, c) => Math.max(0, value + offsets[c]!))),
  );
});
