/**
 * For tests: a volunteer alone with a coordinator that answers by hand. Its trainer answers at once, unless `trainer` says
 * otherwise of a command.
 */
import {
  DEFAULT_TRAINING,
  idFromRandomBytes,
  NO_ROUTES,
  type CoordinatorMessage,
  type RunManifest,
  type VolunteerMessage,
} from '@murmuration/protocol';
import type { Effect, TrainerCommand, TrainerFailure, VolunteerEvent } from './ports.ts';
import { Volunteer } from './volunteer.ts';

export const id = (prefix: 'run' | 'vol' | 'data', n: number) =>
  idFromRandomBytes(prefix, new Uint8Array(26).fill(n));
export const shard = { index: 0, sha256: 'a'.repeat(64), sampleCount: 64, byteLength: 64 * 5 };
export const manifest: RunManifest = {
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

export class Life {
  readonly said: VolunteerMessage[] = [];
  readonly sent: Extract<Effect, { kind: 'send' }>[] = [];
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
  /** What becomes of a command: it fails, or it is not answered, nor any after it; null: it is carried out. */
  trainer: (command: TrainerCommand) => TrainerFailure | 'silence' | null = () => null;
  /** Commands that were not answered, in order. */
  readonly held: Extract<Effect, { kind: 'train' }>[] = [];
  /** Rounds that are trained. */
  roundsMax = 5;
  readonly #round = { now: 0 };

  /** Assigned to the run, with one lease, and founding it. */
  begin(changes: Partial<RunManifest['training']> = {}): void {
    const run = { ...manifest, training: { ...manifest.training, ...changes } };
    this.happen({ kind: 'tick' });
    this.happen({ kind: 'coordinator-open' });
    this.hear({
      type: 'welcome',
      volunteerId: id('vol', 7),
      secret: 's'.repeat(20),
      signalToken: 't'.repeat(20),
      iceServers: [],
      links: 'relay-only',
    });
    this.hear({ type: 'assignment', run });
    this.hear({ type: 'found', runId: run.id, term: 1, round: 0, checkpointSha256: 'd'.repeat(64) });
  }
  lease(): void {
    this.hear({ type: 'lease', runId: manifest.id, shard, generation: 1, ttlMs: 60_000, askEveryMs: 250 });
  }

  hear(message: CoordinatorMessage): void {
    this.happen({ kind: 'coordinator-message', message });
  }

  happen(event: VolunteerEvent): void {
    this.nowMs += 10.37;
    for (const effect of this.mind.handle(event, this.nowMs)) this.#carryOut(effect);
  }

  /** Answers what was held, in order. */
  answer(): void {
    for (const effect of this.held.splice(0)) this.#carryOut(effect);
  }

  get word(): string {
    const { state, detail } = this.mind.snapshot();
    return detail === '' ? state : `${state}(${detail})`;
  }

  #carryOut(effect: Effect): void {
    if (effect.kind === 'tell-coordinator') this.said.push(effect.message);
    if (effect.kind === 'send') this.sent.push(effect);
    if (effect.kind === 'fetch-blob')
      this.happen({ kind: 'blob-fetched', sha256: effect.sha256, bytes: new Uint8Array(40) });
    if (effect.kind === 'store-checkpoint')
      this.happen({ kind: 'checkpoint-stored', sha256: 'c'.repeat(64) });
    if (effect.kind !== 'train') return;
    const { ticket, command } = effect;
    const fate = this.trainer(command);
    if (fate === 'silence' || this.held.length > 0) return void this.held.push(effect);
    if (fate !== null) return this.happen({ kind: 'trainer-failed', ticket, failure: fate, detail: 'test' });
    const anchor = this.#round.now.toString(16).padStart(16, '0');
    switch (command.kind) {
      case 'prepare':
        return this.happen({ kind: 'prepared', ticket });
      case 'load-state':
      case 'load-checkpoint':
        return this.happen({ kind: 'state-loaded', ticket, round: command.round, anchor });
      case 'train': {
        if (this.#round.now >= this.roundsMax) return;
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
