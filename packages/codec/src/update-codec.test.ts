import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mulberry } from './random.ts';
import {
  addDecoded,
  decodeUpdate,
  encodedBytes,
  encodedNorm,
  encodeUpdate,
  inspectUpdate,
  isSparse,
  SCHEMES,
} from './update-codec.ts';
import { norm } from './vectors.ts';

function gaussian(count: number, seed: number): Float32Array {
  const random = mulberry(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

const vectors = fc
  .array(
    fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e20), max: Math.fround(1e20) }),
    {
      minLength: 1,
      maxLength: 700,
    },
  )
  .map((values) => Float32Array.from(values));

describe('update codec', () => {
  it('[P4] takes exactly the bytes that its size formula says, a sparse one no more, and accepts its own work', () => {
    fc.assert(
      fc.property(vectors, fc.constantFrom(...SCHEMES), (vector, scheme) => {
        const bytes = encodeUpdate(scheme, vector);
        const most = encodedBytes(scheme, vector.length);
        if (isSparse(scheme)) expect(bytes.length).toBeLessThanOrEqual(most);
        else expect(bytes.length).toBe(most);
        expect(inspectUpdate(bytes, scheme, vector.length)).toBeNull();
      }),
    );
  });

  it('[P4] under topk-auto any top-k is taken, and nothing else', () => {
    const vector = gaussian(9_000, 3);
    for (const scheme of SCHEMES) {
      const bytes = encodeUpdate(scheme, vector);
      const verdict = inspectUpdate(bytes, 'topk-auto', vector.length);
      expect(verdict).toBe(isSparse(scheme) ? null : 'update-bad-scheme');
      if (isSparse(scheme)) expect(bytes.length).toBeLessThan(encodedBytes('topk-auto', vector.length));
    }
    const unknown = encodeUpdate('topk-64', vector);
    unknown[2] = 65;
    expect(inspectUpdate(unknown, 'topk-auto', vector.length)).toBe('update-bad-scheme');
  });

  it('fp32 restores every value exactly', () => {
    fc.assert(
      fc.property(vectors, (vector) => {
        const restored = decodeUpdate(encodeUpdate('fp32', vector));
        expect(vector.every((value, i) => restored[i] === value)).toBe(true);
      }),
    );
  });

  it.each([
    ['int8', 127],
    ['int4', 7.5],
  ] as const)('%s is never further off than half a step of its block, and keeps zeros', (scheme, codes) => {
    fc.assert(
      fc.property(vectors, (vector) => {
        const restored = decodeUpdate(encodeUpdate(scheme, vector));
        for (let start = 0; start < vector.length; start += 256) {
          const block = vector.subarray(start, start + 256);
          const peak = block.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
          // Half a step of peak / codes, the scale rounded up by at most 2^-7; a block under 2^-100 is zero.
          const bound = (peak / codes) * 0.5 * (1 + 1 / 128) + 2 ** -100;
          for (const [i, value] of block.entries()) {
            expect(Math.abs(restored[start + i]! - value)).toBeLessThanOrEqual(bound * 1.0001);
            if (peak === 0) expect(restored[start + i]).toBe(0);
          }
        }
      }),
    );
  });

  it('int8 costs at most 8.07 bits a parameter at 100,000 and loses under 0.7 % of Gaussian data (relative L2)', () => {
    const vector = gaussian(100_000, 7);
    const bytes = encodeUpdate('int8', vector);
    const restored = decodeUpdate(bytes);
    const error = norm(restored.map((value, i) => value - vector[i]!)) / norm(vector);
    expect((8 * bytes.length) / vector.length).toBeLessThanOrEqual(8.07);
    expect(error).toBeLessThan(0.007);
  });

  it('the norm of encoded bytes is the norm of what they decode to', () => {
    for (const scheme of SCHEMES) {
      const bytes = encodeUpdate(scheme, gaussian(9_000, 3));
      expect(encodedNorm(bytes) / norm(decodeUpdate(bytes))).toBeCloseTo(1, 5);
    }
  });

  it('counts who sent a value: everybody in a dense scheme, also a zero, and the kept ones in a sparse one', () => {
    const vector = gaussian(5_000, 4);
    vector[17] = 0;
    for (const scheme of SCHEMES) {
      const bytes = encodeUpdate(scheme, vector);
      const sums = new Float64Array(vector.length);
      addDecoded(bytes, 1, new Float64Array(vector.length), { sums, weight: 0.25 });
      const restored = decodeUpdate(bytes);
      expect(sums.every((sum, i) => sum === (isSparse(scheme) && restored[i] === 0 ? 0 : 0.25))).toBe(true);
    }
  });

  it('[P4] refuses wrong scheme, count, length, header, scale and values, each by its name', () => {
    const good = encodeUpdate('int8', gaussian(300, 1));
    const broken = (change: (bytes: Uint8Array) => void) => {
      const bytes = good.slice();
      change(bytes);
      return inspectUpdate(bytes, 'int8', 300);
    };
    expect(inspectUpdate(good, 'fp32', 300)).toBe('update-bad-scheme');
    expect(inspectUpdate(good, 'int8', 301)).toBe('update-wrong-count');
    expect(inspectUpdate(good.subarray(0, 5), 'int8', 300)).toBe('update-too-short');
    expect(inspectUpdate(good.subarray(0, good.length - 1), 'int8', 300)).toBe('update-wrong-length');
    expect(broken((bytes) => (bytes[1] = 1))).toBe('update-bad-header');
    expect(broken((bytes) => bytes.set([0xc0, 0x7f], 8))).toBe('update-bad-scale'); // NaN
    expect(broken((bytes) => bytes.set([0x80, 0xbf], 8))).toBe('update-bad-scale'); // -1
    expect(broken((bytes) => bytes.set([0x80, 0x7f], 8))).toBe('update-bad-scale'); // infinity
    const fp32 = encodeUpdate('fp32', Float32Array.of(1, Number.NaN));
    expect(inspectUpdate(fp32, 'fp32', 2)).toBe('update-not-finite');
    const int4 = encodeUpdate('int4', gaussian(301, 1));
    int4[int4.length - 1]! |= 0x70;
    expect(inspectUpdate(int4, 'int4', 301)).toBe('update-bad-code');
    const sparse = encodeUpdate('topk-64', gaussian(300, 1));
    expect(inspectUpdate(sparse, 'topk-32', 300)).toBe('update-bad-header');
    expect(inspectUpdate(sparse.subarray(0, sparse.length - 1), 'topk-64', 300)).toBe('update-bad-code');
    const padded = new Uint8Array(encodedBytes('topk-64', 300) + 1);
    padded.set(sparse);
    expect(inspectUpdate(padded, 'topk-64', 300)).toBe('update-wrong-length');
    expect(inspectUpdate(padded.subarray(0, sparse.length + 1), 'topk-64', 300)).toBe('update-bad-code');
  });

  it('[P4] whatever bytes inspection accepts decode to finite values', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 80 }),
        fc.constantFrom(...SCHEMES),
        (noise, scheme) => {
          const bytes = encodeUpdate(scheme, new Float32Array(16).fill(0.5));
          for (const [i, byte] of noise.entries()) if (8 + i < bytes.length) bytes[8 + i] = byte;
          if (inspectUpdate(bytes, scheme, 16) === null)
            for (const value of decodeUpdate(bytes)) expect(Number.isFinite(value)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
