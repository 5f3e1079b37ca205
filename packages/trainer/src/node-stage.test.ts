import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { firstOf, type ModelSpec } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import { exampleBatches, exampleCheckpoint, exampleManifest, exampleShard } from '../tests/example.ts';
import { createTrainer, type Trainer } from './trainer.ts';

// The cpu backend of tfjs is slow, and CI's machines are busy.
vi.setConfig({ testTimeout: 60_000 });

const MODEL: ModelSpec = {
  name: 'small',
  inputShape: [8, 8, 1],
  layers: [{ kind: 'flatten' }, { kind: 'dense', units: 10, activation: 'linear' }],
};
const NODE = `vol_${'n'.repeat(26)}`;
const [FIRST, SECOND] = [`vol_${'1'.repeat(26)}`, `vol_${'2'.repeat(26)}`];
const tiers = { insideEvery: 2, betweenEvery: 3 };
const manifest = exampleManifest(MODEL, { batchSize: 16, learningRate: 0.01, tiers });
const slice = new Uint8Array(0);
const inside = { tier: 'inside' } as const;

let tabs: Trainer[] = [];
let ticket = 0;
beforeEach(async () => {
  tabs = [createTrainer({ backend: 'cpu' }), createTrainer({ backend: 'cpu' })];
  for (const tab of tabs) await tab.open();
});
afterEach(() => Promise.all(tabs.map((tab) => tab.close())));

async function ask<Kind extends TrainerEvent['kind']>(tab: Trainer, kind: Kind, command: TrainerCommand) {
  const event = await tab.execute(++ticket, command);
  expect(event, JSON.stringify(event).slice(0, 300)).toMatchObject({ kind, ticket });
  return event as Extract<TrainerEvent, { kind: Kind }>;
}

async function begin(tab: Trainer): Promise<string> {
  await ask(tab, 'prepared', { kind: 'prepare', manifest });
  await ask(tab, 'state-loaded', {
    kind: 'load-checkpoint',
    round: 0,
    parameters: exampleCheckpoint(MODEL),
  });
  await ask(tab, 'done', { kind: 'add-shard', shardIndex: 0, bytes: exampleShard(0, 8) });
  await ask(tab, 'done', { kind: 'add-validation', bytes: exampleShard(99, 8, 100) });
  const loaded = { kind: 'load-state', round: 0, chunks: [], commits: [], ...inside } as const;
  return (await ask(tab, 'state-loaded', loaded)).anchor;
}

/** Tabs of one node train and average among themselves. */
async function meet(round: number, seed: number): Promise<void> {
  const updates = [];
  for (const [i, tab] of tabs.entries()) {
    const batches = exampleBatches(seed + i, 4);
    const { sampleCount, stepCount } = await ask(tab, 'trained', { kind: 'train', round: 0, batches });
    const form = { kind: 'form-update', round, scheme: 'fp32', withSlice: false, ...inside } as const;
    const { encoded } = await ask(tab, 'update-formed', form);
    updates.push({ author: [FIRST, SECOND][i]!, sampleCount, stepCount, encoded, slice });
  }
  const anchors = [];
  for (const tab of tabs) {
    const commit = { kind: 'commit', round, updates, own: 'counted', ...inside } as const;
    anchors.push((await ask(tab, 'committed', commit)).anchor);
  }
  expect(anchors[0]).toBe(anchors[1]);
}

test('[N3] tabs of a node stand on the same bits, and any of them forms its update', async () => {
  const [a, b] = tabs as [Trainer, Trainer];
  expect(await begin(a)).toBe(await begin(b));
  const before = await ask(a, 'evaluated', { kind: 'evaluate' });
  await meet(0, 0);
  await meet(1, 5);
  const form = { kind: 'form-update', round: 0, scheme: 'int8', withSlice: false } as const;
  const [one, two] = [await ask(a, 'update-formed', form), await ask(b, 'update-formed', form)];
  expect(one.encoded).toEqual(two.encoded);
  const updates = [{ author: NODE, sampleCount: 64, stepCount: 4, encoded: one.encoded, slice }];
  const commit = { kind: 'commit', round: 0, updates, own: 'counted', node: NODE } as const;
  const [first, second] = [await ask(a, 'committed', commit), await ask(b, 'committed', commit)];
  expect(first).toMatchObject({ round: 1, anchor: second.anchor, inside: second.inside });
  expect(first.inside).toMatch(/^[0-9a-f]{16}$/);
  // What all nodes share is what is evaluated.
  const after = await ask(a, 'evaluated', { kind: 'evaluate' });
  expect(after).toMatchObject({ round: 1, anchor: first.anchor });
  expect(after.loss).toBeLessThan(before.loss);
});

test('[N2] a newcomer takes its node from a mate, debts and all', async () => {
  const [old, newcomer] = tabs as [Trainer, Trainer];
  await begin(old);
  await begin(newcomer);
  await meet(0, 0);
  // Only one of them sees the round of nodes, and so owes what was not counted.
  const form = { kind: 'form-update', round: 0, scheme: 'int8', withSlice: false } as const;
  const { encoded } = await ask(old, 'update-formed', form);
  const updates = [{ author: FIRST, sampleCount: 64, stepCount: 4, encoded, slice }];
  const commit = { kind: 'commit', round: 0, updates, own: 'uncounted', node: NODE } as const;
  const committed = await ask(old, 'committed', commit);
  const captured = await ask(old, 'captured', { kind: 'capture', ...inside });
  expect(captured).toMatchObject({ round: firstOf(tiers, 1), anchor: committed.inside });
  const { round } = captured;
  const chunks = captured.chunks.map((bytes) => ({ round, bytes }));
  const outer = await ask(old, 'captured', { kind: 'capture' });
  const state = outer.chunks.map((bytes) => ({ round: 1, bytes }));
  await ask(newcomer, 'state-loaded', { kind: 'load-state', round: 1, chunks: state, commits: [] });
  const loaded = { kind: 'load-state', round, chunks, commits: [], ...inside } as const;
  expect((await ask(newcomer, 'state-loaded', loaded)).anchor).toBe(committed.inside);
  const next = { ...form, round: 1 };
  expect((await ask(newcomer, 'update-formed', next)).encoded).toEqual(
    (await ask(old, 'update-formed', next)).encoded,
  );
});

test('what is no state of a node is refused, and changes nothing', async () => {
  const [tab] = tabs as [Trainer];
  const anchor = await begin(tab);
  const chunks = [{ round: 4, bytes: new Uint8Array(9) }];
  const failed = await ask(tab, 'trainer-failed', {
    kind: 'load-state',
    round: 4,
    chunks,
    commits: [],
    ...inside,
  });
  expect(failed.detail).toMatch(/no state of a node/);
  expect((await ask(tab, 'captured', { kind: 'capture', ...inside })).anchor).toBe(anchor);
});
