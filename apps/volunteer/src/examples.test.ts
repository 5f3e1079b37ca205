import { describe, expect, it } from 'vitest';
import { answered, examplesOf, pixelsOf } from './examples.ts';

const pixels = (...values: number[]) => btoa(String.fromCharCode(...values));
const answer = {
  sampleShape: [1, 2, 1],
  samples: [
    { label: 0, pixels: pixels(0, 255) },
    { label: 1, pixels: pixels(51, 102) },
  ],
};

describe('example pictures', () => {
  it('are handed to the trainer as it takes samples', () => {
    expect([...pixelsOf(examplesOf(answer)!)]).toEqual([0, 1, 0.2, 0.4].map(Math.fround));
  });

  it('get the likeliest class as a guess', () => {
    const { guesses } = answered(examplesOf(answer)!, {
      kind: 'classes',
      probabilities: Float64Array.of(0.2, 0.8, 0.1, 0.9),
    });
    expect(guesses).toEqual([
      { label: 1, sureness: 0.8 },
      { label: 1, sureness: 0.9 },
    ]);
  });

  it('are drawn again by an autoencoder', () => {
    const { drawn, guesses } = answered(examplesOf(answer)!, {
      kind: 'samples',
      values: Float64Array.of(0, 1, 0.2, 0.4),
    });
    expect(drawn!.map((pixels) => [...pixels])).toEqual([
      [0, 255],
      [51, 102],
    ]);
    expect(guesses).toBeNull();
  });

  it('are none where the data are no grey pictures', () => {
    expect(examplesOf({ ...answer, sampleShape: [4] })).toBeNull();
    expect(examplesOf({ ...answer, sampleShape: [2, 2, 3] })).toBeNull();
    expect(examplesOf({ ...answer, samples: [] })).toBeNull();
  });

  it('an answer of another shape is refused', () => {
    expect(() => examplesOf({ samples: [] })).toThrow('samples');
    expect(() => examplesOf({ ...answer, sampleShape: [9, 9, 1] })).toThrow('another size');
  });
});
