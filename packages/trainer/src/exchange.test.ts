import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { decodeState, norm } from '@murmuration/codec';
import type { LINEAR_OPTIMISERS, ModelSpec } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import { exampleCheckpoint, exampleManifest, exampleParameters, exampleShard } from '../tests/example.ts';
import { createTrainer, type Trainer } from './trainer.ts';

// The cpu backend of tfjs is slow, and CI's machines are busy.
vi.setConfig({ testTimeout: 60_000 });

const MODEL: ModelSpec = {
  name: 'small',
  inputShape: [8, 8, 1],
  layers: [{ kind: 'flatten' }, { kind: 'dense', units: 10, activation: 'linear' }],
};
const ROUNDS = 3;
const TABS = 4;
const BATCH = 8;

/** Each has the device of this process: one works at a time. */
let trainer: Trainer;
beforeAll(async () => {
  trainer = createTrainer({ backend: 'cpu' });
  await trainer.open();
});
afterAll(() => trainer.close());

async function ask<Kind extends TrainerEvent['kind']>(kind: Kind, command: TrainerCommand) {
  const event = await trainer.execute(1, command);
  expect(event, JSON.stringify(event).slice(0, 300)).toMatchObject({ kind });
  return event as Extract<TrainerEvent, { kind: Kind }>;
}

type Update = Extract<TrainerCommand, { kind: 'commit' }>['updates'][number];

/** One tab of a run that exchanges gradients: its updates, where it stands after each round, and how it is told of one. */
class Tab {
  readonly updates: Update[] = [];
  readonly anchors: Float32Array[] = [];
  readonly #batchSize: number;
  readonly #optimiser: (typeof LINEAR_OPTIMISERS)[number];

  constructor(optimiser: (typeof LINEAR_OPTIMISERS)[number], batchSize: number) {
    this.#optimiser = optimiser;
    this.#batchSize = batchSize;
  }

  /**
   * Trains from the beginning, in each round one step on this batch, and goes on with what everybody sent.
   * @param others of each round; null: it is alone
   */
  async train(
    name: string,
    batchIndex: number,
    others: readonly (readonly Update[])[] | null,
  ): Promise<void> {
    const training = { exchange: 'gradients', localSteps: 1, codec: 'fp32', learningRate: 0.1 } as const;
    const { parameterCount, ...manifest } = exampleManifest(MODEL, {
      ...training,
      batchSize: this.#batchSize,
      optimiser: this.#optimiser,
    });
    await ask('prepared', { kind: 'prepare', manifest: { ...manifest, parameterCount } });
    await ask('state-loaded', { kind: 'load-checkpoint', round: 0, parameters: exampleCheckpoint(MODEL) });
    await ask('done', { kind: 'add-shard', shardIndex: 0, bytes: exampleShard(0, 8) });
    for (let round = 0; round < ROUNDS; round++) {
      await ask('trained', { kind: 'train', round, batches: [{ shardIndex: 0, pass: round, batchIndex }] });
      const { encoded } = await ask('update-formed', {
        kind: 'form-update',
        round,
        withSlice: false,
        scheme: 'fp32',
      });
      const own = {
        author: name as Update['author'],
        sampleCount: BATCH,
        stepCount: 1,
        encoded,
        slice: new Uint8Array(0),
      };
      this.updates.push(own);
      const updates = [own, ...(others?.[round] ?? [])];
      await ask('committed', { kind: 'commit', round, updates, own: 'counted' });
      const { chunks } = await ask('captured', { kind: 'capture' });
      this.anchors.push(decodeState(chunks, parameterCount).anchor);
    }
  }
}

test.each(['sgd', 'momentum'] as const)(
  'averaged gradients of four tabs with %s are the step of one tab with four times the batch',
  async (optimiser) => {
    const alone = new Tab(optimiser, TABS * BATCH);
    await alone.train('alone', 0, null);
    // A tab's gradient in a round needs the commits before it, and these all tabs' gradients: round by round anew.
    let sent: Update[][] = [];
    let last: Tab | null = null;
    for (let round = 0; round < ROUNDS; round++) {
      const tabs: Tab[] = [];
      for (let tab = 0; tab < TABS; tab++) {
        const others = sent.map((updates) => updates.filter((_, i) => i !== tab));
        tabs.push((last = new Tab(optimiser, BATCH)));
        await last.train(`tab ${tab}`, tab, others);
      }
      sent = Array.from({ length: round + 1 }, (_, r) => tabs.map(({ updates }) => updates[r]!));
    }
    const others = sent.map((updates) => updates.slice(1));
    last = new Tab(optimiser, BATCH);
    await last.train('tab 0', 0, others);
    for (const [round, anchor] of last.anchors.entries()) {
      const moved = norm(alone.anchors[round]!.map((value, i) => value - exampleParameters(MODEL)[i]!));
      const apart = norm(alone.anchors[round]!.map((value, i) => value - anchor[i]!));
      expect(moved).toBeGreaterThan(0.01);
      expect(apart / moved).toBeLessThan(1e-5);
    }
  },
);
