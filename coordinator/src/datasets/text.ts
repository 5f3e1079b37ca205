/**
 * Plain text as samples of L tokens and the ones that follow them: windows side by side, each beginning where the one
 * before ended. The last share of the text is held out, and no token of it is in a window that trains.
 *
 * Three passes over the file's pieces: which characters there are (or a sample to learn byte pairs from), all tokens
 * into a spool, the windows out of it. Byte pairs are learned from the beginning of the text only, which always trains.
 */
import { LIMITS, type DatasetRequest } from '@murmuration/protocol';
import { fileBytes, utf8Bytes } from './byte-stream.ts';
import { learnBytePairs } from './byte-pairs.ts';
import { DatasetError } from './dataset-error.ts';
import type { SampleSource } from './make-shards.ts';
import { Spool } from './spool.ts';
import { NextTokenTarget, TokenFeatures, type Tokenizer } from './token-features.ts';

const SEQUENCE_LENGTH = 64;
const VALIDATION_SHARE = 0.1;
const VOCABULARY_SIZE = 512;
/** Characters that byte pairs are learned from. More hardly changes them. */
const LEARN_FROM_CHARACTERS_MAX = 4_000_000;
const WINDOWS_AT_ONCE = 64;
/** Text held back so that no word is cut by the end of a piece. */
const HELD_BACK_MAX = 65_536;

type TextWish = Pick<
  Extract<DatasetRequest, { kind: 'text' }>,
  'tokens' | 'vocabularySize' | 'sequenceLength' | 'validationShare'
>;
interface Encoder extends Tokenizer {
  encode(text: string): readonly number[];
}

/** @param directory for the tokens, until the blocks were read @throws DatasetError naming the byte */
export async function textSource(path: string, wish: TextWish, directory: string): Promise<SampleSource> {
  const length = wish.sequenceLength ?? SEQUENCE_LENGTH;
  const encoder = wish.tokens === 'byte-pairs' ? await bytePairs(path, wish) : await characters(path);
  const spool = await Spool.create(directory);
  try {
    let characterCount = 0;
    for await (const text of wholeWords(texts(path))) {
      for (const _ of text) characterCount += 1;
      await spool.append(new Uint8Array(Uint16Array.from(encoder.encode(text)).buffer));
    }
    const tokenCount = spool.byteLength / 2;
    const { trainCount, heldOutFrom, heldOutCount } = windows(tokenCount, length, wish.validationShare);
    const features = new TokenFeatures(length, encoder, () => characterCount / tokenCount);
    return {
      features,
      target: new NextTokenTarget(encoder.vocabularySize),
      trainSampleCount: trainCount,
      async *blocks() {
        try {
          yield* windowsOf(spool, { from: 0, count: trainCount, length });
          yield* windowsOf(spool, { from: heldOutFrom, count: heldOutCount, length });
        } finally {
          await spool.close();
        }
      },
      notes: () => [`${characterCount} characters are ${tokenCount} tokens of ${encoder.vocabularySize}.`],
    };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

/** Where the windows lie. Between the last that trains and the first that is held out no token is shared. */
export function windows(
  tokenCount: number,
  length: number,
  validationShare = VALIDATION_SHARE,
): { trainCount: number; heldOutFrom: number; heldOutCount: number } {
  const all = Math.floor((tokenCount - 1) / length);
  const blobMax = Math.floor(LIMITS.shardMaxBytes / (2 * (length + 1)));
  const wanted = Math.min(blobMax, Math.max(1, Math.min(all - 1, Math.round(all * validationShare))));
  const trainCount = all - wanted;
  const heldOutFrom = trainCount * length + 1;
  const heldOutCount = Math.min(wanted, Math.floor((tokenCount - heldOutFrom - 1) / length));
  if (trainCount >= 1 && heldOutCount >= 1) return { trainCount, heldOutFrom, heldOutCount };
  // One token short of another window: the last one that trains gives way.
  const fewer = trainCount - 1;
  if (fewer >= 1) return { trainCount: fewer, heldOutFrom: fewer * length + 1, heldOutCount: 1 };
  throw new DatasetError(
    'file',
    `has ${tokenCount} tokens; samples of ${length} need at least ${2 * length + 2}; choose a smaller sequenceLength`,
  );
}

/** @param span `from`: the first token of the first window */
async function* windowsOf(
  spool: Spool,
  span: { readonly from: number; readonly count: number; readonly length: number },
): AsyncGenerator<Uint8Array, void, void> {
  const { from, count, length } = span;
  for (let window = 0; window < count; window += WINDOWS_AT_ONCE) {
    const now = Math.min(WINDOWS_AT_ONCE, count - window);
    const first = from + window * length;
    const tokens = await spool.read(2 * first, 2 * (first + now * length + 1));
    const block = new Uint8Array(now * 2 * (length + 1));
    for (let i = 0; i < now; i++)
      block.set(tokens.subarray(2 * i * length, 2 * (i * length + length + 1)), i * 2 * (length + 1));
    yield block;
  }
}

async function* texts(path: string): AsyncGenerator<string, void, void> {
  for await (const piece of utf8Bytes('file', fileBytes('file', path)))
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('utf8');
}

/** Pieces that end before a run of space, so that it does not matter how the file was cut. */
async function* wholeWords(pieces: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let held = '';
  for await (const piece of pieces) {
    const text = held + piece;
    const end = lastSpaceOf(text);
    if (end <= 0 && text.length < HELD_BACK_MAX) {
      held = text;
      continue;
    }
    // Not between the two halves of a character.
    const cut = end > 0 ? end : text.length - (isHighSurrogate(text.at(-1)!) ? 1 : 0);
    held = text.slice(cut);
    yield text.slice(0, cut);
  }
  if (held !== '') yield held;
}

/** Where the last run of space begins; -1: there is none. By hand: an expression would try every run again and again. */
function lastSpaceOf(text: string): number {
  let at = text.length - 1;
  while (at >= 0 && !/\s/.test(text[at]!)) at--;
  while (at > 0 && /\s/.test(text[at - 1]!)) at--;
  return at;
}

const isHighSurrogate = (character: string) => /[\ud800-\udbff]/.test(character);

async function characters(path: string): Promise<Encoder> {
  const seen = new Set<string>();
  for await (const text of texts(path))
    for (const character of text) {
      if (seen.has(character)) continue;
      seen.add(Buffer.from(character).toString());
      if (seen.size > LIMITS.vocabularyMax)
        throw new DatasetError(
          'file',
          `has more than ${LIMITS.vocabularyMax} different characters; use tokens "byte-pairs"`,
        );
    }
  if (seen.size < 2)
    throw new DatasetError('file', `has ${seen.size} different characters; at least two are needed`);
  const all = [...seen].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const ids = new Map(all.map((character, id) => [character, id]));
  return {
    description: { kind: 'characters', characters: all },
    vocabularySize: all.length,
    encode: (text) => Array.from(text, (character) => ids.get(character)!),
    decode: (tokens) => tokens.map((id) => all[id] ?? '').join(''),
  };
}

async function bytePairs(path: string, wish: TextWish): Promise<Encoder> {
  const { validationShare = VALIDATION_SHARE, vocabularySize = VOCABULARY_SIZE } = wish;
  let sample = '';
  let characterCount = 0;
  for await (const text of texts(path)) {
    if (sample.length < LEARN_FROM_CHARACTERS_MAX) sample += text;
    characterCount += text.length;
  }
  const trains = Math.floor(characterCount * (1 - validationShare));
  return learnBytePairs(sample.slice(0, Math.min(trains, LEARN_FROM_CHARACTERS_MAX)), vocabularySize);
}
