/**
 * A small byte-pair tokenizer (Sennrich et al. 2016, on bytes as GPT-2 does it). Pure.
 *
 * Ids 0 to 255 are the bytes of UTF-8, so any text can be written; id 256 + i is the i-th pair that was joined: the most
 * frequent one of neighbours inside the words of the sample, ties to the smaller ids, so that the same sample always
 * gives the same tokenizer. Words are cut by a pattern first and never joined.
 */
import type { Tokenizer } from './token-features.ts';

/** A word with the space before it, a number, signs, or space. */
export const WORD_PATTERN = String.raw` ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+`;
const FIRST_PAIR_ID = 256;
/** Words whose ids are remembered while a text is encoded. */
const REMEMBERED_MAX = 50_000;
/** Of one word; longer ones are cut, so that no text makes the joining slow. */
const WORD_MAX_CHARACTERS = 64;

type Pair = readonly [left: number, right: number];

export class BytePairs implements Tokenizer {
  readonly merges: readonly Pair[];
  readonly #ranks = new Map<number, number>();
  readonly #remembered = new Map<string, readonly number[]>();

  constructor(merges: readonly Pair[]) {
    this.merges = merges;
    for (const [rank, [left, right]] of merges.entries()) this.#ranks.set(keyOf(left, right), rank);
  }

  get vocabularySize(): number {
    return FIRST_PAIR_ID + this.merges.length;
  }
  get description() {
    return {
      kind: 'byte-pairs' as const,
      pattern: WORD_PATTERN,
      merges: this.merges.map(([left, right]): [number, number] => [left, right]),
    };
  }

  encode(text: string): number[] {
    const ids: number[] = [];
    for (const word of wordsOf(text)) for (const id of this.#idsOf(word)) ids.push(id);
    return ids;
  }

  decode(ids: readonly number[]): string {
    const bytes: number[] = [];
    // A stack instead of recursion: pairs of pairs may be deep.
    const open = ids.toReversed();
    while (open.length > 0) {
      const id = open.pop()!;
      if (id < FIRST_PAIR_ID) bytes.push(id);
      else {
        const [left, right] = this.merges[id - FIRST_PAIR_ID]!;
        open.push(right, left);
      }
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  #idsOf(word: string): readonly number[] {
    const known = this.#remembered.get(word);
    if (known !== undefined) return known;
    const ids: number[] = [...new TextEncoder().encode(word)];
    while (ids.length > 1) {
      let best = -1;
      let rank = Infinity;
      for (let i = 0; i + 1 < ids.length; i++) {
        const found = this.#ranks.get(keyOf(ids[i]!, ids[i + 1]!));
        if (found !== undefined && found < rank) {
          rank = found;
          best = i;
        }
      }
      if (best < 0) break;
      ids.splice(best, 2, FIRST_PAIR_ID + rank);
    }
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(word, ids);
    return ids;
  }
}

/**
 * Learns the pairs of a sample. Each joining looks only at the words that hold the pair.
 * @param vocabularySize 256 and the pairs; there are fewer when no pair comes twice any more
 */
export function learnBytePairs(sample: string, vocabularySize: number): BytePairs {
  const counts = new Map<string, number>();
  for (const word of wordsOf(sample)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const encoder = new TextEncoder();
  const words = [...counts].map(([word, count]) => ({ ids: [...encoder.encode(word)], count }));
  const pairCounts = new Map<number, number>();
  const holders = new Map<number, Set<number>>();
  const tally = (index: number, sign: 1 | -1) => {
    const { ids, count } = words[index]!;
    for (let i = 0; i + 1 < ids.length; i++) {
      const key = keyOf(ids[i]!, ids[i + 1]!);
      pairCounts.set(key, (pairCounts.get(key) ?? 0) + sign * count);
      if (sign < 0) continue;
      const own = holders.get(key);
      if (own === undefined) holders.set(key, new Set([index]));
      else own.add(index);
    }
  };
  for (const index of words.keys()) tally(index, 1);

  const merges: Pair[] = [];
  while (FIRST_PAIR_ID + merges.length < vocabularySize) {
    let best = -1;
    let bestCount = 1;
    for (const [key, count] of pairCounts)
      if (count > bestCount || (count === bestCount && best >= 0 && key < best)) {
        best = key;
        bestCount = count;
      }
    if (best < 0) break;
    const [left, right]: Pair = [Math.floor(best / 65_536), best % 65_536];
    const id = FIRST_PAIR_ID + merges.length;
    merges.push([left, right]);
    for (const index of holders.get(best)!) {
      tally(index, -1);
      const { ids } = words[index]!;
      for (let i = 0; i + 1 < ids.length; i++)
        if (ids[i] === left && ids[i + 1] === right) ids.splice(i, 2, id);
      tally(index, 1);
    }
    pairCounts.delete(best);
    holders.delete(best);
  }
  return new BytePairs(merges);
}

function* wordsOf(text: string): Generator<string, void, void> {
  for (const [word] of text.matchAll(new RegExp(WORD_PATTERN, 'gu')))
    if (word.length <= WORD_MAX_CHARACTERS) yield word;
    else {
      const characters = [...word];
      for (let i = 0; i < characters.length; i += WORD_MAX_CHARACTERS)
        yield characters.slice(i, i + WORD_MAX_CHARACTERS).join('');
    }
}

const keyOf = (left: number, right: number): number => left * 65_536 + right;
