/** What hostile updates are worth in a mean, and what honest ones must not lose. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageUpdates, weighUpdates, type GroupUpdate } from './averaging.ts';
import { mulberry, streamSeed } from './random.ts';
import { decodeUpdate, encodedNorm, encodeUpdate } from './update-codec.ts';
import { fingerprint, norm, relativeDistance } from './vectors.ts';

const COUNT = 2_000;

/** Three uniforms: a bell. */
const bell = (random: () => number) => random() + random() + random() - 1.5;

/** Honest updates of noisy tabs: a common direction under noise that is `noise` times as long. */
function honestUpdates(seed: number, size: number, noise: number, count = COUNT): Float32Array[] {
  const common = Float32Array.from({ length: count }, () => 0);
  const shared = mulberry(streamSeed(seed, 'common'));
  for (let i = 0; i < count; i++) common[i] = bell(shared);
  return Array.from({ length: size }, (_, author) => {
    const random = mulberry(streamSeed(seed, 'author', author));
    return common.map((value) => 0.01 * (value + noise * bell(random)));
  });
}

const named = (vectors: readonly Float32Array[]): GroupUpdate[] =>
  vectors.map((vector, i) => ({
    author: `v${String(i).padStart(2, '0')}`,
    sampleCount: 80,
    encoded: encodeUpdate('int8', vector),
  }));

const meanOf = (vectors: readonly Float32Array[]) =>
  vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length);

const scaled = (vector: Float32Array, factor: number) => vector.map((value) => factor * value);
const outOf = (updates: readonly GroupUpdate[], count = COUNT) =>
  weighUpdates(updates, count)
    .filter(({ weight }) => weight === 0)
    .map(({ update }) => update.author);

describe('[R12] what points against the others does not count', () => {
  const honest = honestUpdates(1, 16, 3);
  const clean = averageUpdates(named(honest), COUNT);

  it.each([1, 10, 1_000])('two and three of sixteen that flip their sign times %i', (factor) => {
    for (const hostile of [2, 3]) {
      const sent = honest.map((vector, i) => (i < hostile ? scaled(vector, -factor) : vector));
      expect(outOf(named(sent))).toEqual(['v00', 'v01', 'v02'].slice(0, hostile));
      expect(relativeDistance(averageUpdates(named(sent), COUNT), clean)).toBeLessThan(0.4);
    }
  });

  it("the others' mean reversed at an honest norm, four times in twenty", () => {
    const others = honestUpdates(2, 16, 3);
    const mean = meanOf(others);
    const reversed = scaled(mean, -norm(others[0]!) / norm(mean));
    // Not the same bytes: accomplices that merely copied each other would be out for that.
    const accomplices = [0.97, 0.99, 1.01, 1.03].map((factor) => scaled(reversed, factor));
    const sent = named([...accomplices, ...others]);
    expect(outOf(sent)).toEqual(['v00', 'v01', 'v02', 'v03']);
    const without = named(others).map((update, i) => ({ ...update, author: sent[i + 4]!.author }));
    expect(relativeDistance(averageUpdates(sent, COUNT), averageUpdates(without, COUNT))).toBeLessThan(0.02);
  });

  it('also among so many values that only a part of them is looked at', () => {
    const count = 400_000;
    const many = honestUpdates(3, 5, 1, count).map((vector, i) => (i === 2 ? scaled(vector, -1) : vector));
    expect(outOf(named(many), count)).toEqual(['v02']);
  });

  it('gives the same bits in whatever order hostile and honest updates came', () => {
    const sent = named(honest.map((vector, i) => (i % 5 === 0 ? scaled(vector, -1) : vector)));
    const expected = fingerprint(averageUpdates(sent, COUNT));
    fc.assert(
      fc.property(fc.shuffledSubarray(sent, { minLength: sent.length }), (shuffled) => {
        expect(fingerprint(averageUpdates(shuffled, COUNT))).toBe(expected);
      }),
      { numRuns: 20 },
    );
  });
});

describe('[R12] presence', () => {
  const honest = honestUpdates(4, 8, 2);

  it('an update of zeros takes no share: the others are averaged as if it were not there', () => {
    const sent = named([...honest, new Float32Array(COUNT)]);
    expect(outOf(sent)).toEqual(['v08']);
    expect(fingerprint(averageUpdates(sent, COUNT))).toBe(fingerprint(averageUpdates(named(honest), COUNT)));
  });

  it('nothing but zeros averages to zero', () => {
    expect(norm(averageUpdates(named([new Float32Array(COUNT), new Float32Array(COUNT)]), COUNT))).toBe(0);
  });

  it('bytes that two authors sent count once', () => {
    const sent = named([...honest, honest[3]!]);
    expect(outOf(sent)).toEqual(['v08']);
  });
});

describe('[R12] honest updates lose nothing', () => {
  it('when they agree, nearly all of them count', () => {
    let out = 0;
    for (let seed = 0; seed < 20; seed++) out += outOf(named(honestUpdates(seed, 16, 3))).length;
    expect(out / (20 * 16)).toBeLessThan(0.02);
  });

  it('when there is nothing but noise in them, less than a third is out, and never more than half', () => {
    let out = 0;
    for (let seed = 0; seed < 20; seed++) {
      const now = outOf(named(honestUpdates(seed, 16, 1_000))).length;
      expect(now).toBeLessThanOrEqual(8);
      out += now;
    }
    expect(out / (20 * 16)).toBeLessThan(1 / 3);
  });

  it('when half of them pull one way and half the other, nobody is out', () => {
    const [one, other] = [honestUpdates(5, 4, 0.5), honestUpdates(6, 4, 0.5)];
    const opposed = other.map((vector, i) => vector.map((value, j) => value - one[i]![j]!));
    expect(outOf(named([...one, ...opposed]))).toEqual([]);
  });

  it('among three everybody counts: one honest stray would be outvoted by chance', () => {
    const [a, b] = honestUpdates(7, 2, 1) as [Float32Array, Float32Array];
    expect(outOf(named([a, b, scaled(a, -1)]))).toEqual([]);
  });
});

describe('[R10] [R14] authors that keep different numbers of values', () => {
  const kept = [16, 32, 64, 64, 128, 256, 512, 1024] as const;
  const count = 20 * 4096;
  const sent = (factorOf: (i: number) => number): GroupUpdate[] =>
    kept.map((k, i) => ({
      author: `v${i}`,
      sampleCount: 80,
      encoded: encodeUpdate(`topk-${k}`, scaled(honestUpdates(20, kept.length, 1, count)[i]!, factorOf(i))),
    }));

  it('nobody is shortened for the k that its uplink carries: what a residual takes for sent arrived', () => {
    for (const { clip } of weighUpdates(
      sent(() => 1),
      count,
    ))
      expect(clip).toBeGreaterThan(0.9);
  });

  it('a factor is still worth nothing, whatever its k', () => {
    for (const hostile of [0, 7]) {
      const lengths = (factor: number) =>
        weighUpdates(
          sent((i) => (i === hostile ? factor : 1)),
          count,
        );
      expect(lengths(1_000)[hostile]!.clip * 1_000).toBeCloseTo(lengths(1_010)[hostile]!.clip * 1_010, 1);
      expect(lengths(1_000)[hostile]!.clip).toBeLessThan(0.0015);
    }
  });

  it('the same k for all: the plain median of norms', () => {
    const updates = named(honestUpdates(21, 5, 1)).map((update) => ({
      ...update,
      encoded: encodeUpdate(
        'topk-256',
        scaled(decodeUpdate(update.encoded), 1 + Number(update.author.slice(1))),
      ),
    }));
    const norms = updates.map(({ encoded }) => encodedNorm(encoded));
    const middle = [...norms].sort((a, b) => a - b)[2]!;
    expect(weighUpdates(updates, COUNT).map(({ clip }) => clip)).toEqual(
      norms.map((length) => (length > middle ? middle / length : 1)),
    );
  });
});
