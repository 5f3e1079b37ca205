/**
 * Newcomers that ask us for chunks of the state. One copy of the replica serves all of them, also a few rounds later:
 * who fetches brings it forward itself. What is given is bounded in newcomers, in chunks under way and in bytes a
 * second, because the group's updates leave by the same uplink. Who is refused hears it at once and asks elsewhere.
 * Pure.
 */
import { chunkCount } from '@murmuration/codec';
import type { FrameOf, Head, RunManifest, VolunteerId } from '@murmuration/protocol';
import type { Outbox } from './outbox.ts';
import type { OfTier, TrainerEvent } from './ports.ts';

/** Chunks that a newcomer may have asked for and not got. */
export const REQUESTS_MAX = 2;
/** A newcomer that asks for nothing for so long has its state, or has gone elsewhere. */
const DONEE_SILENCE_MAX_MS = 3_000;
/** What is given at most. */
export interface Generosity {
  /** Newcomers that are served at a time. */
  readonly doneesMax: number;
  readonly bytesPerMs: number;
  readonly burstBytes: number;
}
/** 20 Mbit/s, what a home line takes in; the burst is one chunk for each newcomer. */
const OF_A_TAB: Generosity = { doneesMax: 4, bytesPerMs: 2_500, burstBytes: 1024 * 1024 };
/** In a node: its lines are a network's own. 100 Mbit/s; a guess. */
export const OF_A_MATE: Generosity = { ...OF_A_TAB, bytesPerMs: 12_500 };
/** A copy that nobody asked for is freed. Longer than a newcomer's whole fetch of a middling model; a guess. */
const COPY_KEPT_MS = 10_000;

interface Request {
  readonly peer: VolunteerId;
  readonly chunk: number;
  readonly roundMin: number;
}

export class Donations {
  readonly #outbox: Outbox;
  readonly #runTag: number;
  readonly #parameterCount: number;
  readonly #tier: OfTier;
  #requests: Request[] = [];
  /** When each newcomer asked last. */
  readonly #donees = new Map<VolunteerId, number>();
  #copy: (Head & { readonly chunks: readonly Uint8Array[] }) | null = null;
  #copyUsedMs = 0;
  readonly #generosity: Generosity;
  #allowanceBytes: number;
  #allowanceMs = 0;

  /** @param options.valueCount of a node's state, which is more than the model's */
  constructor(options: {
    outbox: Outbox;
    runTag: number;
    manifest: RunManifest;
    generosity?: Generosity;
    tier?: OfTier;
    valueCount?: number;
  }) {
    this.#tier = options.tier ?? {};
    this.#generosity = options.generosity ?? OF_A_TAB;
    this.#allowanceBytes = this.#generosity.burstBytes;
    this.#outbox = options.outbox;
    this.#runTag = options.runTag;
    this.#parameterCount = options.valueCount ?? options.manifest.parameterCount;
  }

  /** When `advance` is due at the latest. */
  get nextDeadlineMs(): number {
    const next = this.#requests.find((request) => this.#serves(request));
    const giveMs =
      next === undefined
        ? Infinity
        : this.#allowanceMs +
          Math.max(0, this.#copy!.chunks[next.chunk]!.length - this.#allowanceBytes) /
            this.#generosity.bytesPerMs;
    return Math.min(giveMs, this.#copy === null ? Infinity : this.#copyUsedMs + COPY_KEPT_MS);
  }

  /** Null: it will be answered, if only by a refusal. */
  asked(peer: VolunteerId, frame: FrameOf<'state-request'>, head: Head | null, nowMs: number): string | null {
    const { chunk, round: roundMin } = frame;
    if (chunk >= chunkCount(this.#parameterCount)) return 'bad-request';
    for (const [donee, askedMs] of this.#donees)
      if (nowMs - askedMs >= DONEE_SILENCE_MAX_MS && !this.#requests.some((r) => r.peer === donee))
        this.#donees.delete(donee);
    const open = this.#requests.filter((request) => request.peer === peer);
    const isBusy =
      open.length >= REQUESTS_MAX ||
      (!this.#donees.has(peer) && this.#donees.size >= this.#generosity.doneesMax);
    // One round ahead of us is where we shall be in a moment.
    if (isBusy || head === null || frame.term !== head.term || roundMin > head.round + 1) {
      this.#deny(peer, chunk);
      return null;
    }
    this.#donees.set(peer, nowMs);
    if (!open.some((request) => request.chunk === chunk)) this.#requests.push({ peer, chunk, roundMin });
    return null;
  }

  lost(peer: VolunteerId): void {
    this.#donees.delete(peer);
    this.#requests = this.#requests.filter((request) => request.peer !== peer);
  }

  /** Gives what the copy and the allowance have, and asks the trainer for a newer copy where that one is too old. */
  advance(head: Head | null, nowMs: number): void {
    if (this.#copy !== null && (head?.term !== this.#copy.term || nowMs >= this.#copyUsedMs + COPY_KEPT_MS))
      this.#copy = null;
    if (head === null) {
      for (const { peer, chunk } of this.#requests) this.#deny(peer, chunk);
      this.#requests = [];
      return;
    }
    const { bytesPerMs, burstBytes } = this.#generosity;
    const earnedBytes = bytesPerMs * Math.max(0, nowMs - this.#allowanceMs);
    this.#allowanceBytes = Math.min(burstBytes, this.#allowanceBytes + earnedBytes);
    this.#allowanceMs = nowMs;
    this.#requests = this.#requests.filter((request) => !this.#gives(request, nowMs));
    const wantsCopy = this.#requests.some(
      (request) => !this.#serves(request) && request.roundMin <= head.round,
    );
    if (wantsCopy && !this.#outbox.isCapturing(this.#tier.tier))
      this.#outbox.train({ kind: 'capture', ...this.#tier });
  }

  /** The copy is here. Without a head there is nothing to give: `advance` tells the newcomers. */
  captured(event: Extract<TrainerEvent, { kind: 'captured' }>, head: Head | null, nowMs: number): void {
    if (head === null) return;
    const { round, anchor: fingerprint, chunks } = event;
    this.#copy = { term: head.term, round, fingerprint, chunks };
    this.#copyUsedMs = nowMs;
  }

  #serves(request: Request): boolean {
    return this.#copy !== null && this.#copy.round >= request.roundMin;
  }

  #gives(request: Request, nowMs: number): boolean {
    if (this.#copy === null || !this.#serves(request)) return false;
    const { term, round, fingerprint: anchor, chunks } = this.#copy;
    const bytes = chunks[request.chunk]!;
    if (bytes.length > this.#allowanceBytes) return false;
    this.#allowanceBytes -= bytes.length;
    this.#copyUsedMs = nowMs;
    const { chunk } = request;
    this.#outbox.send(request.peer, {
      kind: 'state',
      runTag: this.#runTag,
      term,
      round,
      anchor,
      chunk,
      bytes,
    });
    return true;
  }

  #deny(peer: VolunteerId, chunk: number): void {
    this.#outbox.send(peer, { kind: 'state-denied', runTag: this.#runTag, term: 0, round: 0, chunk });
  }
}
