/** What the mind says must be what the wire allows: every message of whole simulated lives is held against its schema. */
import { VolunteerMessageSchema, type RunManifest, type VolunteerMessage } from '@murmuration/protocol';
import { DEFAULT_TRAINING, idFromRandomBytes, NO_ROUTES } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import type { Effect, VolunteerEvent } from './ports.ts';
import { Volunteer } from './volunteer.ts';

const id = (prefix: 'run' | 'vol' | 'data', n: number) =>
  idFromRandomBytes(prefix, new Uint8Array(26).fill(n));
const shard = { index: 0, sha256: 'a'.repeat(64), sampleCount: 64, byteLength: 64 * 5 };
const manifest: RunManifest = {
  id: id('run', 1),
  name: 'r',
  seed: 1,
  model: { name: 'm', inputShape: [4], layers: [{ kind: 'dense', units: 2, activation: 'linear' }] },
  parameterCount: 10,
  training: { ...DEFAULT_TRAINING, batchSize: 32, localSteps: 2 },
  dataset: {
    id: id('data', 1),
    name: 'd',
    kind: 'digits',
    licence: '',
    sampleShape: [4],
    encoding: 'uint8',
    target: { kind: 'class', classCount: 2 },
    trainSampleCount: 64,
    shardCount: 1,
    validation: { ...shard, sha256: 'b'.repeat(64) },
  },
};

/** A volunteer alone with a coordinator that answers by hand; the trainer answers at once. */
class Life {
  readonly said: VolunteerMessage[] = [];
  readonly mind = new Volunteer({
    adapter: { backend: 'webgpu', vendor: 'v', architecture: 'a', description: '', isFallbackAdapter: true },
    links: 'relay-only',
    random: () => 0.5,
    traffic: () => ({
      bytesSentPeers: 1,
      bytesReceivedPeers: 2,
      bytesSentState: 0,
      routes: NO_ROUTES,
      bytesSentCoordinator: 3,
      bytesReceivedCoordinator: 4,
      line: { leftBytes: 1, waitingBytes: 0 },
    }),
  });
  nowMs = 0;
  readonly #round = { now: 0 };

  happen(event: VolunteerEvent): void {
    this.nowMs += 10.37;
    for (const effect of this.mind.handle(event, this.nowMs)) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === 'tell-coordinator') this.said.push(effect.message);
    if (effect.kind === 'fetch-blob')
      this.happen({ kind: 'blob-fetched', sha256: effect.sha256, bytes: new Uint8Array(40) });
    if (effect.kind === 'store-checkpoint')
      this.happen({ kind: 'checkpoint-stored', sha256: 'c'.repeat(64) });
    if (effect.kind !== 'train') return;
    const { ticket, command } = effect;
    const anchor = this.#round.now.toString(16).padStart(16, '0');
    switch (command.kind) {
      case 'prepare':
        return this.happen({ kind: 'prepared', ticket });
      case 'load-checkpoint':
        return this.happen({ kind: 'state-loaded', ticket, round: command.round, anchor });
      case 'train': {
        if (this.#round.now >= 5) return;
        const stepCount = command.batches.length;
        const trained = {
          stepCount,
          sampleCount: 32 * stepCount,
          trainMs: 1.23456,
          loss: Number.NaN,
        };
        return this.happen({ kind: 'trained', ticket, round: command.round, ...trained });
      }
      case 'form-update': {
        const [encoded, slice] = [new Uint8Array(20), new Uint8Array(0)];
        return this.happen({ kind: 'update-formed', ticket, round: command.round, encoded, slice });
      }
      case 'commit':
        this.#round.now = command.round + 1;
        return this.happen({ kind: 'committed', ticket, round: command.round + 1, anchor });
      case 'evaluate': {
        const result = {
          loss: Number.NaN,
          accuracy: 0.5,
          error: null,
          sampleCount: 64,
          parameters: new Uint8Array(40),
        };
        return this.happen({ kind: 'evaluated', ticket, round: this.#round.now, anchor, ...result });
      }
      default:
        return this.happen({ kind: 'done', ticket });
    }
  }
}

describe('what a volunteer says', () => {
  const life = new Life();
  const hear = (message: Extract<VolunteerEvent, { kind: 'coordinator-message' }>['message']) =>
    life.happen({ kind: 'coordinator-message', message });
  const runId = manifest.id;
  life.happen({ kind: 'tick' });
  life.happen({ kind: 'coordinator-open' });
  hear({
    type: 'welcome',
    volunteerId: id('vol', 7),
    secret: 's'.repeat(20),
    signalToken: 't'.repeat(20),
    iceServers: [],
    links: 'relay-only',
  });
  hear({ type: 'assignment', run: manifest });
  hear({ type: 'found', runId, term: 1, round: 0, checkpointSha256: 'd'.repeat(64) });
  hear({ type: 'evaluate', runId, generation: 1, roundMin: 1 });
  hear({ type: 'lease', runId, shard, generation: 1, ttlMs: 60_000, askEveryMs: 250 });
  life.nowMs += 5_000.5;
  life.happen({ kind: 'tick' });
  life.happen({ kind: 'wish', wish: 'leave' });

  it('is always what the wire allows, whatever fractions and NaNs the hands report', () => {
    for (const message of life.said)
      expect([...Value.Errors(VolunteerMessageSchema, message)], message.type).toEqual([]);
  });

  it('covers hello, ready, leases, reports, evaluation and goodbye', () => {
    expect(new Set(life.said.map((message) => message.type))).toEqual(
      new Set([
        'hello',
        'heartbeat',
        'ready',
        'report',
        'lease-request',
        'lease-result',
        'evaluation',
        'leaving',
      ]),
    );
  });
});
