import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type AnyWish, realFile, Workshop } from '../../testing/data.ts';
import { BytePairs, learnBytePairs } from './byte-pairs.ts';
import type { MadeDataset } from './make-shards.ts';
import { windows } from './text.ts';

const workshop = new Workshop();
afterAll(() => workshop.close());

type TextWish = Omit<Extract<AnyWish, { kind: 'text' }>, 'kind' | 'file'>;
const make = (text: string | Uint8Array, wish: TextWish = {}) =>
  workshop.make({ kind: 'text', file: workshop.file(text), ...wish });
const refusal = (text: string | Uint8Array, wish: TextWish = {}) =>
  workshop.refusal({ kind: 'text', file: workshop.file(text), ...wish });
const idsOf = (bytes: Uint8Array) => [...new Uint16Array(bytes.slice().buffer)];
const windowsIn = (made: MadeDataset, side: 'train' | 'held') =>
  (side === 'train' ? workshop.trainRows(made) : workshop.rows(made, made.validation)).map(({ features }) =>
    idsOf(features),
  );
/** Character i is unlike any other. */
const UNLIKE = Array.from({ length: 5_000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join('');
const PROSE = 'The quick brown fox jumps over the lazy dog, and the dog does not mind it. '.repeat(200);

describe('plain text', () => {
  it('windows of L + 1 characters lie side by side, and no character is on both sides of the split', async () => {
    const made = await make(UNLIKE, { sequenceLength: 8, validationShare: 0.25 });
    expect(made).toMatchObject({
      encoding: 'token',
      sampleShape: [8],
      target: { kind: 'next-token', vocabularySize: 5_000 },
    });
    const [train, held] = [windowsIn(made, 'train'), windowsIn(made, 'held')];
    const trained = new Set(train.flat());
    expect(held.flat().filter((id) => trained.has(id))).toEqual([]);
    for (const window of [...train, ...held])
      expect(window).toEqual(Array.from({ length: 9 }, (_, i) => window[0]! + i));
    // Ids are in the order of the code points, so the text is 0, 1, 2 ...: all of it is there but some at the border and the end.
    expect(train.map(([first]) => first!).toSorted((a, b) => a - b)).toEqual(train.map((_, i) => 8 * i));
    expect(trained.size + new Set(held.flat()).size).toBeGreaterThan(5_000 - 3 * 8);
    expect(Math.min(...held.flat())).toBe(Math.max(...trained) + 1);
  });

  it('for any count of tokens, both sides have windows, inside the text, apart from each other', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 0, max: 3_000 }),
        fc.double({ min: 0.001, max: 0.9, noNaN: true }),
        (length, more, share) => {
          const tokenCount = 2 * length + 2 + more;
          const { trainCount, heldOutFrom, heldOutCount } = windows(tokenCount, length, share);
          expect(Math.min(trainCount, heldOutCount)).toBeGreaterThanOrEqual(1);
          expect(heldOutFrom).toBeGreaterThan(trainCount * length);
          expect(heldOutFrom + heldOutCount * length).toBeLessThanOrEqual(tokenCount - 1);
        },
      ),
      { seed: 3, numRuns: 500 },
    );
  });

  it('byte pairs say the same text with fewer tokens, and the preprocessing alone decodes them', async () => {
    const characters = await make(PROSE, { sequenceLength: 16 });
    const pairs = await make(PROSE, { sequenceLength: 16, tokens: 'byte-pairs', vocabularySize: 300 });
    expect(pairs.trainSampleCount).toBeLessThan(characters.trainSampleCount / 2);
    const { input } = pairs.preprocessing;
    if (input.kind !== 'tokens' || input.tokenizer.kind !== 'byte-pairs') throw new Error('another kind');
    expect(pairs.target).toEqual({ kind: 'next-token', vocabularySize: 256 + input.tokenizer.merges.length });
    expect(input.charactersPerToken).toBeGreaterThan(2);
    const tokenizer = new BytePairs(input.tokenizer.merges);
    for (const window of windowsIn(pairs, 'train').slice(0, 50))
      expect(PROSE).toContain(tokenizer.decode(window));
    expect(pairs.preview.samples[0]!.input).toEqual({
      kind: 'text',
      text: expect.stringMatching(/^The quick brown fox/),
    });
  });

  it('the result does not depend on where the file is cut into pieces', async () => {
    // Megabytes with characters of 1 to 4 bytes, long words and long runs of space: cuts fall everywhere.
    const unit = `${'é😀z'.repeat(31)} ${' '.repeat(97)}wörter\n${'x'.repeat(1_003)} `;
    const text = unit.repeat(800);
    const made = await make(text, { sequenceLength: 32, tokens: 'byte-pairs', vocabularySize: 280 });
    const { input } = made.preprocessing;
    if (input.kind !== 'tokens' || input.tokenizer.kind !== 'byte-pairs') throw new Error('another kind');
    const whole = new BytePairs(input.tokenizer.merges).encode(text);
    const starts = windowsIn(made, 'train');
    const expected = new Set(starts.map((_, i) => whole.slice(32 * i, 32 * i + 33).join()));
    expect(starts.every((window) => expected.has(window.join()))).toBe(true);
    expect(made.preview.notes[0]).toContain(`${[...text].length} characters are ${whole.length} tokens`);
  });

  it.each<[string, string | Uint8Array, TextWish, RegExp]>([
    ['nothing', '', {}, /0 different characters/],
    ['one letter', 'aaaaaaaaaaaa', {}, /1 different characters/],
    ['a text too short', 'abc', {}, /has 3 tokens; samples of 64 need at least 130/],
    ['no UTF-8', Buffer.concat([Buffer.from('ab'), Buffer.of(0xff, 0x61)]), {}, /byte 2 is no UTF-8/],
    [
      'a cut character',
      Buffer.concat([Buffer.from('ab'), Buffer.from('é').subarray(0, 1)]),
      {},
      /byte 2 is no UTF-8/,
    ],
  ])('[U10] refuses %s', async (_, text, wish, says) => {
    expect((await refusal(text, wish)).message).toMatch(says);
  });

  const shakespeare = realFile('text/tinyshakespeare.txt');
  it.skipIf(shakespeare === null)(
    'reads the real Shakespeare (skipped: no text/tinyshakespeare.txt in MURMURATION_DATA)',
    async () => {
      const made = await workshop.make({ kind: 'text', file: shakespeare! });
      expect(made.target).toEqual({ kind: 'next-token', vocabularySize: 65 });
      expect(made.trainSampleCount + made.validation.sampleCount).toBe(Math.floor((1_115_394 - 1) / 64));
      expect(made.preview.notes).toEqual(['1115394 characters are 1115394 tokens of 65.']);
    },
  );
});

describe('byte pairs', () => {
  it('say any text, and give it back', () => {
    const tokenizer = learnBytePairs(PROSE, 400);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('join the most frequent pair first, ties to the smaller bytes', () => {
    const { merges } = learnBytePairs('abab abab cd cd', 258);
    // "ab" stands 4 times. Then twice: " c", "cd" and what were "ab" and "ab"; the space is the smallest byte.
    expect(merges[0]).toEqual(['a'.charCodeAt(0), 'b'.charCodeAt(0)]);
    expect(merges[1]).toEqual([' '.charCodeAt(0), 'c'.charCodeAt(0)]);
  });

  it('stop when no pair comes twice', () => {
    expect(learnBytePairs('abc', 300).merges).toEqual([]);
    expect(learnBytePairs('', 300).vocabularySize).toBe(256);
  });
});
