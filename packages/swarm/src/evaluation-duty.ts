/**
 * The duty to evaluate, from the coordinator's word to the stored checkpoint: what it waits for, and what it says at the
 * end. Whether this is the time for it is the assignment's to decide. Pure; wishes go to the outbox.
 */
import type { CoordinatorMessageOf, Head, LossParts, RunManifest, Sha256 } from '@murmuration/protocol';
import type { Outbox } from './outbox.ts';
import type { TrainerEvent } from './ports.ts';

interface Evaluated {
  readonly generation: number;
  readonly head: Head;
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly error: number | null;
  readonly parts?: LossParts;
  readonly sampleCount: number;
}

export class EvaluationDuty {
  readonly #manifest: RunManifest;
  readonly #outbox: Outbox;
  #validation: 'none' | 'fetching' | 'ready' = 'none';
  /** Until the trainer has done it. */
  #asked: { readonly generation: number; readonly roundMin: number } | null = null;
  /** Its result, until the checkpoint is stored. */
  #evaluated: Evaluated | null = null;
  /** The latest checkpoint that we know the coordinator to have. */
  #stored: Pick<Head, 'term' | 'round'> | null = null;

  constructor(manifest: RunManifest, outbox: Outbox) {
    this.#manifest = manifest;
    this.#outbox = outbox;
  }

  ask({ generation, roundMin }: CoordinatorMessageOf<'evaluate'>): void {
    this.#asked = { generation, roundMin };
  }

  /** The term begins with a checkpoint of this round. */
  founded({ term, round }: CoordinatorMessageOf<'found'>): void {
    this.#stored = { term, round };
  }
  /** The coordinator is known to have a checkpoint of this replica, or of a later one of its term. */
  hasStored({ term, round }: Head): boolean {
    return this.#stored?.term === term && round <= this.#stored.round;
  }

  /** It was asked for, and is neither done nor given up. */
  get isUnderWay(): boolean {
    return this.#asked !== null || this.#evaluated !== null;
  }

  isDue(round: number): boolean {
    return this.#asked !== null && round >= this.#asked.roundMin;
  }

  /** Gives the trainer the work, or fetches what it needs first. True: it is at work. */
  begin(): boolean {
    if (this.#validation === 'none') {
      const { sha256, byteLength } = this.#manifest.dataset.validation;
      this.#validation = 'fetching';
      this.#outbox.push({ kind: 'fetch-blob', sha256, maxBytes: byteLength });
    }
    if (this.#validation !== 'ready') return false;
    this.#outbox.train({ kind: 'evaluate' });
    return true;
  }

  /** The validation samples came. False: this blob is something else. */
  fetched(sha256: Sha256, bytes: Uint8Array): boolean {
    if (sha256 !== this.#manifest.dataset.validation.sha256) return false;
    this.#outbox.train({ kind: 'add-validation', bytes });
    return true;
  }
  failed(sha256: Sha256): void {
    if (sha256 === this.#manifest.dataset.validation.sha256) this.#validation = 'none';
  }
  /** The trainer holds the validation samples. */
  added(): void {
    this.#validation = 'ready';
  }

  take(event: Extract<TrainerEvent, { kind: 'evaluated' }>, head: Head | null): void {
    if (this.#asked === null || head === null) return;
    const { parts } = event;
    const isFinite = parts !== undefined && Number.isFinite(parts.reconstruction + parts.kl);
    this.#evaluated = {
      generation: this.#asked.generation,
      head: { term: head.term, round: event.round, fingerprint: event.anchor },
      loss: Number.isFinite(event.loss) ? event.loss : null,
      accuracy: event.accuracy,
      error: event.error !== null && Number.isFinite(event.error) ? event.error : null,
      ...(isFinite ? { parts } : {}),
      sampleCount: event.sampleCount,
    };
    this.#asked = null;
    this.#outbox.push({ kind: 'store-checkpoint', runId: this.#manifest.id, parameters: event.parameters });
  }

  checkpointStored(checkpointSha256: Sha256): void {
    if (this.#evaluated === null) return;
    this.#outbox.say({ type: 'evaluation', runId: this.#manifest.id, ...this.#evaluated, checkpointSha256 });
    this.#stored = this.#evaluated.head;
    this.#evaluated = null;
  }

  /** The coordinator asks somebody else, or us again, when the duty's time is up. */
  checkpointFailed(): void {
    this.#evaluated = null;
  }
}
