import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { realFile, Workshop } from '../../testing/data.ts';

/** An IDX file from its parts; nothing is checked, so that wrong ones can be made. */
function idx(dimensions: number[], values: ArrayLike<number>, { type = 0x08, zero = 0 } = {}): Uint8Array {
  const file = new Uint8Array(4 + 4 * dimensions.length + values.length);
  const view = new DataView(file.buffer);
  file.set([0, zero, type, dimensions.length]);
  dimensions.forEach((n, i) => view.setUint32(4 + 4 * i, n));
  file.set(values, 4 + 4 * dimensions.length);
  return file;
}
const pixels = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 37) % 256);

const IMAGES = idx([4, 2, 3], pixels(24));
const LABELS = idx([4], [0, 2, 1, 2]);

const workshop = new Workshop();
afterAll(() => workshop.close());

const wishOf = (images: Uint8Array, labels: Uint8Array) => ({
  kind: 'idx' as const,
  images: workshop.file(images),
  labels: workshop.file(labels),
});
const refusal = (images: Uint8Array, labels: Uint8Array) => workshop.refusal(wishOf(images, labels));

/** Everything but what follows from the order of the rows, and the rows in their order: the first trains alone. */
async function read(images: Uint8Array, labels: Uint8Array) {
  const made = await workshop.make({ ...wishOf(images, labels), trainSampleCount: 1 });
  const rows = [...workshop.trainRows(made), ...workshop.rows(made, made.validation)];
  return {
    sampleShape: made.sampleShape,
    target: made.target,
    samples: Buffer.concat(rows.map(({ features }) => features)),
    labels: rows.map(({ target }) => target[0]),
  };
}

describe('IDX files', () => {
  it('gives samples [rows, columns, 1], labels, and as many classes as the largest label needs', async () => {
    expect(await read(IMAGES, LABELS)).toEqual({
      sampleShape: [2, 3, 1],
      target: { kind: 'class', classCount: 3 },
      samples: Buffer.from(pixels(24)),
      labels: [0, 2, 1, 2],
    });
  });

  it('takes gzipped files, each by itself, and gives the same', async () => {
    const plain = await read(IMAGES, LABELS);
    expect(await read(gzipSync(IMAGES), LABELS)).toEqual(plain);
    expect(await read(IMAGES, gzipSync(LABELS))).toEqual(plain);
    expect(await read(gzipSync(IMAGES), gzipSync(LABELS, { level: 0 }))).toEqual(plain);
  });

  it('inflates streams whose values are incompressible and larger than any buffer of zlib', async () => {
    const noise = pixels(1_000 * 28 * 28).map((p, i) => p ^ (Math.imul(i, 2654435761) >>> 24));
    const labels = idx([1_000], noise.subarray(0, 1_000));
    const set = await read(gzipSync(idx([1_000, 28, 28], noise)), labels);
    expect(Buffer.compare(set.samples, noise)).toBe(0);
    expect(set.target).toEqual({ kind: 'class', classCount: 256 });
  });

  const without = (file: Uint8Array, bytes: number) => file.subarray(0, file.length - bytes);
  const withMore = (file: Uint8Array) => Uint8Array.from([...file, 0]);
  const text = new TextEncoder().encode('<!doctype html>');
  const cases: [name: string, images: Uint8Array, labels: Uint8Array, field: string, says: RegExp][] = [
    ['an empty file', new Uint8Array(0), LABELS, 'images', /empty/],
    ['a file of three bytes', IMAGES.subarray(0, 3), LABELS, 'images', /ends at byte 3.*00 00 08 03/],
    ['a wrong magic number', text, LABELS, 'images', /begins with 3c 21 64 6f.*00 00 08 03/],
    ['a second byte that is not 0', idx([4, 2, 3], pixels(24), { zero: 1 }), LABELS, 'images', /00 01 08 03/],
    [
      'float values',
      idx([4, 2, 3], pixels(96), { type: 0x0d }),
      LABELS,
      'images',
      /32-bit float \(0d at byte 2\)/,
    ],
    ['an unknown type', idx([4, 2, 3], pixels(24), { type: 0x33 }), LABELS, 'images', /an unknown type \(33/],
    ['float labels', IMAGES, idx([4], pixels(16), { type: 0x0e }), 'labels', /64-bit float/],
    ['swapped files', LABELS, IMAGES, 'images', /1 dimensions at byte 3; expected 3; .*swapped/],
    [
      'images with channels',
      idx([4, 1, 2, 3], pixels(24)),
      LABELS,
      'images',
      /4 dimensions at byte 3; expected 3$/,
    ],
    ['a header cut off', IMAGES.subarray(0, 11), LABELS, 'images', /ends at byte 11.*header of 16/],
    ['only a header', IMAGES.subarray(0, 16), LABELS, 'images', /ends at byte 16; the header announces 40/],
    ['short data', without(IMAGES, 1), LABELS, 'images', /ends at byte 39; the header announces 40/],
    ['short labels', IMAGES, without(LABELS, 2), 'labels', /ends at byte 10; the header announces 12/],
    ['trailing bytes', withMore(IMAGES), LABELS, 'images', /goes on after byte 40/],
    ['trailing labels', IMAGES, withMore(LABELS), 'labels', /goes on after byte 12/],
    ['trailing bytes in gzip', gzipSync(withMore(IMAGES)), LABELS, 'images', /goes on after byte 40/],
    ['no rows at all', idx([0, 2, 3], []), idx([0], []), 'images', /dimension 0 at byte 4 is 0/],
    ['a side of 0', idx([4, 0, 3], []), LABELS, 'images', /dimension 1 at byte 8 is 0/],
    ['too many rows', idx([4294967295, 1, 1], []), LABELS, 'images', /dimension 0 at byte 4 is 4294967295/],
    ['a side too large', idx([1, 2, 65537], []), LABELS, 'images', /dimension 2 at byte 12 is 65537/],
    [
      'dimensions whose product overflows',
      idx([1e7, 65536, 65536], []),
      LABELS,
      'images',
      /one sample of \[65536/,
    ],
    [
      'more values than an upload may have',
      idx([1e7, 100, 100], []),
      LABELS,
      'images',
      /announces 100000000000 bytes/,
    ],
    ['other counts', IMAGES, idx([3], [0, 1, 2]), 'labels', /3 labels for 4 images/],
    ['one class only', IMAGES, idx([4], [5, 5, 5, 5]), 'labels', /all 4 rows are of one class \(5\)/],
    ['missing labels', IMAGES, new Uint8Array(0), 'labels', /empty/],
    ['gzip cut off', without(gzipSync(IMAGES), 9), LABELS, 'images', /cut off/],
    ['gzip with a broken checksum', gzipSync(IMAGES).map((b, i, f) => (i === f.length - 6 ? b ^ 1 : b)), LABELS, 'images', /broken/], // prettier-ignore
    ['gzip with a broken stream', gzipSync(IMAGES).fill(0xff, 10, 20), LABELS, 'images', /broken/],
    ['gzip of gzip', gzipSync(gzipSync(IMAGES)), LABELS, 'images', /begins with 1f 8b/],
    ['an empty gzip', gzipSync(new Uint8Array(0)), LABELS, 'images', /ends at byte 0/],
  ];
  it.each(cases)(
    '[U4] [U10] [U13] refuses %s, naming the file and what was expected',
    async (_, images, labels, field, says) => {
      const error = await refusal(images, labels);
      expect(error.field).toBe(field);
      expect(error.message).toMatch(says);
      expect(error.message.startsWith(`${field}: `)).toBe(true);
    },
  );

  it('[U3] inflates no more of a gzip bomb than its header announces', async () => {
    // Were the whole inflated, this would take a second and say so; it ends at the first byte too many.
    const bomb = gzipSync(idx([4, 2, 3], new Uint8Array(256 * 1024 * 1024)));
    expect((await refusal(bomb, LABELS)).message).toMatch(/goes on after byte 40/);
  });

  const images = realFile('mnist10k/t10k-images-idx3-ubyte.gz');
  const labels = realFile('mnist10k/t10k-labels-idx1-ubyte.gz');
  it.skipIf(images === null)('reads the real MNIST (skipped: no mnist10k in MURMURATION_DATA)', async () => {
    const made = await workshop.make({
      kind: 'idx',
      images: images!,
      labels: labels!,
      trainSampleCount: 8_000,
    });
    expect(made).toMatchObject({
      sampleShape: [28, 28, 1],
      target: { classCount: 10 },
      trainSampleCount: 8_000,
    });
    // The labels as the test set's authors count them.
    const counts = made.preview.classes!.map(({ train, validation }) => train + validation);
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
    expect(
      made.preview.samples
        .slice(0, 10)
        .map(({ target }) => target)
        .join(''),
    ).toBe('7210414959');
    const rows = [...workshop.trainRows(made), ...workshop.rows(made, made.validation)];
    const sum = rows.reduce((all, { features }) => all + features.reduce((a, b) => a + b, 0), 0);
    expect(sum / rows.length / 784 / 255).toBeCloseTo(0.1325, 3);
  });
});
