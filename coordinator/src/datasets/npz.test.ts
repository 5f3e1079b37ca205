import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { type AnyWish, numbersOf, Workshop } from '../../testing/data.ts';

const workshop = new Workshop();
afterAll(() => workshop.close());

interface NpyParts {
  readonly descr: string;
  readonly shape: readonly number[];
  readonly values: Uint8Array;
  readonly version?: number;
  readonly order?: 'True' | 'False';
}

/** A .npy as numpy.save writes it; nothing is checked, so that wrong ones can be made. */
function npy({ descr, shape, values, version = 1, order = 'False' }: NpyParts): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const lengthBytes = version === 1 ? 2 : 4;
  const header = `${text.padEnd(Math.ceil((9 + lengthBytes + text.length) / 64) * 64 - 9 - lengthBytes)}\n`;
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntLE(header.length, 0, lengthBytes);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.of(version, 0),
    length,
    Buffer.from(header, 'latin1'),
    values,
  ]);
}
const bytesOf = (values: { readonly buffer: ArrayBufferLike }) => new Uint8Array(values.buffer);
const floats = (count: number, shape: number[], value: (i: number) => number) =>
  npy({
    descr: '<f4',
    shape: [count, ...shape],
    values: bytesOf(
      Float32Array.from({ length: count * shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i)),
    ),
  });
const longs = (count: number, value: (i: number) => number) =>
  npy({
    descr: '<i8',
    shape: [count],
    values: bytesOf(BigInt64Array.from({ length: count }, (_, i) => BigInt(value(i)))),
  });

const X = floats(60, [3], (i) => (i * 7) % 31);
const Y = longs(60, (i) => i % 3);
const npz = (files: Record<string, Uint8Array>, level: 0 | 6 = 6) => workshop.file(zipSync(files, { level }));
type NpzWish = Omit<Extract<AnyWish, { kind: 'npz' }>, 'kind' | 'file'>;
const make = (file: string, wish: NpzWish = {}) => workshop.make({ kind: 'npz', file, ...wish });
const refusal = (file: string, wish: NpzWish = {}) => workshop.refusal({ kind: 'npz', file, ...wish });

describe('NumPy arrays', () => {
  it('x and y of a compressed or stored .npz, or two .npy, are the same dataset', async () => {
    const made = await make(npz({ 'x.npy': X, 'y.npy': Y }));
    expect(made).toMatchObject({
      encoding: 'float32',
      sampleShape: [3],
      target: { kind: 'class', classCount: 3 },
    });
    expect((await make(npz({ 'x.npy': X, 'y.npy': Y }, 0))).shards).toEqual(made.shards);
    const labels = workshop.file(Y);
    expect((await make(workshop.file(X), { labels })).shards).toEqual(made.shards);
    const named = npz({ 'a.npy': X, 'b.npy': Y, 'c.npy': X });
    expect((await make(named, { features: 'a', target: 'b' })).shards).toEqual(made.shards);
  });

  it.each([
    ['<f8', Float64Array],
    ['<i4', Int32Array],
    ['<u2', Uint16Array],
    ['|i1', Int8Array],
  ])('reads %s, standardised value by value', async (descr, Values) => {
    const values = bytesOf(Values.from(Array.from({ length: 120 }, (_, i) => (i * 5) % 17)));
    const made = await make(
      npz({ 'x.npy': npy({ descr, shape: [40, 3], values }), 'y.npy': longs(40, (i) => i % 2) }),
    );
    const rows = workshop.trainRows(made).map(({ features }) => numbersOf(features));
    for (const column of [0, 1, 2])
      expect(rows.reduce((sum, row) => sum + row[column]!, 0) / rows.length).toBeCloseTo(0, 4);
  });

  it('reads big-endian values and version 2', async () => {
    const big = Buffer.alloc(60 * 3 * 4);
    for (let i = 0; i < 180; i++) big.writeFloatBE((i * 7) % 31, 4 * i);
    const x = npy({ descr: '>f4', shape: [60, 3], values: big, version: 2 });
    const plain = await make(npz({ 'x.npy': X, 'y.npy': Y }));
    expect((await make(npz({ 'x.npy': x, 'y.npy': Y }))).shards).toEqual(plain.shards);
  });

  it('bytes of two dimensions are pictures, with a channel; floats predict values; other samples share one deviation', async () => {
    const values = Uint8Array.from({ length: 40 * 6 }, (_, i) => i % 251);
    const y = longs(40, (i) => i % 2);
    const pictures = await make(
      npz({ 'x.npy': npy({ descr: '|u1', shape: [40, 2, 3], values }), 'y.npy': y }),
    );
    expect(pictures).toMatchObject({ encoding: 'uint8', sampleShape: [2, 3, 1] });
    const made = await make(
      npz({ 'x.npy': floats(40, [2, 2, 2], (i) => i % 13), 'y.npy': floats(40, [2], (i) => i) }),
    );
    expect(made).toMatchObject({
      encoding: 'float32',
      sampleShape: [2, 2, 2],
      target: { kind: 'value', size: 2 },
    });
    expect(made.preprocessing.input).toMatchObject({ columns: [{ name: 'x', size: 8 }] });
  });

  const cut = (file: Uint8Array, bytes: number) => file.subarray(0, file.length - bytes);
  const cases: [name: string, x: Uint8Array, y: Uint8Array, says: RegExp][] = [
    ['no .npy', Buffer.from('hello, world'), Y, /"x" is no .npy/],
    ['a cut header', X.subarray(0, 30), Y, /"x" ends at byte 30, in its header/],
    ['cut values', cut(X, 5), Y, /"x" ends at byte 843; its header announces \[60,3\] of 4 bytes/],
    ['values behind the end', Buffer.concat([X, Buffer.of(1)]), Y, /"x" goes on after byte 848/],
    [
      'an endless header',
      Buffer.concat([Buffer.from('\x93NUMPY\x02\x00', 'latin1'), Buffer.alloc(9, 0xff)]),
      Y,
      /header of 4294967295 bytes/,
    ],
    [
      'version 9',
      Buffer.concat([Buffer.from('\x93NUMPY\x09\x00', 'latin1'), X.subarray(8)]),
      Y,
      /version 9 at byte 6/,
    ],
    [
      'pickled objects',
      npy({ descr: '|O8', shape: [60, 3], values: new Uint8Array(9) }),
      Y,
      /type '\|O8'.*astype/,
    ],
    [
      'Fortran order',
      npy({ descr: '<f4', shape: [60, 3], values: new Uint8Array(720), order: 'True' }),
      Y,
      /Fortran/,
    ],
    ['other counts', X, longs(59, () => 0), /59 in "y" for 60 samples in "x"/],
    [
      'a class that is none',
      X,
      longs(60, (i) => i - 1),
      /row 0 has the class -1; expected a whole number from 0 to 255/,
    ],
    [
      'an endless value',
      floats(60, [3], (i) => (i === 100 ? Infinity : i)),
      Y,
      /value 1 of sample 33 is Infinity/,
    ],
    [
      'huge dimensions',
      npy({ descr: '<f4', shape: [4_000_000_000, 3], values: new Uint8Array(0) }),
      Y,
      /holds 4000000000 samples/,
    ],
    [
      'a sample too large',
      npy({ descr: '<f4', shape: [60, 60_000, 60_000], values: new Uint8Array(0) }),
      Y,
      /samples of \[60000,60000\]/,
    ],
    ['no dimension', npy({ descr: '<f4', shape: [], values: new Uint8Array(4) }), Y, /no dimensions/],
  ];
  it.each(cases)('[U10] [U13] refuses %s, naming array and place', async (_, x, y, says) => {
    expect((await refusal(npz({ 'x.npy': x, 'y.npy': y }))).message).toMatch(says);
  });

  it('[U10] refuses what is no zip, a cut zip, names that lead elsewhere, arrays that are not there', async () => {
    expect((await refusal(workshop.file('no zip'))).message).toMatch(/no zip/);
    const whole = zipSync({ 'x.npy': X, 'y.npy': Y });
    expect((await refusal(workshop.file(cut(whole, 40)))).message).toMatch(/no zip/);
    expect((await refusal(npz({ '../x.npy': X, 'y.npy': Y }))).message).toMatch(/no zip that can be read/);
    expect((await refusal(npz({ 'a.npy': X, 'y.npy': Y }))).message).toMatch(
      /features: which array is it\? .*holds a, y/,
    );
    expect((await refusal(npz({ 'x.npy': X, 'y.npy': Y }), { target: 'z' })).message).toMatch(
      /target: there is no array "z"/,
    );
  });

  it('[U3] a file that inflates to more than its directory says is stopped there', async () => {
    const bomb = zipSync({ 'x.npy': Buffer.concat([X, Buffer.alloc(64 * 1024 * 1024)]), 'y.npy': Y });
    // The directory and the entry's own header say the honest size.
    const lying = Buffer.from(bomb);
    for (let at = 0; at + 4 <= lying.length; at++)
      if (lying.readUInt32LE(at) === X.length + 64 * 1024 * 1024) lying.writeUInt32LE(X.length, at);
    expect((await refusal(workshop.file(lying))).message).toMatch(/"x.npy" is damaged: too many bytes/);
  });

  it('answers any damage with a dataset or a DatasetError', async () => {
    const whole = zipSync({ 'x.npy': X, 'y.npy': Y }, { level: 0 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(whole.length),
        async (changes, length) => {
          const damaged = Uint8Array.from(whole);
          for (const [at, byte] of changes) damaged[at] = byte;
          const wish: AnyWish = {
            kind: 'npz',
            file: workshop.file(length % 3 === 0 ? damaged.subarray(0, length) : damaged),
          };
          const made = await workshop.make(wish).catch(() => null);
          if (made === null) expect(await workshop.refusal(wish)).toMatchObject({ name: 'DatasetError' });
          else workshop.trainRows(made);
        },
      ),
      { seed: 5, numRuns: 150 },
    );
  });
});
