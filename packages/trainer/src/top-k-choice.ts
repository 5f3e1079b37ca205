/**
 * What the kernels of top-k-shaders.ts choose, and what they take, in the codec's own words (`KeptValues`).
 */
import {
  ENTRY_INDEX,
  ENTRY_LARGER,
  ENTRY_NEGATIVE,
  TOP_K_CHUNK_VALUES,
  type KeptValues,
} from '@murmuration/codec';
import { choiceWords, lowBits } from './top-k-shaders.ts';

/** Undoes Elias and Fano's code (top-k-shaders.ts). */
export function readChoice(words: Uint32Array, k: number, kept: KeptValues): void {
  const own = choiceWords(k);
  const l = lowBits(k);
  const lowAt = k / 16;
  const flagsAt = lowAt + (l * k) / 32;
  const mask = (1 << l) - 1;
  let place = 0;
  for (let chunk = 0; chunk < kept.counts.length; chunk++) {
    const level = (words[own * kept.counts.length + (chunk >> 1)]! >>> ((chunk & 1) * 16)) & 0xffff;
    if (level === 0) continue;
    kept.larger[chunk] = level & 0x7ff;
    kept.smaller[chunk] = (level & 0x7ff) - (level >>> 11);
    const first = chunk * own;
    let rank = 0;
    for (let w = 0; w < k / 16; w++)
      for (let bits = words[first + w]!; bits !== 0; bits = (bits & (bits - 1)) >>> 0) {
        const upper = w * 32 + 31 - Math.clz32(bits & -bits) - rank;
        const at = rank * l;
        const word = first + lowAt + (at >> 5);
        let part = words[word]! >>> (at & 31);
        if ((at & 31) + l > 32) part |= words[word + 1]! << (32 - (at & 31));
        const flags = words[first + flagsAt + (rank >> 4)]! >>> ((rank & 15) * 2);
        kept.entries[place++] =
          (upper << l) |
          (part & mask) |
          ((flags & 1) * ENTRY_NEGATIVE) |
          ((flags & 2) === 0 ? 0 : ENTRY_LARGER);
        rank += 1;
      }
    kept.counts[chunk] = rank;
  }
}

/** A sparse update's entries as the kernel takes them: index among all values, bit 30 negative, bit 31 larger. */
export function entriesOf({ counts, entries }: KeptValues): Uint32Array {
  const out = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
  let place = 0;
  for (let chunk = 0; chunk < counts.length; chunk++)
    for (const end = place + counts[chunk]!; place < end; place++) {
      const entry = entries[place]!;
      out[place] =
        ((chunk * TOP_K_CHUNK_VALUES + (entry & ENTRY_INDEX)) |
          ((entry & ENTRY_NEGATIVE) << 18) |
          ((entry & ENTRY_LARGER) << 18)) >>>
        0;
    }
  return out;
}
