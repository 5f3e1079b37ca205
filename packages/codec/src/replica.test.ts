import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { averageUpdates } from './averaging.ts';
import { mulberry } from './random.ts';
import { ReplicaError } from './anchor.ts';
import { Replica } from './replica.ts';
import { decodeUpdate, encodeUpdate } from './update-codec.ts';
import { fingerprint, norm, parametersFromBytes, parametersToBytes, relativeDistance } from './vectors.ts';

const COUNT = 600;
const random = mulberry(11);
const noise = (scale: number) => Float32Array.from({ length: COUNT }, () => scale * (2 * random() - 1));
const update = (author: string, vector: Float32Array, sampleCount = 320) => ({
  author,
  sampleCount,
  encoded: encodeUpdate('int8', vector),
});
const replica = () => {
  const made = new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 1 });
  made.load(Float32Array.from({ length: COUNT }, (_, i) => Math.fround(i / COUNT - 0.5)));
  return made;
};

describe('an update that is pending', () => {
  const others = () => [update('b', noise(0.05)), update('c', noise(0.05))];
  const learned = (one: Replica, step: Float32Array) =>
    one.trained(one.weights().map((value, i) => value + step[i]!));
  const ahead = (one: Replica) => one.weights().map((value, i) => value - one.anchor[i]!);

  it('[A3] keeps what it brings ahead of an anchor that moves on, until a commit counts it', () => {
    const one = replica();
    const [first, second] = [noise(0.1), noise(0.1)];
    learned(one, first);
    const sent = decodeUpdate(one.formUpdate());
    learned(one, second);
    for (let version = 0; version < 3; version++) one.commit(others(), 'pending');
    const together = first.map((value, i) => value + second[i]!);
    expect(relativeDistance(ahead(one), together)).toBeLessThan(1e-5);
    one.commit(others(), 'counted');
    expect(relativeDistance(ahead(one), second)).toBeLessThan(1e-5);
    expect(one.residualNorm).toBeCloseTo(norm(first.map((value, i) => value - sent[i]!)), 5);
  });

  it('[A3] [R11] is in the next one as a whole when it was refused, and then once', () => {
    const one = replica();
    const [first, second] = [noise(0.1), noise(0.1)];
    learned(one, first);
    one.formUpdate();
    one.commit(others(), 'pending');
    learned(one, second);
    const both = decodeUpdate(one.formUpdate(undefined, 'fp32'));
    expect(
      relativeDistance(
        both,
        first.map((value, i) => value + second[i]!),
      ),
    ).toBeLessThan(1e-5);
    one.commit(others(), 'counted');
    expect(norm(ahead(one))).toBe(0);
    expect(one.residualNorm).toBeLessThan(1e-6);
  });
});

describe('averaging', () => {
  const updates = ['a', 'b', 'c', 'd', 'e'].map((author, i) => update(author, noise(0.1), 100 * (i + 1)));

  it('[R14] k may change from round to round: what nobody sent yet stays in the one residual', () => {
    const count = 8_192;
    const one = new Replica({ parameterCount: count, scheme: 'topk-64', outerLearningRate: 1 });
    one.load(new Float32Array(count));
    const learned = Float32Array.from({ length: count }, (_, i) => Math.sin(i) / 10);
    const first = one.formUpdate(learned, 'topk-16');
    one.commit([{ author: 'a', sampleCount: 1, encoded: first }], 'counted');
    const left = learned.map((value, i) => value - decodeUpdate(first)[i]!);
    expect(one.residualNorm).toBeCloseTo(norm(left), 5);
    // Nothing new was learned: the second update is of the residual alone, faded, and with more values.
    const second = one.formUpdate(one.anchor.slice(), 'topk-1024');
    const faded = left.map((value) => Math.fround(0.95) * value);
    const sent = decodeUpdate(second);
    expect(sent.filter((value) => value !== 0)).toHaveLength(2_048);
    expect(relativeDistance(sent, faded)).toBeLessThan(0.75);
    one.commit([{ author: 'a', sampleCount: 1, encoded: second }], 'counted');
    expect(one.residualNorm).toBeLessThan(norm(faded));
  });

  it('[R10] gives the same bits in whatever order the updates came', () => {
    const expected = fingerprint(averageUpdates(updates, COUNT));
    fc.assert(
      fc.property(fc.shuffledSubarray(updates, { minLength: 5 }), (shuffled) => {
        expect(fingerprint(averageUpdates(shuffled, COUNT))).toBe(expected);
      }),
    );
  });

  it('weighs by samples, but no author by more than four times the median claim', () => {
    const ones = new Float32Array(COUNT).fill(1);
    const minus = ones.map((value) => -value);
    const mean = averageUpdates([update('a', ones, 300), update('b', minus, 100)], COUNT);
    expect(mean[0]).toBeCloseTo(0.5, 2);
    const greedy = averageUpdates(
      [update('a', ones, 1_000_000), update('b', minus, 100), update('c', minus, 100)],
      COUNT,
    );
    expect(greedy[0]).toBeCloseTo((400 - 200) / 600, 2);
  });

  it("clips an update to the group's median norm: -1000x costs no more than -1x", () => {
    const honest = noise(0.1);
    const evil = honest.map((value) => -1000 * value);
    const attacked = averageUpdates([update('a', honest), update('b', honest), update('c', evil)], COUNT);
    const flipped = averageUpdates(
      [
        update('a', honest),
        update('b', honest),
        update(
          'c',
          honest.map((value) => -value),
        ),
      ],
      COUNT,
    );
    expect(relativeDistance(attacked, flipped)).toBeLessThan(0.03);
  });

  it('divides a value by all, or by those that sent it', () => {
    const spike = (at: number) => Float32Array.from({ length: COUNT }, (_, i) => (i === at ? 1 : 0));
    const sparse = [0, 0, 1].map((at, i) => ({
      author: `v${i}`,
      sampleCount: 10,
      encoded: encodeUpdate('topk-16', spike(at)),
    }));
    const [first, second] = [0, 1];
    const byAll = averageUpdates(sparse, COUNT);
    expect(byAll[first]).toBeCloseTo(2 / 3, 6);
    expect(byAll[second]).toBeCloseTo(1 / 3, 6);
    const bySenders = averageUpdates(sparse, COUNT, 'senders');
    expect([bySenders[first], bySenders[second]]).toEqual([1, 1]);
    expect(bySenders[9]).toBe(0);
    // Dense updates send every value: the divisors are the same, up to the rounding of whole-number sums.
    const [one, other] = [averageUpdates(updates, COUNT, 'senders'), averageUpdates(updates, COUNT)];
    expect(relativeDistance(one, other)).toBeLessThan(1e-4);
  });

  it('refuses an empty round', () => expect(() => averageUpdates([], COUNT)).toThrow('no updates'));
});

describe('replica', () => {
  it('[R10] two replicas that commit the same updates stand on the same bits', () => {
    const [one, two] = [replica(), replica()];
    const first = update('a', noise(0.01));
    const own = one.formUpdate(one.anchor.map((value, i) => value + (i % 7) * 0.001));
    const second = { author: 'b', sampleCount: 320, encoded: own };
    one.commit([first, second], 'counted');
    two.commit([second, first], 'uncounted');
    expect(one.fingerprint).toBe(two.fingerprint);
    expect(one.fingerprint).not.toBe(replica().fingerprint);
  });

  it('[R11] sent + residual = what was learned, to the last bit that float32 holds', () => {
    const one = replica();
    const delta = noise(0.01);
    const weights = one.anchor.map((value, i) => value + delta[i]!);
    const learned = weights.map((value, i) => value - one.anchor[i]!);
    const encoded = one.formUpdate(weights);
    one.commit([{ author: 'a', sampleCount: 1, encoded }], 'counted');
    const lost = learned.map((value, i) => value - decodeUpdate(encoded)[i]!);
    // Training nothing more sends exactly what was lost before.
    const again = decodeUpdate(one.formUpdate(one.anchor.slice()));
    expect(relativeDistance(again, lost)).toBeLessThan(0.01);
  });

  it('[R11] an update that was not listed goes with the next one, whole', () => {
    const one = replica();
    const weights = one.anchor.map((value) => value + 0.01);
    one.formUpdate(weights);
    one.commit([update('z', new Float32Array(COUNT))], 'uncounted');
    const next = decodeUpdate(one.formUpdate(one.anchor.slice()));
    expect(next[5]).toBeCloseTo(0.01, 4);
  });

  it('[R11] a sparse update sends the rest later, 5 % fainter a round', () => {
    const one = new Replica({ parameterCount: COUNT, scheme: 'topk-16', outerLearningRate: 1 });
    one.load(new Float32Array(COUNT));
    // Three values of a chunk are kept; six were learned.
    const learned = Float32Array.from({ length: COUNT }, (_, i) => (i < 3 ? 2 : i < 6 ? 1 : 0));
    const sent = one.formUpdate(learned);
    expect([...decodeUpdate(sent).subarray(0, 6)]).toEqual([2, 2, 2, 0, 0, 0]);
    one.commit([{ author: 'a', sampleCount: 1, encoded: sent }], 'counted');
    const later = decodeUpdate(one.formUpdate(one.anchor.slice()));
    expect([...later.subarray(0, 3)]).toEqual([0, 0, 0]);
    for (const value of later.subarray(3, 6)) expect(Math.abs(value - 0.95)).toBeLessThan(0.07);
  });

  it('[R11] rounding errors do not pile up: many small rounds arrive where one exact sum does', () => {
    const one = replica();
    const start = one.anchor.slice();
    let exact = 0;
    for (let round = 0; round < 50; round++) {
      const step = 0.0001 * (1 + (round % 3));
      exact += step;
      // A large value in the same block makes the scale coarse: without a residual the small ones would vanish.
      const weights = one.anchor.map((value, i) => value + (i % 256 === 0 ? 0.5 : step));
      const encoded = one.formUpdate(weights);
      one.commit([{ author: 'a', sampleCount: 1, encoded }], 'counted');
    }
    expect(Math.abs(one.anchor[1]! - start[1]! - exact)).toBeLessThan(0.5 / 127);
  });

  it('follows the mean of n updates root(n) times as far, at most twice', () => {
    const moved = [1, 4, 9].map((count) => {
      const one = replica();
      const start = one.anchor[0]!;
      const updates = Array.from({ length: count }, (_, i) =>
        update(`v${i}`, new Float32Array(COUNT).fill(0.01)),
      );
      one.commit(updates, 'uncounted');
      return one.anchor[0]! - start;
    });
    expect(moved[1]! / moved[0]!).toBeCloseTo(2, 2);
    expect(moved[2]! / moved[0]!).toBeCloseTo(2, 2);
  });

  it('its average runs behind the anchor, within its range, and starts anew with a load', () => {
    const one = replica();
    const start = one.anchor[0]!;
    for (let round = 0; round < 30; round++)
      one.commit([update('a', new Float32Array(COUNT).fill(0.01))], 'uncounted');
    expect(one.average[0]!).toBeGreaterThan(start);
    expect(one.average[0]!).toBeLessThan(one.anchor[0]!);
    expect(one.anchor[0]! - one.average[0]!).toBeCloseTo(0.04, 2);
    one.load(one.anchor.slice());
    expect(one.average[0]).toBe(one.anchor[0]);
  });

  it('refuses weights that are not finite and stays as it was', () => {
    const one = replica();
    const before = one.fingerprint;
    const weights = one.anchor.slice();
    weights[3] = Number.NaN;
    expect(() => one.formUpdate(weights)).toThrow(ReplicaError);
    expect(() => one.load(weights)).toThrow(ReplicaError);
    expect(() => one.formUpdate(one.anchor.map(() => 3e38))).toThrow(ReplicaError);
    expect(one.fingerprint).toBe(before);
  });
});

describe('parameters', () => {
  const anchor = noise(1);

  it('parameters survive as bytes; wrong length or NaN is refused', () => {
    expect(parametersFromBytes(parametersToBytes(anchor), COUNT)).toEqual(anchor);
    expect(parametersFromBytes(parametersToBytes(anchor), COUNT - 1)).toBeNull();
    expect(parametersFromBytes(parametersToBytes(Float32Array.of(Number.NaN)), 1)).toBeNull();
  });
});
