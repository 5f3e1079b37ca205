import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mulberry } from './random.ts';
import { CHUNK_VALUES } from './top-k.ts';
import { decodeUpdate, encodedBytes, encodeUpdate, inspectUpdate } from './update-codec.ts';
import { fingerprint, norm } from './vectors.ts';

function gaussian(count: number, seed: number): Float32Array {
  const random = mulberry(seed);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}
const keptIn = (vector: Float32Array) => vector.reduce((count, value) => count + (value === 0 ? 0 : 1), 0);
/** A hash of bytes, by way of words. */
const bytesHash = (bytes: Uint8Array) => {
  const words = new Float32Array(Math.ceil(bytes.length / 4));
  new Uint8Array(words.buffer).set(bytes);
  return fingerprint(words);
};

/** Any finite vector of up to three chunks, with zeros, repeats, tiny and huge values. */
const vectors = fc
  .record({
    seed: fc.nat(10_000),
    count: fc.integer({ min: 1, max: 3 * CHUNK_VALUES }),
    zeroShare: fc.constantFrom(0, 0.5, 0.99, 1),
    spread: fc.constantFrom(1, 1e-30, 1e25, 1e-44),
    distinct: fc.constantFrom(0, 1, 3),
  })
  .map(({ seed, count, zeroShare, spread, distinct }) => {
    const random = mulberry(seed);
    return Float32Array.from({ length: count }, () => {
      if (random() < zeroShare) return 0;
      const value =
        distinct === 0 ? 2 * random() - 1 : Math.ceil(distinct * random()) * (random() < 0.5 ? -1 : 1);
      return spread * value;
    });
  });
const schemes = fc.constantFrom('topk-16', 'topk-64', 'topk-256', 'topk-1024');

describe('top-k codec', () => {
  it('keeps the k largest of every chunk, signs included, and of shorter ones their share', () => {
    const vector = gaussian(2 * CHUNK_VALUES + 1_000, 1);
    const restored = decodeUpdate(encodeUpdate('topk-64', vector));
    for (let from = 0; from < vector.length; from += CHUNK_VALUES) {
      const chunk = vector.subarray(from, from + CHUNK_VALUES);
      const kept = Math.ceil((64 * chunk.length) / CHUNK_VALUES);
      const smallest = [...chunk].map(Math.abs).sort((a, b) => b - a)[kept - 1]!;
      const signs = chunk.map((value) => (Math.abs(value) >= smallest ? Math.sign(value) : 0));
      expect(restored.subarray(from, from + CHUNK_VALUES).map(Math.sign)).toEqual(signs);
    }
  });

  it('costs at most 9.6 bits a kept value at k = 64 and 0.5 bits a parameter at k = 256', () => {
    const vector = gaussian(400_000, 2);
    const sparse = encodeUpdate('topk-64', vector);
    expect((8 * sparse.length) / keptIn(decodeUpdate(sparse))).toBeLessThanOrEqual(9.6);
    expect((8 * encodeUpdate('topk-256', vector).length) / vector.length).toBeLessThan(0.5);
  });

  it('restores what it kept within 10 % (relative L2, Gaussian values, k = 256)', () => {
    const vector = gaussian(100_000, 3);
    const restored = decodeUpdate(encodeUpdate('topk-256', vector));
    const kept = vector.map((value, i) => (restored[i] === 0 ? 0 : value));
    expect(norm(restored.map((value, i) => value - kept[i]!)) / norm(kept)).toBeLessThan(0.1);
  });

  it('[P4] round trip of any finite vector: accepted, within its bound, at most k a chunk, no sign changed', () => {
    fc.assert(
      fc.property(vectors, schemes, (vector, scheme) => {
        const bytes = encodeUpdate(scheme, vector);
        expect(bytes.length).toBeLessThanOrEqual(encodedBytes(scheme, vector.length));
        expect(inspectUpdate(bytes, scheme, vector.length)).toBeNull();
        const restored = decodeUpdate(bytes);
        const k = Number(scheme.slice(5));
        for (let from = 0; from < vector.length; from += CHUNK_VALUES) {
          const chunk = restored.subarray(from, from + CHUNK_VALUES);
          expect(keptIn(chunk)).toBeLessThanOrEqual(Math.ceil((k * chunk.length) / CHUNK_VALUES));
        }
        expect(restored.every((value, i) => value * vector[i]! >= 0)).toBe(true);
        // What is restored is restored again: a second encoding of it loses nothing more.
        expect(encodeUpdate(scheme, restored)).toEqual(
          encodeUpdate(scheme, decodeUpdate(encodeUpdate(scheme, restored))),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('[P4] every truncation of an encoding, and every longer one, is refused', () => {
    const vector = gaussian(5_000, 5);
    const bytes = encodeUpdate('topk-64', vector);
    for (let length = 0; length < bytes.length; length++)
      expect(inspectUpdate(bytes.subarray(0, length), 'topk-64', 5_000)).not.toBeNull();
    const longer = new Uint8Array(bytes.length + 1);
    longer.set(bytes);
    for (const last of [0, 1, 255]) {
      longer[bytes.length] = last;
      expect(inspectUpdate(longer, 'topk-64', 5_000)).toBe('update-bad-code');
    }
  });

  it('[P4] random bytes and changed bytes never throw; what is accepted is finite', () => {
    const vector = gaussian(5_000, 6);
    const good = encodeUpdate('topk-256', vector);
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.nat(good.length - 9),
        (isFresh, noise, at) => {
          const bytes = isFresh ? good.slice(0, 8 + noise.length) : good.slice();
          for (const [i, byte] of noise.entries()) {
            const place = 8 + ((isFresh ? i : at + i) % (bytes.length - 8));
            bytes[place] = byte;
          }
          const verdict = inspectUpdate(bytes, 'topk-256', 5_000);
          if (verdict !== null) return;
          accepted += 1;
          expect(decodeUpdate(bytes).every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: 5_000 },
    );
    // A stream ends with a check of 32 bits: noise hardly ever passes.
    expect(accepted).toBeLessThan(5);
  });

  it('gives the same bytes for ever (pinned)', () => {
    // Built from sums, so that no engine's sine or logarithm takes part.
    const random = mulberry(9);
    const vector = Float32Array.from({ length: 10_000 }, () => random() + random() + random() - 1.5);
    const hashes = (['topk-64', 'topk-256', 'int4'] as const).map((scheme) =>
      bytesHash(encodeUpdate(scheme, vector)),
    );
    expect(hashes).toEqual(['e578872550aedfd4', 'd0836c2aa159d825', 'f07fb9011613527e']);
  });
});
