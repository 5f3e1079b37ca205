import { describe, expect, it } from 'vitest';
import {
  bytesText,
  clockText,
  countText,
  durationText,
  etaText,
  lossText,
  percentText,
  rateText,
  shortId,
  settingText,
} from './format.ts';

describe('a setting', () => {
  it('is read without quotes, and a drawn number by its first digits', () => {
    const values = ['adam', 0.019611, 64, null, undefined, [1, 2]];
    expect(values.map(settingText)).toEqual(['adam', '0.01961', '64', 'null', '–', '[1,2]']);
  });
});

describe('numbers as researchers read them', () => {
  it('bytes: at most three significant digits, steps of 1000', () => {
    expect([0, 999, 1000, 9_960, 12_345, 999_500, 7.2e9].map(bytesText)).toEqual([
      '0 B',
      '999 B',
      '1.0 kB',
      '10 kB',
      '12 kB',
      '1.0 MB',
      '7.2 GB',
    ]);
  });

  it('durations round down: what they name has passed', () => {
    expect(
      [-1, 999, 59_999, 60_000, 3_599_999, 3_600_000, 172_799_999, 172_800_000].map(durationText),
    ).toEqual(['0 s', '0 s', '59 s', '1 min 00 s', '59 min 59 s', '1 h 00 min', '47 h 59 min', '2 d 00 h']);
  });

  it('axes show minutes and seconds, hours only where there are any', () => {
    expect([0, 245_000, 3_600_000, 7_389_000].map(clockText)).toEqual(['0:00', '4:05', '1:00:00', '2:03:09']);
  });

  it('an ETA is a range, or one value when both ends read the same', () => {
    expect(etaText([60_000, 125_000])).toBe('1 min 00 s to 2 min 05 s');
    expect(etaText([60_100, 60_900])).toBe('1 min 00 s');
    expect(etaText([0, 65_000])).toBe('up to 1 min 05 s');
  });

  it('losses keep four digits and survive extremes; unknown is a dash', () => {
    expect([2.30259, 0.031, 0.00012, 0, 123456, null].map(lossText)).toEqual([
      '2.303',
      '0.03100',
      '1.20e-4',
      '0.000',
      '1.23e+5',
      '–',
    ]);
    expect([0.93125, null].map(percentText)).toEqual(['93.13 %', '–']);
  });

  it('counts, rates and ids are short', () => {
    expect(countText(1234567, 'en')).toBe('1,234,567');
    expect([0, 9.94, 9.96, 240].map(rateText)).toEqual(['0.0', '9.9', '10', '240']);
    expect(shortId(`vol_${'abcdefghij'.repeat(2)}abcdef`)).toBe('vol_abcdef');
  });
});
