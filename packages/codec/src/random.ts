/**
 * Chance that can be replayed: small seeded generators, one stream for each purpose, so that an additional peer or an
 * additional purpose does not change anybody else's draws. Not for secrets.
 */

/** Mulberry32 (Tommy Ettinger, public domain): uniform in [0, 1), period 2^32, the same on every engine. */
export function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Derives the seed of an independent stream, e.g. `streamSeed(run, 'batches', shard, pass)`. MurmurHash3's mixing. */
export function streamSeed(seed: number, ...parts: readonly (number | string)[]): number {
  let h = mix(seed >>> 0, 0x9e3779b9);
  for (const part of parts) {
    if (typeof part === 'number') h = mix(mix(h, part >>> 0), Math.floor(part / 4294967296) >>> 0);
    else for (let i = 0; i < part.length; i++) h = mix(h, part.charCodeAt(i) + 0x100);
  }
  return finish(h);
}

/** A permutation of 0..count-1 for one pass over one shard (Fisher-Yates). */
export function shuffledIndices(seed: number, shardIndex: number, pass: number, count: number): Uint32Array {
  const random = mulberry(streamSeed(seed, 'shuffle', shardIndex, pass));
  const indices = new Uint32Array(count);
  for (let i = 0; i < count; i++) indices[i] = i;
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const swapped = indices[i]!;
    indices[i] = indices[j]!;
    indices[j] = swapped;
  }
  return indices;
}

function mix(h: number, k: number): number {
  k = Math.imul(k, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) >>> 0;
}

function finish(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
