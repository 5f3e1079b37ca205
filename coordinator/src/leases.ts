/**
 * Which shard goes to whom, and whether a result counts.
 *
 * A lease has a generation, one higher than the shard's last: the fencing token. A result counts if its generation is
 * the shard's last one and was not counted, even after the deadline, as long as nobody else was given the shard (I-2).
 * A shard is counted once in each epoch (I-1). Nobody waits for the slowest shard: one that is counted may be leased for
 * later epochs already, the least counted first. With a bound on that, tabs without a shard held their whole group up
 * while a vanished tab's lease ran out (simulator, churn, seed 3). Where shards are scarce, a first lease goes to who waits
 * longest, and a second one only leaves when there is a shard for everybody that has none (I-3).
 */
import type { VolunteerId, VolunteerMessageOf } from '@murmuration/protocol';
import type { Desk, Rejection } from './ledger-desk.ts';
import type { LedgerState } from './ledger-state.ts';
import type { ShardState } from './shard-state.ts';
import type { Presence } from './presence.ts';
import { leaseEveryMs } from './talk.ts';

/** In-flight cap of one volunteer (I-3). Two, so that the next shard is there when one is done. */
export const LEASES_PER_VOLUNTEER_MAX = 2;
/** A lease lasts so many times what the volunteer's measured speed promises for all that it holds. A guess. */
const LEASE_PATIENCE = 4;
/** Of a lease's time, after which it is late. */
const SOFT_SHARE = 0.5;
const LEASE_MIN_MS = 60_000;
const LEASE_MAX_MS = 900_000;
/** For a volunteer whose speed is not known yet: a software adapter compiles shaders for up to a minute. */
const LEASE_UNKNOWN_SPEED_MS = 180_000;
const NO_LEASE_RETRY_MS = 2_000;
const CLOSED_RETRY_MS = 5_000;
/** A wish keeps its place in the line for so long after it was to come again. */
const WISH_LATE_MAX_MS = 5_000;
/** A lease that the volunteer does not know of after this long was lost on the way and is told again. */
const LEASE_LOST_MS = 5_000;

/** Answers a wish for work: one lease, the leases that got lost on the way, or none for now. */
export function answerLeaseRequest(
  desk: Desk,
  volunteerId: VolunteerId,
  presence: Presence,
  held: number,
): void {
  const { state } = desk.state;
  const askEveryMs = leaseEveryMs(desk.attendance.present.size);
  const noLease = (retryMs: number) =>
    desk.tell(volunteerId, { type: 'no-lease', runId: desk.runId, retryMs: Math.max(retryMs, askEveryMs) });
  const isOpen = state === 'waiting' || state === 'training' || state === 'degraded';
  if (!isOpen || !presence.ready) return noLease(CLOSED_RETRY_MS);
  const live = desk.leases.heldBy(volunteerId);
  if (mayHold(desk, live.length)) return lend(desk, volunteerId, presence);
  if (live.length === 0)
    desk.line.wait(volunteerId, desk.nowMs + Math.max(NO_LEASE_RETRY_MS, askEveryMs) + WISH_LATE_MAX_MS);
  const isLost = (index: number) => desk.nowMs >= (presence.leaseToldAtMs.get(index) ?? 0) + LEASE_LOST_MS;
  const lost = held < live.length ? live.filter(isLost) : [];
  for (const index of lost) tellLease(desk, volunteerId, presence, index);
  if (lost.length === 0) noLease(NO_LEASE_RETRY_MS);
}

/** A shard that became free goes to who waits longest for a first one, before anybody asks again. */
export function lendToWaiting(desk: Desk): void {
  while (desk.leases.next !== null) {
    const volunteerId = desk.line.next(desk.nowMs);
    if (volunteerId === null) return;
    const presence = desk.attendance.present.get(volunteerId);
    if (presence?.ready === true) lend(desk, volunteerId, presence);
    else desk.line.leave(volunteerId);
  }
}

/** Whether a volunteer with so many leases may have another one now. */
function mayHold(desk: Desk, heldCount: number): boolean {
  const { freeCount, lesseeCount } = desk.leases;
  const { present, awaited } = desk.attendance;
  if (heldCount >= LEASES_PER_VOLUNTEER_MAX) return false;
  // Lessees are here or expected back, so the rest have none; one that never asks costs others a second lease at most.
  const keptBack = heldCount === 0 ? 0 : present.size + awaited.size - lesseeCount;
  return freeCount > keptBack;
}

function lend(desk: Desk, volunteerId: VolunteerId, presence: Presence): void {
  const shardIndex = desk.leases.next!;
  const deadlineMs = desk.nowMs + leaseTtlMs(desk.state, shardIndex, presence);
  const generation = desk.state.shards[shardIndex]!.generation + 1;
  desk.write({ kind: 'leased', volunteerId, shardIndex, generation, deadlineMs });
  desk.line.leave(volunteerId);
  tellLease(desk, volunteerId, presence, shardIndex);
}

function tellLease(desk: Desk, volunteerId: VolunteerId, presence: Presence, shardIndex: number): void {
  const { generation, deadlineMs } = desk.state.shards[shardIndex]!;
  presence.leaseToldAtMs.set(shardIndex, desk.nowMs);
  desk.tell(volunteerId, {
    type: 'lease',
    runId: desk.runId,
    shard: desk.state.setup.shards[shardIndex]!,
    generation,
    ttlMs: Math.max(1, Math.round(deadlineMs - desk.nowMs)),
    askEveryMs: leaseEveryMs(desk.attendance.present.size),
  });
}

export function takeResult(
  desk: Desk,
  volunteerId: VolunteerId,
  message: VolunteerMessageOf<'lease-result'>,
): Rejection {
  const outcome = judgeResult(desk.state, volunteerId, message);
  if (typeof outcome === 'object') return { code: 'bad-result', message: outcome.rejected };
  // A run that is over counts nothing any more.
  const isCounted = outcome === 'counted' && desk.attendance.present.has(volunteerId);
  const { shardIndex, generation } = message;
  if (isCounted) desk.write({ kind: 'counted', volunteerId, shardIndex });
  const told = outcome === 'counted' && !isCounted ? 'stale' : outcome;
  desk.tell(volunteerId, { type: 'lease-ack', runId: desk.runId, shardIndex, generation, outcome: told });
  return null;
}

export function releaseLeases(desk: Desk, volunteerId: VolunteerId): void {
  desk.line.leave(volunteerId);
  for (const shardIndex of desk.leases.heldBy(volunteerId))
    desk.write({ kind: 'released', shardIndex, why: 'left' });
}

export function expireLeases(desk: Desk): void {
  for (const [shardIndex, shard] of desk.state.shards.entries())
    if (shard.live && desk.nowMs >= shard.deadlineMs)
      desk.write({ kind: 'released', shardIndex, why: 'deadline' });
  reclaimLate(desk);
}

/**
 * [L6] The soft deadline: after half of a lease's time, twice what its volunteer's speed promised, the shard goes to who waits for a first
 * lease and finds none free. The latest goes first, one a tick.
 */
function reclaimLate(desk: Desk): void {
  if (desk.leases.next !== null || desk.line.next(desk.nowMs) === null) return;
  const latenessOf = ({ lentAtMs, deadlineMs }: ShardState) =>
    (desk.nowMs - lentAtMs) / Math.max(1, deadlineMs - lentAtMs);
  let latest: number | null = null;
  for (const [shardIndex, shard] of desk.state.shards.entries())
    if (shard.live && latenessOf(shard) >= SOFT_SHARE)
      if (latest === null || latenessOf(shard) > latenessOf(desk.state.shards[latest]!)) latest = shardIndex;
  if (latest !== null) desk.write({ kind: 'released', shardIndex: latest, why: 'scarce' });
}

/** A round may take far longer than its training: a shard is done at the pace of the clock. */
function leaseTtlMs(
  state: LedgerState,
  shardIndex: number,
  { stepsPerSecond: speed, pace }: Pick<Presence, 'stepsPerSecond' | 'pace'>,
): number {
  if (!(speed > 0)) return LEASE_UNKNOWN_SPEED_MS;
  const stepCount = state.setup.shards[shardIndex]!.sampleCount / state.setup.manifest.training.batchSize;
  const promisedMs =
    ((LEASES_PER_VOLUNTEER_MAX * stepCount) / (pace > 0 ? Math.min(pace, speed) : speed)) * 1000;
  return Math.round(Math.min(LEASE_MAX_MS, Math.max(LEASE_MIN_MS, LEASE_PATIENCE * promisedMs)));
}

/** What a result is worth. `rejected`: it is nonsense and gets no acknowledgement. */
function judgeResult(
  state: LedgerState,
  volunteerId: VolunteerId,
  result: VolunteerMessageOf<'lease-result'>,
): 'counted' | 'duplicate' | 'stale' | { readonly rejected: string } {
  const shard = state.shards[result.shardIndex];
  if (shard === undefined) return { rejected: `shardIndex: the run has ${state.shards.length} shards` };
  const { sampleCount } = state.setup.shards[result.shardIndex]!;
  if (result.sampleCount !== sampleCount)
    return { rejected: `sampleCount: shard ${result.shardIndex} has ${sampleCount} samples` };
  if (result.generation === 0 || result.generation !== shard.generation || shard.lessee !== volunteerId)
    return result.generation !== 0 && result.generation === shard.countedGeneration ? 'duplicate' : 'stale';
  return shard.countedGeneration === shard.generation ? 'duplicate' : 'counted';
}
