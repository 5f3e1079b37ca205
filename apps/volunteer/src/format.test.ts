import { describe, expect, it } from 'vitest';
import { bytesText, countText, durationText, percentText, rateText, roughDurationText } from './format.ts';

describe('numbers as people read them', () => {
  it('bytes: at most three significant digits, steps of 1000', () => {
    expect(
      [0, 999, 999.4, 1000, 1234, 9_949, 9_960, 12_345, 999_499, 999_500, 7.2e9, 5e15].map(bytesText),
    ).toEqual([
      '0 B',
      '999 B',
      '999 B',
      '1.0 kB',
      '1.2 kB',
      '9.9 kB',
      '10 kB',
      '12 kB',
      '999 kB',
      '1.0 MB',
      '7.2 GB',
      '5000 TB',
    ]);
  });

  it('rough durations: minutes, then tens of minutes', () => {
    expect([5_000, 1_134_000, 3_600_000, 9_100_000, 7_140_000].map(roughDurationText)).toEqual([
      '1 min',
      '19 min',
      '1 h',
      '2 h 30 min',
      '2 h',
    ]);
  });

  it('durations round up, so that a countdown ends at 0 s when the thing happens', () => {
    expect([-5, 0, 1, 1000, 59_000, 59_001, 245_000, 3_599_001, 7_380_000].map(durationText)).toEqual([
      '0 s',
      '0 s',
      '1 s',
      '1 s',
      '59 s',
      '1 min 00 s',
      '4 min 05 s',
      '1 h 00 min',
      '2 h 03 min',
    ]);
  });

  it('rates, shares and counts keep the digits that move', () => {
    expect([0, 2.44, 9.94, 9.96, 240.4].map(rateText)).toEqual(['0.0', '2.4', '9.9', '10', '240']);
    expect(percentText(0.9312)).toBe('93.1 %');
    expect(countText(1234567.4, 'en')).toBe('1,234,567');
  });
});
