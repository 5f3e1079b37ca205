/**
 * What must hold of the coordinator's ledger, checked from outside: from the records that it writes, from what it tells
 * volunteers, and by folding its records anew whenever it dies. Ids as in packages/protocol/SPEC.md, section I.
 */
import {
  FINISHING_MAX_MS,
  LEASES_PER_VOLUNTEER_MAX,
  RunLedger,
  type LedgerRecord,
  type LedgerState,
  type RunSetup,
} from '@murmuration/coordinator/ledger';
import { LIMITS, type CoordinatorMessage, type VolunteerId } from '@murmuration/protocol';
import type { Violations } from './checkers.ts';
import type { Situation, Sometimes } from './sometimes.ts';

interface LastLease {
  generation: number;
  lessee: VolunteerId;
  live: boolean;
  counted: boolean;
}

/** What is due by the ledger's clock is done at its next tick; this much later it was forgotten. */
const OVERDUE_MS = 5_000;

export class LedgerChecks {
  readonly #setup: RunSetup;
  readonly #violations: Violations;
  readonly #sometimes: Sometimes;
  readonly #leases = new Map<number, LastLease>();
  readonly #liveOf = new Map<VolunteerId, number>();
  /** Results that volunteers were told are counted, by shard. */
  readonly #toldCounted = new Map<number, number>();
  /** Leases that were counted, as `shard.generation`. */
  readonly #countedLeases = new Set<string>();
  #recordedAtMs = -Infinity;
  #term = 0;
  #checkpoint = { term: 0, round: -1 };
  #isOver = false;
  #finishingAtMs = 0;
  #isRereading = false;

  /** What is overdue by the ledger's own clock, and since when in the world's time. */
  readonly #overdueSinceMs = new Map<string, number>();

  constructor(setup: RunSetup, violations: Violations, sometimes: Sometimes) {
    this.#setup = setup;
    this.#violations = violations;
    this.#sometimes = sometimes;
  }

  recorded(records: readonly LedgerRecord[], nowMs: number): void {
    for (const record of records) this.#record(record, nowMs);
    // [L4] Who leaves holds nothing any more, in the same decision.
    for (const record of records)
      if (record.kind === 'left')
        for (const [shardIndex, { lessee, live }] of this.#leases)
          if (live && lessee === record.volunteerId && !this.#isOver)
            this.#violations.break('L4', nowMs, `${lessee} left and keeps shard ${shardIndex}`);
  }

  /** Now and then: what the ledger's own clock has made due. */
  look({ state, present }: Pick<RunLedger, 'state' | 'present'>, isAlive: boolean, nowMs: number): void {
    if (state.state === 'finished' || state.state === 'failed') return;
    const due = state.lastAtMs;
    const overdue = new Map<string, readonly [rule: string, text: string]>();
    for (const [index, shard] of state.shards.entries())
      if (shard.live && shard.deadlineMs <= due)
        overdue.set(`lease ${index}`, ['L4', `shard ${index} is still lent, its deadline has passed`]);
    if (state.duty !== null && state.duty.deadlineMs <= due)
      overdue.set('duty', ['I12', 'an evaluation has passed its deadline and nobody else was asked']);
    for (const [id, { heardAtMs }] of present)
      if (heardAtMs + LIMITS.volunteerSilenceMaxMs <= due)
        overdue.set(id, ['I12', `${id} is silent and still there`]);
    // A clock that leaps makes much due at once: the ledger has the time of some ticks to see to it.
    for (const key of this.#overdueSinceMs.keys()) if (!overdue.has(key)) this.#overdueSinceMs.delete(key);
    for (const [key, [rule, text]] of overdue) {
      const sinceMs = this.#overdueSinceMs.get(key) ?? nowMs;
      this.#overdueSinceMs.set(key, sinceMs);
      if (isAlive && nowMs - sinceMs >= OVERDUE_MS) this.#violations.break(rule, nowMs, text);
      if (!isAlive) this.#overdueSinceMs.set(key, nowMs);
    }
    // [I1] An epoch is over when every shard was counted in it.
    const least = state.shards.reduce((min, shard) => Math.min(min, shard.timesCounted), Infinity);
    if (state.epoch !== least)
      this.#violations.break('I1', nowMs, `epoch ${state.epoch}, and each shard was counted ${least} times`);
  }

  #record(record: LedgerRecord, nowMs: number): void {
    const broken = (rule: string, text: string) => {
      if (!this.#isRereading) this.#violations.break(rule, nowMs, text);
    };
    // [I7] Records are in the order of their times, whatever the clock did.
    if (record.atMs < this.#recordedAtMs)
      broken('I7', `a record of ${record.atMs} after ${this.#recordedAtMs}`);
    this.#recordedAtMs = record.atMs;
    switch (record.kind) {
      case 'leased': {
        const { shardIndex, generation, volunteerId } = record;
        const last = this.#leases.get(shardIndex);
        // [I2] Generations of a shard's leases only grow: the fence.
        if (last !== undefined && generation <= last.generation)
          broken('I2', `shard ${shardIndex}: generation ${generation} after ${last.generation}`);
        // [I3] A shard has one live lease, a volunteer at most its cap.
        if (last?.live === true) broken('I3', `shard ${shardIndex} was lent while it was out`);
        this.#leases.set(shardIndex, { generation, lessee: volunteerId, live: true, counted: false });
        const held = (this.#liveOf.get(volunteerId) ?? 0) + 1;
        this.#liveOf.set(volunteerId, held);
        if (held > LEASES_PER_VOLUNTEER_MAX) broken('I3', `${volunteerId} holds ${held} leases`);
        return;
      }
      case 'released':
        if (record.why === 'deadline') this.#saw('leaseExpired');
        if (record.why === 'scarce') this.#saw('leaseReclaimed');
        this.#release(record.shardIndex);
        return;
      case 'counted': {
        const lease = this.#leases.get(record.shardIndex);
        // [I1] One lease is counted at most once, [I2] and only for the volunteer that got it last.
        if (lease === undefined || lease.counted)
          broken('I1', `shard ${record.shardIndex}, generation ${lease?.generation ?? 0} was counted twice`);
        if (lease !== undefined && lease.lessee !== record.volunteerId)
          broken('I2', `shard ${record.shardIndex} was counted for ${record.volunteerId}, not its lessee`);
        this.#release(record.shardIndex);
        if (lease !== undefined) lease.counted = true;
        this.#countedLeases.add(`${record.shardIndex}.${lease?.generation ?? 0}`);
        return;
      }
      case 'founded':
        if (record.term <= this.#term) broken('I5', `term ${record.term} after ${this.#term}`);
        if (this.#term > 0) this.#saw('termRefounded');
        this.#term = record.term;
        return;
      case 'evaluated': {
        const { term, round } = record.checkpoint;
        const last = this.#checkpoint;
        // [I5] Checkpoints never go back within a term.
        if (term < last.term || (term === last.term && round < last.round))
          broken('I5', `checkpoint of round ${term}.${round} after ${last.term}.${last.round}`);
        this.#checkpoint = { term, round };
        return;
      }
      case 'evaluation-dropped':
        this.#saw('evaluationDropped');
        return;
      case 'left':
        if (record.exit === 'silent') this.#saw('volunteerSilent');
        this.#liveOf.delete(record.volunteerId);
        return;
      case 'state':
        // [I5] A run that is over stays over.
        if (this.#isOver) broken('I5', `the run became ${record.state} after its end`);
        this.#isOver = record.state === 'finished' || record.state === 'failed';
        if (record.state === 'finishing') this.#finishingAtMs = record.atMs;
        if (record.state === 'finished' && record.reason.endsWith('rounds are done'))
          this.#ended(record.atMs, broken);
        if (record.state === 'degraded') this.#saw('degraded');
        if (record.reason.includes('were lost with their tabs')) this.#saw('roundsLost');
        return;
      default:
    }
  }

  /** [K4] Who trained all rounds has the model of the last ones, unless nobody evaluated it for minutes. */
  #ended(atMs: number, broken: (rule: string, text: string) => void): void {
    const { roundsMax, evaluateEveryRounds } = this.#setup.manifest.training;
    const { round } = this.#checkpoint;
    if (round + evaluateEveryRounds < roundsMax && atMs < this.#finishingAtMs + FINISHING_MAX_MS)
      broken('K4', `the run of ${roundsMax} rounds ended with the model of round ${Math.max(0, round)}`);
  }

  #release(shardIndex: number): void {
    const lease = this.#leases.get(shardIndex);
    if (lease?.live !== true) return;
    lease.live = false;
    const held = (this.#liveOf.get(lease.lessee) ?? 1) - 1;
    if (held > 0) this.#liveOf.set(lease.lessee, held);
    else this.#liveOf.delete(lease.lessee);
  }

  /** A volunteer hears the coordinator's word. */
  heard(message: CoordinatorMessage, nowMs: number): void {
    if (message.type !== 'lease-ack') return;
    if (message.outcome === 'stale') this.#sometimes.hit('resultStale');
    else if (message.outcome === 'duplicate') this.#sometimes.hit('resultDuplicate');
    else if (!this.#countedLeases.has(`${message.shardIndex}.${message.generation}`))
      this.#violations.break(
        'I2',
        nowMs,
        `shard ${message.shardIndex} was counted for generation ${message.generation}, which was not the last`,
      );
    else this.#toldCounted.set(message.shardIndex, (this.#toldCounted.get(message.shardIndex) ?? 0) + 1);
  }

  /** [I7] State is nothing but the fold of the records that led to it. */
  died(live: Readonly<LedgerState>, decided: readonly LedgerRecord[], nowMs: number): void {
    if (digest(new RunLedger(this.#setup, decided).state) !== digest(live))
      this.#violations.break('I7', nowMs, 'folding the records gives another state than the live one');
  }

  /** [I4] What was acknowledged is there after the restart. The records that were lost are as if never made. */
  restarted(folded: Readonly<LedgerState>, durable: readonly LedgerRecord[], nowMs: number): void {
    if (digest(new RunLedger(this.#setup, durable).state) !== digest(folded))
      this.#violations.break('I7', nowMs, 'what the start made of its store is not the fold of the records');
    // While nothing else happened nobody looked, and the new process has not had a tick yet.
    this.#overdueSinceMs.clear();
    for (const [shardIndex, times] of this.#toldCounted)
      if (folded.shards[shardIndex]!.timesCounted < times)
        this.#violations.break(
          'I4',
          nowMs,
          `shard ${shardIndex} was acknowledged ${times} times, ${folded.shards[shardIndex]!.timesCounted} survived`,
        );
    this.#leases.clear();
    this.#liveOf.clear();
    this.#countedLeases.clear();
    this.#recordedAtMs = -Infinity;
    this.#term = 0;
    this.#checkpoint = { term: 0, round: -1 };
    this.#isOver = false;
    // What was judged once is not judged again; it only tells where the ledger stands.
    this.#isRereading = true;
    for (const record of durable) this.#record(record, nowMs);
    this.#isRereading = false;
  }

  #saw(situation: Situation): void {
    if (!this.#isRereading) this.#sometimes.hit(situation);
  }
}

const digest = (state: Readonly<LedgerState>): string =>
  JSON.stringify(state, (key, value: unknown) =>
    key === 'setup' ? undefined : value instanceof Map ? [...value.entries()] : value,
  );
