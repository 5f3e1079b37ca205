/**
 * The shards a volunteer works on: leases with deadlines, the batches that come next, and results that wait for the
 * coordinator's word. Pure. While the coordinator is away and every lease is used up, training goes on over the shards
 * at hand ([L3]); such samples train the model but are nobody's result.
 */
import type { CoordinatorMessageOf, Sha256, Shard, VolunteerMessageOf } from '@murmuration/protocol';
import type { BatchPlan } from './ports.ts';

/** Leases held at once: one in work, one on its way. */
const LEASES_MAX = 2;
/** Shards kept in the trainer for times without a lease: variety matters more than the memory (0.4 MB each). */
const SHARDS_KEPT = 32;
/** Results that wait for an acknowledgement; older ones are given up (their leases are re-leased by deadline). */
const RESULTS_MAX = 64;
const RESULT_RETRY_MS = 10_000;
const REQUEST_RETRY_MS = 5_000;

interface HeldLease {
  readonly shard: Shard;
  readonly generation: number;
  readonly deadlineMs: number;
  nextBatch: number;
}
type Result = Omit<VolunteerMessageOf<'lease-result'>, 'type' | 'runId'>;

export class LeaseBook {
  readonly #batchSize: number;
  /** Everything by shard index. `ready`: its bytes are in the trainer. */
  readonly #shards = new Map<number, { shard: Shard; ready: boolean; passes: number }>();
  #leases: HeldLease[] = [];
  #planned: { readonly lease: HeldLease | null; readonly batch: BatchPlan }[] = [];
  /** Leases that are trained to their end, and are in no update yet. */
  #trained: HeldLease[] = [];
  /** Leases that are in the update on its way: they become results when a commit counts it. */
  #sent: HeldLease[] = [];
  readonly #results = new Map<string, { result: Result; sentMs: number }>();
  #requestAtMs = 0;
  #askedMs = -Infinity;
  /** [C3] A fast GPU is through a shard in milliseconds; it asks no more often than this and trains on what it has. */
  #askEveryMs = 0;

  constructor(batchSize: number) {
    this.#batchSize = batchSize;
  }

  /** Leases that the coordinator has not taken back in our eyes: in work, trained, or waiting for its word. */
  get heldCount(): number {
    return Math.min(16, this.#leases.length + this.#trained.length + this.#sent.length + this.#results.size);
  }

  /** Takes a lease. Returns the blob to fetch, or null when the shard is at hand or on its way already. */
  grant(lease: CoordinatorMessageOf<'lease'>, nowMs: number): Sha256 | null {
    const { shard, generation, ttlMs, askEveryMs } = lease;
    this.#askEveryMs = askEveryMs;
    this.#leases = this.#leases.filter((held) => held.shard.index !== shard.index);
    this.#leases.push({ shard, generation, deadlineMs: nowMs + ttlMs, nextBatch: 0 });
    this.#requestAtMs = this.#askedMs + askEveryMs;
    const known = this.#shards.get(shard.index);
    if (known !== undefined) return null;
    this.#shards.set(shard.index, { shard, ready: false, passes: 0 });
    return shard.sha256;
  }

  refuse(retryMs: number, nowMs: number): void {
    this.#requestAtMs = nowMs + retryMs;
  }

  /** The blob came: which shard it is, and which shards the trainer may drop. Null: nobody waits for it. */
  fetched(sha256: Sha256): { readonly shardIndex: number; readonly drop: readonly number[] } | null {
    const entry = [...this.#shards.values()].find((known) => known.shard.sha256 === sha256 && !known.ready);
    if (entry === undefined) return null;
    entry.ready = true;
    const drop: number[] = [];
    for (const [index, known] of this.#shards) {
      if (this.#shards.size - drop.length <= SHARDS_KEPT) break;
      const inUse = [...this.#leases, ...this.#trained, ...this.#sent].some(
        (lease) => lease.shard.index === index,
      );
      if (known.ready && !inUse && index !== entry.shard.index) drop.push(index);
    }
    for (const index of drop) this.#shards.delete(index);
    return { shardIndex: entry.shard.index, drop };
  }

  /** The blob could not be had: its lease is given back by silence. */
  failed(sha256: Sha256): void {
    for (const [index, known] of this.#shards)
      if (known.shard.sha256 === sha256 && !known.ready) {
        this.#shards.delete(index);
        this.#leases = this.#leases.filter((lease) => lease.shard.index !== index);
      }
  }

  /** Whether to ask the coordinator for a shard now. Asking again is allowed after a while without an answer. */
  wantsLease(nowMs: number): boolean {
    this.#leases = this.#leases.filter((lease) => nowMs < lease.deadlineMs);
    if (this.#leases.length >= LEASES_MAX || nowMs < this.#requestAtMs) return false;
    this.#askedMs = nowMs;
    this.#requestAtMs = nowMs + REQUEST_RETRY_MS;
    return true;
  }

  /** When `wantsLease` may become true by itself. */
  get nextRequestMs(): number {
    return this.#leases.length >= LEASES_MAX
      ? Math.min(...this.#leases.map((lease) => lease.deadlineMs))
      : this.#requestAtMs;
  }

  get canTrain(): boolean {
    return [...this.#shards.values()].some((known) => known.ready);
  }

  /** The next batches. Empty when no shard is at hand. Nothing is used up before `trained`. */
  plan(stepCount: number): BatchPlan[] {
    this.#planned = [];
    for (const lease of this.#leases) {
      const known = this.#shards.get(lease.shard.index);
      if (!known?.ready) continue;
      for (let batchIndex = lease.nextBatch; batchIndex < this.#batchCount(lease.shard); batchIndex++)
        this.#planned.push({
          lease,
          batch: { shardIndex: lease.shard.index, pass: known.passes, batchIndex },
        });
      if (this.#planned.length >= stepCount) break;
    }
    // [L3] Without enough leased work, the shards at hand go round once more, the least used first.
    const spares = [...this.#shards.values()]
      .filter((known) => known.ready)
      .sort((a, b) => a.passes - b.passes);
    for (let lap = 0; this.#planned.length < stepCount && spares.length > 0; lap++)
      for (const known of spares)
        for (let batchIndex = 0; batchIndex < this.#batchCount(known.shard); batchIndex++)
          this.#planned.push({
            lease: null,
            batch: { shardIndex: known.shard.index, pass: known.passes + 1 + lap, batchIndex },
          });
    this.#planned.length = Math.min(this.#planned.length, stepCount);
    return this.#planned.map(({ batch }) => batch);
  }

  /** So many batches of the plan were trained, from its beginning. */
  trained(stepCount: number): void {
    for (const { lease, batch } of this.#planned.slice(0, stepCount)) {
      const known = this.#shards.get(batch.shardIndex);
      if (lease === null) {
        if (known !== undefined) known.passes = Math.max(known.passes, batch.pass);
        continue;
      }
      lease.nextBatch = batch.batchIndex + 1;
      if (lease.nextBatch < this.#batchCount(lease.shard)) continue;
      if (known !== undefined) known.passes += 1;
      const held = this.#leases.length;
      this.#leases = this.#leases.filter((other) => other !== lease);
      if (this.#leases.length < held) this.#trained.push(lease);
    }
    this.#planned = [];
  }

  /** What was trained so far is in an update of ours. */
  sent(): void {
    this.#sent.push(...this.#trained);
    this.#trained = [];
  }

  /** The replica was replaced: what no commit has counted is lost, and its leases run out. */
  lost(): void {
    this.#trained = [];
    this.#sent = [];
  }

  /** [L2] A commit counted our update: leases whose samples are in it become results. */
  settle(): void {
    for (const lease of this.#sent) {
      const { shard, generation } = lease;
      const key = `${shard.index}.${generation}`;
      const result = { shardIndex: shard.index, generation, sampleCount: shard.sampleCount };
      this.#results.set(key, { result, sentMs: -Infinity });
    }
    this.#sent = [];
    for (const key of this.#results.keys()) if (this.#results.size > RESULTS_MAX) this.#results.delete(key);
  }

  /** Results to send now: new ones, and those unanswered for a while. */
  dueResults(nowMs: number): Result[] {
    const due: Result[] = [];
    for (const entry of this.#results.values()) {
      if (nowMs - entry.sentMs < RESULT_RETRY_MS) continue;
      entry.sentMs = nowMs;
      due.push(entry.result);
    }
    return due;
  }

  /** The connection is new: everything unanswered is sent again. */
  reconnected(): void {
    for (const entry of this.#results.values()) entry.sentMs = -Infinity;
    this.#requestAtMs = 0;
  }

  /** The coordinator has the result: there is room for another lease. */
  acknowledge(shardIndex: number, generation: number): void {
    if (this.#results.delete(`${shardIndex}.${generation}`))
      this.#requestAtMs = Math.min(this.#requestAtMs, this.#askedMs + this.#askEveryMs);
  }

  #batchCount(shard: Shard): number {
    return Math.ceil(shard.sampleCount / this.#batchSize);
  }
}
