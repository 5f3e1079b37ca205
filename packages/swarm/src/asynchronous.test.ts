/**
 * A server that waits for nobody and tabs with real numbers, over links that deliver late and break: nothing that was
 * trained is counted twice, and nothing is lost.
 */
import { decodeUpdate, norm, parametersToBytes, Replica } from '@murmuration/codec';
import {
  encodeFrame,
  fnv1a32,
  frameCrc,
  type Frame,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AveragingServer, type ServerEvent } from './averaging-server.ts';
import { Averager } from './averager.ts';
import { ServedRound } from './served-round.ts';
import { id, manifest } from './test-life.ts';

const training = { ...manifest.training, architecture: 'central', schedule: 'asynchronous' } as const;
const run = { ...manifest, training: { ...training, maxStaleness: 1 } };
const { parameterCount: COUNT } = run;
const runTag = fnv1a32(run.id);
const NAMES = [11, 12, 13].map((n) => id('vol', n) as VolunteerId);
const NO_SLICE = new Uint8Array(0);

/** The server, its numbers and the links; frames wait in them until they are delivered. */
class Grid {
  readonly server = new AveragingServer(run);
  readonly averager = new Averager(run);
  readonly tabs = new Map<VolunteerId, Tab>();
  /** What the server counted of each tab, added up. */
  readonly counted = new Map<VolunteerId, Float64Array>();
  nowMs = 0;

  constructor() {
    this.happen({
      kind: 'coordinator-message',
      message: { type: 'run-state', runId: run.id, state: 'training', reason: '' },
    });
    const checkpointSha256 = 'd'.repeat(64);
    this.happen({
      kind: 'coordinator-message',
      message: { type: 'found', runId: run.id, term: 1, round: 0, checkpointSha256 },
    });
    for (const name of NAMES) this.tabs.set(name, new Tab(this, name));
  }

  happen(event: ServerEvent): void {
    for (const effect of this.server.handle(event, this.nowMs))
      if (effect.kind === 'send') this.tabs.get(effect.peer)?.down.push(effect.frame);
      else if (effect.kind === 'fetch-blob')
        this.happen({
          kind: 'blob-fetched',
          sha256: effect.sha256,
          bytes: parametersToBytes(new Float32Array(COUNT)),
        });
      else if (effect.kind === 'average') {
        if (effect.command.kind === 'combine')
          for (const { author, encoded } of effect.command.updates) {
            const sum = this.counted.get(author) ?? new Float64Array(COUNT);
            this.counted.set(author, sum);
            for (const [i, value] of decodeUpdate(encoded).entries()) sum[i]! += value;
          }
        this.happen(this.averager.execute(effect.ticket, effect.command));
      }
  }
}

class Tab {
  readonly up: OutgoingFrame[] = [];
  readonly down: OutgoingFrame[] = [];
  readonly trained = new Float64Array(COUNT);
  readonly round: ServedRound;
  readonly replica: Replica;
  readonly #grid: Grid;
  readonly #name: VolunteerId;

  constructor(grid: Grid, name: VolunteerId) {
    this.#grid = grid;
    this.#name = name;
    const options = { parameterCount: COUNT, codec: 'int8', isAsynchronous: true } as const;
    this.replica = new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 1 });
    this.replica.load(grid.averager.replica.anchor);
    const [server, head] = [grid.server.id, grid.server.head!];
    this.round = new ServedRound({ ...options, self: name, server, head });
    this.relink();
  }

  #base(round = this.round.head.round) {
    return { runTag, term: 1, round };
  }

  /** What was under way is lost; both say where they stand. */
  relink(): void {
    this.up.length = 0;
    this.down.length = 0;
    const anchor = this.round.head.fingerprint;
    this.#grid.happen({ kind: 'peer-closed', peer: this.#name, reason: 'closed' });
    this.#grid.happen({ kind: 'peer-open', peer: this.#name });
    this.up.push({ kind: 'hello', ...this.#base(), hasReplica: true, wantsUpdates: false, anchor });
  }

  learn(value: number): void {
    const step = Float32Array.from({ length: COUNT }, (_, i) => value * (1 + (i % 3)));
    this.replica.trained(this.replica.weights().map((weight, i) => weight + step[i]!));
    for (const [i, each] of step.entries()) this.trained[i]! += each;
  }

  /** As a tab does: one at a time, and of something that was trained. */
  publish(): void {
    const { fingerprint: anchor } = this.round.head;
    const ahead = this.replica.weights().map((value, i) => value - this.replica.anchor[i]!);
    if (this.round.ownUpdate !== undefined || norm(ahead) < 0.005) return;
    const numbers = { sampleCount: 64, stepCount: 2, trainMs: 20, loss: 1, anchor, slice: NO_SLICE };
    const body = { author: this.#name, ...numbers, encoded: this.replica.formUpdate() };
    const frame = { kind: 'update' as const, ...this.#base(), ...body };
    this.round.addOwn({ ...body, crc: frameCrc(encodeFrame(frame)) });
    this.up.push(frame);
  }

  deliverUp(): void {
    const frame = this.up.shift();
    if (frame === undefined) return;
    const crc = frameCrc(encodeFrame(frame));
    this.#grid.happen({ kind: 'peer-frame', peer: this.#name, frame: { ...frame, crc } as Frame });
  }

  deliverDown(): void {
    const frame = this.down.shift();
    if (frame === undefined) return;
    const [said, { server }] = [{ ...frame, crc: 0 } as Frame, this.#grid];
    if (frame.kind === 'refusal') this.round.addRefusal(server.id, frame);
    else if (said.kind === 'update')
      this.round.addUpdate(server.id, { ...said, crc: frameCrc(encodeFrame(frame)) });
    else if (said.kind === 'commit') this.round.addCommit(server.id, said);
    else if (said.kind === 'hello') {
      const again = this.round.unanswered(said);
      if (again !== null) this.up.push({ ...again.update, kind: 'update', ...this.#base(again.round) });
    }
    const decision = this.round.decide();
    if (decision?.kind !== 'close') return;
    this.replica.commit(decision.updates, decision.own);
    const head = { term: 1, round: decision.round + 1, fingerprint: this.replica.fingerprint };
    this.round.advance(head, decision);
  }

  settle(): void {
    while (this.up.length + this.down.length > 0) {
      this.deliverUp();
      this.deliverDown();
    }
  }
}

const action = fc.record({
  tab: fc.nat(NAMES.length - 1),
  what: fc.constantFrom('learn', 'learn', 'publish', 'up', 'up', 'down', 'down', 'down', 'later', 'relink'),
  value: fc.integer({ min: 10, max: 20 }),
});

describe('an asynchronous run over links that are late and break', () => {
  it('[A3] [R11] what a tab trained is what the server counted of it and what the tab still has', () => {
    const seen = { refusals: 0, pending: 0, relinks: 0 };
    fc.assert(
      fc.property(fc.array(action, { minLength: 60, maxLength: 240 }), (actions) => {
        const grid = new Grid();
        const tabs = [...grid.tabs.values()];
        for (const { tab: n, what, value } of actions) {
          const tab = tabs[n]!;
          if (what === 'learn') tab.learn(value / 1_000);
          else if (what === 'publish') tab.publish();
          else if (what === 'up') tab.deliverUp();
          else if (what === 'down') tab.deliverDown();
          else if (what === 'relink') tab.relink();
          else {
            grid.nowMs += 400;
            grid.happen({ kind: 'tick' });
          }
          seen.pending += Number(
            (tab.round.ownUpdate?.anchor ?? tab.round.head.fingerprint) !== tab.round.head.fingerprint,
          );
          seen.relinks += Number(what === 'relink');
        }
        seen.refusals += grid.server.counts.get('stale') ?? 0;
        // Everything is delivered, and what waits is closed.
        for (let i = 0; i < 4; i++) {
          for (const tab of tabs) tab.settle();
          grid.nowMs += 5_000;
          grid.happen({ kind: 'tick' });
        }
        const head = grid.server.head!;
        for (const [name, tab] of grid.tabs) {
          // Who was away for longer than answers are kept fetches the state, and loses what it had.
          if (tab.round.head.round !== head.round) continue;
          expect(tab.round.head).toEqual(head);
          expect(tab.round.ownUpdate).toBeUndefined();
          const rest = decodeUpdate(tab.replica.formUpdate(undefined, 'fp32'));
          const counted = grid.counted.get(name) ?? new Float64Array(COUNT);
          // Of steps that are 0.001 and more; what is missing is float32's rounding.
          const missing = tab.trained.map((value, i) => value - counted[i]! - rest[i]!);
          expect(norm(Float32Array.from(missing))).toBeLessThan(2e-4);
        }
      }),
      { numRuns: 40, seed: 8 },
    );
    expect(seen.refusals).toBeGreaterThan(5);
    expect(seen.pending).toBeGreaterThan(100);
    expect(seen.relinks).toBeGreaterThan(300);
  });

  it('[A1] [A3] a tab that slept through the bound is refused by name, and what it learned goes with its next update', () => {
    const grid = new Grid();
    const [sleeper, other] = [...grid.tabs.values()] as [Tab, Tab, Tab];
    for (const tab of [sleeper, other]) tab.settle();
    sleeper.learn(0.02);
    sleeper.publish();
    for (let version = 0; version < 5; version++) {
      other.learn(0.01);
      other.publish();
      other.settle();
      grid.nowMs += 5_000;
      grid.happen({ kind: 'tick' });
      other.settle();
    }
    expect(grid.server.head!.round).toBe(5);
    sleeper.settle();
    expect(grid.server.counts.get('stale')).toBe(1);
    expect(sleeper.round.ownUpdate).toBeUndefined();
    sleeper.publish();
    sleeper.settle();
    grid.nowMs += 5_000;
    grid.happen({ kind: 'tick' });
    sleeper.settle();
    expect(grid.counted.get(NAMES[0]!)![0]).toBeCloseTo(0.02, 3);
  });
});
