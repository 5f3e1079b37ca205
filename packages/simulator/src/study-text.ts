/**
 * Text for the character model, from a seed: a made-up language with the statistics that make real text a hard teacher.
 * Words are built of syllables and follow Zipf's law, each word has a few words that like to follow it, sentences have
 * lengths, capitals, commas and full stops. So there is always a rarer word to learn, and the loss keeps falling.
 *
 * Why not real text: the repository's own documents are 40 kB and change with every commit, and a famous text is
 * somebody else's file to fetch. `npm run bench:swarm -- --data FILE` trains on any text there is.
 */
import { mulberry, streamSeed } from '@murmuration/codec';

/** Characters as numbers 0..alphabetSize-1. The last tenth is for validation only. */
export interface StudyText {
  readonly name: string;
  readonly characters: Uint8Array;
  readonly alphabetSize: number;
  /** Characters before this index are trained on. */
  readonly trainingCount: number;
}

const VALIDATION_SHARE = 0.1;
/** The rarest characters of a given text become one, so that the model's size does not depend on a stray symbol. */
const ALPHABET_MAX = 64;

export function textOf(name: string, text: string): StudyText {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  const ranked = [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([character]) => character);
  const codes = new Map(ranked.map((character, rank) => [character, Math.min(rank, ALPHABET_MAX - 1)]));
  const characters = Uint8Array.from([...text], (character) => codes.get(character)!);
  return {
    name,
    characters,
    alphabetSize: Math.min(ranked.length, ALPHABET_MAX),
    trainingCount: Math.floor(characters.length * (1 - VALIDATION_SHARE)),
  };
}

const WORDS = 3_000;
/** Words that like to follow a word, and how often one of them does. */
const FOLLOWERS = 12;
const FOLLOWING_SHARE = 0.6;
const ONSETS = 'b br c ch d dr f fl g gr h j k l m n p pl qu r s sh st t th tr v w wh y z'.split(' ');
const NUCLEI = 'a a e e e i o o u ai ea ee ou oo y'.split(' ');
const CODAS = ['', '', '', '', 'n', 'r', 's', 't', 'd', 'l', 'm', 'nd', 'ng', 'st', 'ck', 'x'];

/** Writes `length` characters of the made-up language. */
export function writeText(seed: number, length: number): string {
  const words = makeWords(seed);
  const random = mulberry(streamSeed(seed, 'sentences'));
  const zipf = zipfDraw(WORDS);
  const parts: string[] = [];
  let written = 0;
  let word = 0;
  while (written < length) {
    const wordCount = 4 + Math.floor(random() * 14);
    for (let i = 0; i < wordCount; i++) {
      // Followers are a fixed random choice of each word, the first of them the likeliest.
      const follows = random() < FOLLOWING_SHARE;
      const choice = Math.floor(random() * random() * FOLLOWERS);
      word = follows ? zipf(mulberry(streamSeed(seed, 'follower', word, choice))) : zipf(random);
      const spelled = words[word]!;
      const text = i === 0 ? spelled[0]!.toUpperCase() + spelled.slice(1) : spelled;
      const end =
        i === wordCount - 1
          ? random() < 0.15
            ? '?\n'
            : random() < 0.2
              ? '.\n'
              : '. '
          : random() < 0.09
            ? ', '
            : ' ';
      parts.push(text, end);
      written += text.length + end.length;
    }
  }
  return parts.join('').slice(0, length);
}

/** Distinct words; frequent ones are short. */
function makeWords(seed: number): string[] {
  const random = mulberry(streamSeed(seed, 'words'));
  const pick = (choices: readonly string[]) => choices[Math.floor(random() * choices.length)]!;
  const words = new Set<string>();
  while (words.size < WORDS) {
    const syllables = 1 + (words.size > 60 ? 1 : 0) + (random() < words.size / (2 * WORDS) ? 1 : 0);
    let word = random() < 0.2 ? '' : pick(ONSETS);
    for (let i = 0; i < syllables; i++) word += (i === 0 ? '' : pick(ONSETS)) + pick(NUCLEI) + pick(CODAS);
    words.add(word);
  }
  return [...words];
}

/** Ranks with probability proportional to 1 / (rank + 3). */
function zipfDraw(count: number): (random: () => number) => number {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) cumulative[rank] = sum += 1 / (rank + 3);
  return (random) => {
    const aim = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < aim) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
