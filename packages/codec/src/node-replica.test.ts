import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GroupUpdate } from './averaging.ts';
import { NodeReplica } from './node-replica.ts';
import { decodeUpdate, type Scheme } from './update-codec.ts';
import { norm } from './vectors.ts';

const COUNT = 600;
const replica = (scheme: Scheme, outerLearningRate = 1) => {
  const node = new NodeReplica({
    parameterCount: COUNT,
    outerLearningRate,
    scheme,
    insideScheme: 'fp32',
    betweenEvery: 1,
    batchSize: 16,
  });
  node.between.load(Float32Array.from({ length: COUNT }, (_, i) => Math.sin(i)));
  node.stand();
  return node;
};
/** Something that a tab trained, by a number. */
const lesson = (seed: number) =>
  Float32Array.from({ length: COUNT }, (_, i) => 0.01 * Math.sin((seed + 1) * (i + 1)));
const learn = (node: NodeReplica, seed: number) => {
  const step = lesson(seed);
  node.inside.trained(node.inside.weights().map((value, i) => value + step[i]!));
};
const named = (author: string, encoded: Uint8Array): GroupUpdate => ({ author, sampleCount: 32, encoded });
/** Tabs of one node average what they trained. */
const meet = (tabs: readonly NodeReplica[]) => {
  const updates = tabs.map((tab, i) => named(`tab ${i}`, tab.inside.formUpdate()));
  for (const tab of tabs) tab.inside.commit(updates, 'counted');
};
const other = (scheme: Scheme) => {
  const node = replica(scheme);
  learn(node, 99);
  meet([node]);
  return named('other', node.formUpdate());
};

it.each(['int8', 'fp16', 'topk-64'] as const)(
  '[N3] under %s what a node learned is in what was counted in its name, and else in what it owes',
  (scheme) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(50)), { maxLength: 8 }), (cycles) => {
        const tabs = [replica(scheme), replica(scheme), replica(scheme)];
        const [first] = tabs as [NodeReplica];
        for (const [isCounted, seed] of cycles) {
          for (const [i, tab] of tabs.entries()) learn(tab, seed + i);
          meet(tabs);
          const fade = scheme === 'topk-64' ? 0.95 : 1;
          const learned = first.inside.anchor.map(
            (value, i) => value - first.between.anchor[i]! + fade * first.owed[i]!,
          );
          // Whoever of the node says it says the same.
          const said = tabs.map((tab) => tab.formUpdate());
          for (const bytes of said) expect(bytes).toEqual(said[0]);
          const own = isCounted ? named('us', said[0]!) : null;
          const updates = own === null ? [other(scheme)] : [other(scheme), own];
          for (const tab of tabs) tab.commit(updates, own);
          const counted = own === null ? new Float32Array(COUNT) : decodeUpdate(own.encoded);
          const missing = learned.map((value, i) => value - counted[i]! - first.owed[i]!);
          expect(norm(missing)).toBeLessThan(1e-5);
          for (const tab of tabs) expect(tab.insideFingerprint).toBe(first.insideFingerprint);
          expect(first.inside.anchor).toEqual(first.between.anchor);
        }
      }),
      { numRuns: 6 },
    );
  },
);

it('[N4] what a mate said in the name of the node, and it would not have, is nothing that it owes', () => {
  const node = replica('int8');
  learn(node, 1);
  meet([node]);
  const learned = node.inside.anchor.map((value, i) => value - node.between.anchor[i]!);
  const lie = other('int8');
  node.commit([lie], { ...lie, author: 'us' });
  expect(norm(learned.map((value, i) => value - node.owed[i]!))).toBeLessThan(1e-6);
});

it('[N3] forming an update for the node changes nothing', () => {
  const node = replica('int8');
  learn(node, 1);
  meet([node]);
  const before = node.insideFingerprint;
  expect(node.formUpdate()).toEqual(node.formUpdate());
  expect(node.insideFingerprint).toBe(before);
});

it('[N3] what a tab trains while nodes exchange stays as far ahead as it was', () => {
  const node = replica('int8');
  learn(node, 1);
  meet([node]);
  learn(node, 2);
  const own = named('us', node.formUpdate());
  node.commit([other('int8'), own], own);
  const ahead = node.inside.weights().map((value, i) => value - node.inside.anchor[i]! - lesson(2)[i]!);
  expect(norm(ahead)).toBeLessThan(1e-5);
});

it('[N2] who comes to a node is given its anchor and its debts, and stands where its mates stand', () => {
  const [old, newcomer] = [replica('int8'), replica('int8')];
  for (const seed of [1, 2]) {
    learn(old, seed);
    meet([old]);
    const own = named('us', old.formUpdate());
    const updates = [other('int8'), own];
    old.commit(updates, own);
    newcomer.commit(updates, null);
  }
  learn(old, 3);
  meet([old]);
  expect(norm(old.owed)).toBeGreaterThan(0);
  const moments = Float32Array.from({ length: COUNT }, (_, i) => 1 + i);
  const given = newcomer.loadInside(old.captureInside()({ secondMoment: moments, stepCount: 9 }));
  expect(given).toMatchObject({ stepCount: 9 });
  expect(newcomer.loadInside([new Uint8Array(5)])).toBeNull();
  expect(newcomer.insideFingerprint).toBe(old.insideFingerprint);
  expect(newcomer.formUpdate()).toEqual(old.formUpdate());
});

it('[N2] tabs that owe something else do not stand where the node stands', () => {
  const [a, b] = [replica('int8'), replica('int8')];
  learn(a, 1);
  meet([a]);
  a.commit([other('int8')], null);
  b.commit([other('int8')], null);
  expect(a.inside.anchor).toEqual(b.inside.anchor);
  expect(a.insideFingerprint).not.toBe(b.insideFingerprint);
});

it('[N4] the outer learning rate is applied where tabs average, and not again between nodes', () => {
  const node = replica('fp32', 0.5);
  learn(node, 3);
  meet([node]);
  const { anchor } = node.inside;
  const learned = anchor.slice();
  expect(norm(learned.map((value, i) => value - node.between.anchor[i]! - 0.5 * lesson(3)[i]!))).toBeLessThan(
    1e-6,
  );
  const own = named('us', node.formUpdate());
  node.commit([own], own);
  expect(norm(node.between.anchor.map((value, i) => value - learned[i]!))).toBeLessThan(1e-6);
  expect(norm(node.owed)).toBeLessThan(1e-6);
});
