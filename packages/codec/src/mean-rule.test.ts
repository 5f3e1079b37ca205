import { describe, expect, it } from 'vitest';
import { Combiner } from './combiner.ts';
import { weighUpdates } from './averaging.ts';
import { FOLLOWED, gainBetween, gainOf, meanRuleOf, PLAIN, type MeanRule } from './mean-rule.ts';
import { mulberry } from './random.ts';
import { Replica } from './replica.ts';
import { decodeUpdate, encodeUpdate } from './update-codec.ts';
import { relativeDistance } from './vectors.ts';

const COUNT = 2_000;
const random = mulberry(5);
const noise = (scale: number) => Float32Array.from({ length: COUNT }, () => scale * (2 * random() - 1));
const anchor = noise(1);
const common = noise(0.1);
/** Of equal batches: alike, and of different lengths. */
const gradients = Array.from({ length: 5 }, (_, i) => {
  const own = noise(0.05);
  return common.map((value, at) => (0.5 + 0.25 * i) * value + own[at]!);
});
const updates = gradients.map((gradient, i) => ({
  author: `tab ${i}`,
  sampleCount: 16,
  encoded: encodeUpdate('fp32', gradient),
}));
const meanOf = (vectors: readonly Float32Array[]) =>
  anchor.map((_, at) => vectors.reduce((sum, vector) => sum + vector[at]!, 0) / vectors.length);
const options = { parameterCount: COUNT, outerLearningRate: 1, rule: PLAIN } as const;

describe('[R10] the mean of gradients and of parameters', () => {
  it('is followed as far as it reaches; that of pseudo-gradients by the root of n, at most twice', () => {
    expect(meanRuleOf({})).toBe(FOLLOWED);
    expect(meanRuleOf({ exchange: 'gradients' })).toBe(PLAIN);
    expect(meanRuleOf({ exchange: 'parameters' })).toBe(PLAIN);
    expect([1, 2, 4, 9].map((n) => gainOf(n))).toEqual([1, Math.SQRT2, 2, 2]);
    expect([1, 2, 4, 9].map((n) => gainOf(n, PLAIN))).toEqual([1, 1, 1, 1]);
  });

  it('moves every replica by the plain mean, longer ones whole', () => {
    const replica = new Replica({ ...options, scheme: 'fp32' });
    replica.load(anchor);
    replica.commit(updates, 'uncounted');
    const moved = replica.anchor.map((value, at) => value - anchor[at]!);
    expect(relativeDistance(moved, meanOf(gradients))).toBeLessThan(1e-5);
  });

  it("makes of the members' weights their mean", () => {
    const weights = gradients.map((gradient) => gradient.map((value, at) => value + anchor[at]!));
    const members = weights.map(() => new Replica({ ...options, scheme: 'fp32' }));
    for (const member of members) member.load(anchor);
    const sent = members.map((member, i) => ({ ...updates[i]!, encoded: member.formUpdate(weights[i]!) }));
    for (const member of members) member.commit(sent, 'counted');
    for (const member of members) {
      expect(relativeDistance(member.anchor, meanOf(weights))).toBeLessThan(1e-6);
      expect(member.residualNorm).toBe(0);
    }
  });

  it('[S2] is what an averaging server answers', () => {
    const server = new Combiner(options);
    server.load(anchor);
    const answer = decodeUpdate(server.combine(updates, 'fp32'));
    expect(relativeDistance(answer, meanOf(gradients))).toBeLessThan(1e-5);
  });

  it('counts who points against the others, whom a vote puts out', () => {
    const against = {
      ...updates[0]!,
      author: 'x',
      encoded: encodeUpdate(
        'fp32',
        common.map((v) => -v),
      ),
    };
    const counted = (rule: MeanRule) =>
      weighUpdates([...updates, against], COUNT, rule).find(({ update }) => update === against)!.weight;
    expect([counted(FOLLOWED), counted(PLAIN)]).toEqual([0, 1 / 6]);
  });

  it('shortens what is more than four times as long as is usual', () => {
    const replica = new Replica({ ...options, scheme: 'fp32' });
    replica.load(anchor);
    const huge = {
      ...updates[0]!,
      author: 'x',
      encoded: encodeUpdate(
        'fp32',
        gradients[2]!.map((v) => 1_000 * v),
      ),
    };
    replica.commit([...updates, huge], 'uncounted');
    const moved = replica.anchor.map((value, at) => value - anchor[at]!);
    const expected = meanOf([...gradients, gradients[2]!.map((value) => 4 * value)]);
    expect(relativeDistance(moved, expected)).toBeLessThan(0.1);
  });
});

describe('[N4] between nodes the mean is followed', () => {
  const BATCH = 16;
  const node = (tabs: number, stepCount: number, author = `node of ${tabs}`) => ({
    author,
    sampleCount: tabs * stepCount * BATCH,
    stepCount,
  });
  const nodes = (...tabs: number[]) => tabs.map((count, i) => node(count, 50, `node ${i}`));

  it('so far that with the gain inside it is as far as one group of all their tabs follows it', () => {
    for (const tabs of [[4, 4, 4, 4], [8, 8], [5], [1]]) expect(gainBetween(nodes(...tabs), BATCH)).toBe(1);
    expect(gainBetween(nodes(1, 1, 1, 1, 1, 1), BATCH)).toBe(2);
    expect(gainBetween(nodes(1, 1), BATCH)).toBeCloseTo(Math.SQRT2, 12);
    expect(gainBetween(nodes(2, 2, 2), BATCH)).toBeCloseTo(Math.SQRT2, 12);
    // Of 5 tabs 4 have their gain already.
    expect(gainBetween(nodes(4, 1), BATCH)).toBeCloseTo(2 / 1.8, 12);
  });

  it('by all alike, in whatever order the updates lie', () => {
    const some = nodes(3, 1, 2, 7, 1);
    expect(gainBetween(some.toReversed(), BATCH)).toBe(gainBetween(some, BATCH));
  });

  it('never more than twice, and never less than it reaches, whatever a node says of itself', () => {
    const honest = nodes(1, 1, 1);
    for (const lie of [node(1e6, 1), { ...node(1, 1), sampleCount: 1, stepCount: 1_000 }]) {
      const gain = gainBetween([...honest, lie], BATCH);
      expect(gain).toBeGreaterThanOrEqual(1);
      expect(gain).toBeLessThanOrEqual(2);
    }
    expect(gainBetween([{ author: 'a', sampleCount: 32 }], BATCH)).toBe(1);
  });
});
