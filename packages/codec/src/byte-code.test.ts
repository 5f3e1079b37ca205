import { describe, expect, it } from 'vitest';
import { codeOfBytes, readCodedBytes } from './byte-code.ts';
import { mulberry } from './random.ts';

const random = mulberry(3);
const coded = (values: Uint8Array): Uint8Array => {
  const code = codeOfBytes(values);
  const bytes = new Uint8Array(code.byteLength);
  code.write(bytes, 0);
  return bytes;
};
/** Values that halve in frequency, as exponents do. */
const values = Uint8Array.from(
  { length: 10_000 },
  () => 120 - Math.min(20, Math.floor(-Math.log2(random()))),
);

describe('bytes in a code of their own', () => {
  it('come back as they were: frequent ones in few bits, all of 256, one value', () => {
    const cases = [
      values,
      Uint8Array.from({ length: 4_096 }, (_, i) => i),
      new Uint8Array(777).fill(9),
      new Uint8Array(777),
    ];
    for (const plain of cases) {
      const bytes = coded(plain);
      const back = new Uint8Array(plain.length);
      expect(readCodedBytes(bytes, 0, back)).toBe(bytes.length);
      expect(back).toEqual(plain);
    }
    // The entropy of halving frequencies is 2 bits.
    expect(8 * (coded(values).length - 128)).toBeLessThan(2.05 * values.length);
  });

  it('[P4] a code that is none, missing bytes and bits behind the end are refused', () => {
    const bytes = coded(values);
    const out = new Uint8Array(values.length);
    expect(readCodedBytes(bytes.subarray(0, bytes.length - 1), 0, out)).toBe(-1);
    expect(readCodedBytes(bytes.subarray(0, 100), 0, out)).toBe(-1);
    const other = bytes.slice();
    other[60] = 0;
    expect(readCodedBytes(other, 0, out)).toBe(-1);
    // 778 codes of one bit end in the middle of a byte.
    const odd = coded(new Uint8Array(778).fill(9));
    odd[odd.length - 1]! |= 0x80;
    expect(readCodedBytes(odd, 0, new Uint8Array(778))).toBe(-1);
  });

  it('[P4] noise is read or refused, never thrown at', () => {
    const out = new Uint8Array(500);
    for (let time = 0; time < 2_000; time++) {
      const bytes = coded(values.subarray(0, 500));
      for (let flips = 0; flips < 3; flips++) bytes[Math.floor(random() * bytes.length)] = 256 * random();
      const end = readCodedBytes(bytes.subarray(0, Math.floor(random() * (bytes.length + 1))), 0, out);
      expect(end).toBeGreaterThanOrEqual(-1);
    }
  });
});
