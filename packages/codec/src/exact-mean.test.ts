import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageUpdates, partsOf, weighUpdates, type GroupUpdate } from './averaging.ts';
import { bfloat16Up } from './bfloat16.ts';
import { BLOCK_VALUES } from './block-codes.ts';
import { planSum } from './exact-mean.ts';
import { mulberry } from './random.ts';
import { decodeUpdate, encodeUpdate, SCHEMES, type Scheme } from './update-codec.ts';
import { fingerprint } from './vectors.ts';

const COUNT = 9_000;

function vectorOf(seed: number, count = COUNT, spread = 1): Float32Array {
  const random = mulberry(seed);
  // Blocks of very different sizes, as layers of a model have them.
  return Float32Array.from(
    { length: count },
    (_, i) => spread * 10 ** -(Math.floor(i / 700) % 6) * (random() + random() + random() - 1.5),
  );
}

const groups = fc
  .record({
    seed: fc.nat(100_000),
    schemes: fc.array(fc.constantFrom<Scheme>(...SCHEMES), { minLength: 1, maxLength: 9 }),
    spread: fc.constantFrom(1, 1e-6, 1e15),
    rate: fc.constantFrom(1, 0.7, 2),
  })
  .map(({ seed, schemes, spread, rate }) => ({
    rate,
    updates: schemes.map((scheme, i): GroupUpdate => ({
      author: `v${i}`,
      sampleCount: 40 + ((seed + 7 * i) % 100),
      encoded: encodeUpdate(scheme, vectorOf(seed + i, COUNT, spread)),
    })),
  }));

describe('[R10] the mean is a sum of whole numbers', () => {
  it('the same bits in whatever order updates of any schemes came', () => {
    fc.assert(
      fc.property(groups, fc.nat(1_000), ({ updates, rate }, seed) => {
        const random = mulberry(seed);
        const shuffled = updates
          .map((update) => ({ update, at: random() }))
          .sort((a, b) => a.at - b.at)
          .map(({ update }) => update);
        expect(fingerprint(averageUpdates(shuffled, COUNT, 'all', rate))).toBe(
          fingerprint(averageUpdates(updates, COUNT, 'all', rate)),
        );
      }),
      { numRuns: 40 },
    );
  });

  it('is no further from the weighted mean in doubles than its units allow', () => {
    fc.assert(
      fc.property(groups, ({ updates, rate }) => {
        const parts = partsOf(weighUpdates(updates, COUNT), rate);
        const { units } = planSum(parts, COUNT);
        const mean = averageUpdates(updates, COUNT, 'all', rate);
        const exact = new Float64Array(COUNT);
        for (const { update, factor } of parts)
          for (const [i, value] of decodeUpdate(update.bytes).entries()) exact[i]! += factor * value;
        // A multiplier is off by half a unit, times the largest code.
        for (let i = 0; i < COUNT; i++)
          if (!(Math.abs(mean[i]! - exact[i]!) <= 64 * parts.length * units[i >>> 8]!))
            expect({ i, is: mean[i], must: exact[i] }).toBe('closer');
        expect(mean.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('every sum stays under 2^24, so that an i32 and a float32 hold it exactly', () => {
    // 32 updates that agree in every code, each at the largest: the sum is as large as it can be.
    const updates = Array.from({ length: 32 }, (_, i) => ({
      author: `v${i + 10}`,
      sampleCount: 10,
      encoded: encodeUpdate('int8', new Float32Array(BLOCK_VALUES).fill(0.1 + i / 1_000)),
    }));
    const parts = partsOf(weighUpdates(updates, BLOCK_VALUES), 2);
    const { units, multipliers } = planSum(parts, BLOCK_VALUES);
    const most = multipliers.reduce((total, each) => total + 127 * each[0]!, 0);
    expect(most).toBeLessThan(2 ** 24);
    expect(most).toBeGreaterThan(2 ** 22);
    for (const value of averageUpdates(updates, BLOCK_VALUES, 'all', 2))
      expect(Number.isInteger(value / units[0]!)).toBe(true);
  });

  it('one update alone comes out as it was sent, to a few parts in 100,000', () => {
    for (const scheme of SCHEMES) {
      const encoded = encodeUpdate(scheme, vectorOf(5));
      const sent = decodeUpdate(encoded);
      const mean = averageUpdates([{ author: 'a', sampleCount: 9, encoded }], COUNT);
      for (let block = 0; block < COUNT; block += BLOCK_VALUES) {
        const peak = sent.subarray(block, block + BLOCK_VALUES).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
        for (let i = block; i < Math.min(block + BLOCK_VALUES, COUNT); i++)
          expect(Math.abs(mean[i]! - sent[i]!)).toBeLessThanOrEqual(2e-5 * peak);
      }
    }
  });
});

describe('block codes are what exact arithmetic says', () => {
  /** value = mantissa * 2^power, mantissa a whole number. */
  const exactOf = (value: number) => {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    const bits = view.getUint32(0) & 0x7fffffff;
    return { mantissa: BigInt((bits & 0x7fffff) | 0x800000), power: (bits >>> 23) - 150 };
  };

  it.each([
    // The largest magnitude over the scale is top / share; no code is larger than most.
    ['int8', 127n, 1n, 127n],
    ['int4', 15n, 2n, 7n],
  ] as const)(
    '%s: the scale is the least bfloat16 that reaches, a code the nearest whole number, ties to even',
    (scheme, top, share, most) => {
      const random = mulberry(3);
      for (let round = 0; round < 300; round++) {
        const spread = 2 ** Math.floor(160 * random() - 90);
        // Some values are exact ties: whole and half multiples of a scale.
        const vector = Float32Array.from({ length: 64 }, (_, i) =>
          i % 3 === 0 ? spread * (Math.floor(40 * random()) / 8 - 2) : spread * (2 * random() - 1),
        );
        const bytes = encodeUpdate(scheme, vector);
        const peak = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
        const scaleBits = bytes[8]! | (bytes[9]! << 8);
        expect(scaleBits).toBe(bfloat16Up(peak / (Number(top) / Number(share))));
        const scale = { mantissa: BigInt((scaleBits & 0x7f) | 0x80), power: (scaleBits >>> 7) - 134 };
        const { mantissa, power } = exactOf(peak);
        const reaches = (m: bigint) =>
          m * top * (1n << BigInt(scale.power + 300)) >= share * mantissa * (1n << BigInt(power + 300));
        expect(reaches(scale.mantissa)).toBe(true);
        expect(reaches(scale.mantissa - 1n)).toBe(false);
        const decoded = decodeUpdate(bytes);
        for (const [i, value] of vector.entries()) {
          if (value === 0) continue;
          const exact = exactOf(value);
          const above = exact.mantissa * (1n << BigInt(exact.power + 300));
          const below = scale.mantissa * (1n << BigInt(scale.power + 300));
          let code = above / below;
          const twice = 2n * (above % below);
          if (twice > below || (twice === below && code % 2n === 1n)) code += 1n;
          if (code > most) code = most;
          const size = Number(code) * Number(scale.mantissa) * 2 ** scale.power;
          expect(decoded[i]).toBe(Math.fround(Math.sign(value) * size) + 0);
        }
      }
    },
  );
});
