import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader, BitWriter, geometricLengths, RUN, RUN_MAX, Tally } from './prefix-code.ts';

interface Coded {
  readonly number: number;
  readonly flag: number;
  readonly plain: number;
}
const KNOWN = geometricLengths(1 / 64);

function written(values: readonly Coded[]): Uint8Array {
  const tally = new Tally();
  for (const { number, flag } of values) tally.add(number, flag);
  const bytes = new Uint8Array(100 + 4 * values.length);
  const writer = new BitWriter(bytes, 0);
  writer.code(tally, KNOWN);
  for (const { number, flag, plain } of values) writer.coded(number, flag, plain);
  return bytes.slice(0, writer.finish());
}
const packed = ({ number, flag, plain }: Coded) => number * 4 + plain * 2 + flag;
const bit = fc.constantFrom(0, 1);
const numbers = fc.oneof(fc.nat(4_095), fc.nat(70), fc.constantFrom(0, 1, 2, 4_095));

describe('prefix code', () => {
  it('numbers from 0 to 4,095 come back with their flags and plain bits, and nothing is left over', () => {
    const coded = fc.record({ number: numbers, flag: bit, plain: bit });
    fc.assert(
      fc.property(fc.array(coded, { maxLength: RUN_MAX }), (values) => {
        const reader = new BitReader(written(values), 0);
        expect(reader.code(KNOWN)).toBe(true);
        reader.run(values.length);
        expect([...RUN.subarray(0, values.length)]).toEqual(values.map(packed));
        expect(reader.finishedWell).toBe(true);
      }),
    );
  });

  it('a few numbers take the code that is known; many of another law bring their own', () => {
    const same = (count: number) =>
      Array.from({ length: count }, () => ({ number: 4_000, flag: 1, plain: 0 }));
    expect(written(same(3))[0]! & 1).toBe(0);
    const many = written(same(1_000));
    expect(many[0]! & 1).toBe(1);
    // One bit of code, ten digits, the plain bit.
    expect(many.length).toBeLessThan((12 * 1_000) / 8 + 50);
  });

  it('[P4] lengths that are no complete code are refused', () => {
    const lengthsOf = (lengths: readonly number[]) => {
      const bytes = new Uint8Array(60);
      const writer = new BitWriter(bytes, 0);
      writer.bits(1, 1);
      for (let symbol = 0; symbol < 94; symbol++) writer.bits(lengths[symbol] ?? 0, 4);
      writer.finish();
      return new BitReader(bytes, 0).code(KNOWN);
    };
    expect(lengthsOf([1, 1])).toBe(true);
    expect(lengthsOf([2, 2, 1])).toBe(true);
    expect(lengthsOf([])).toBe(false);
    expect(lengthsOf([1])).toBe(false);
    expect(lengthsOf([1, 1, 1])).toBe(false);
    expect(lengthsOf([1, 13, 13])).toBe(false);
  });

  it('small numbers of unknown size come back, and an endless prefix is none', () => {
    for (const least of [0, 1, 2])
      for (const value of [0, 1, 2, 3, 30, 31, 1_000, 4_090]) {
        const bytes = new Uint8Array(8);
        const writer = new BitWriter(bytes, 0);
        writer.number(value, least);
        writer.finish();
        expect(new BitReader(bytes, 0).number(least)).toBe(value);
      }
    expect(new BitReader(new Uint8Array(8), 0).number(1)).toBe(-1);
  });

  it('[P4] bytes of noise never throw, wherever they end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(RUN_MAX), (bytes, count) => {
        const reader = new BitReader(bytes, 0);
        if (!reader.code(KNOWN)) return;
        reader.run(count);
        expect(RUN.subarray(0, count).every((value) => value < 4 * 8_192)).toBe(true);
        expect([true, false]).toContain(reader.finishedWell);
      }),
    );
  });
});
