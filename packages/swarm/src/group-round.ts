/**
 * One round of one group, as a pure machine: whose updates are in, who closes the round, what everybody applies.
 *
 * Mental model. Every member sends its update to all. A leader names exactly which updates count (`commit`: author and
 * checksum); everybody applies exactly these to the same anchor and so stays bit-identical. The leader of a round is a
 * pure function of the last commit's members and the round, so no election is needed; when it dies or stays silent the
 * next one in the same order takes over. A member that lacks a listed update pulls it; one that cannot, or that finds
 * itself on another anchor, fetches the whole state again (`resync`).
 *
 * What a death costs: a dead member, until its link closes or the adaptive deadline passes; a dead leader, the same.
 * An update that came too late is not lost: its author's residual keeps it (codec, replica.ts).
 *
 * It refuses to know GPUs, sockets and clocks: time and the set of living peers are arguments.
 * Rules: packages/protocol/SPEC.md, section R.
 */
import { encodedBytes, inspectUpdate, type Scheme } from '@murmuration/codec';
import {
  LIMITS,
  type CommitEntry,
  type FrameOf,
  type Head,
  type UpdateBody,
  type VolunteerId,
} from '@murmuration/protocol';
import { RoundClock } from './round-clock.ts';

/** An update that was checked and may be averaged. */
export interface HeldUpdate extends UpdateBody {
  readonly crc: number;
}

export type RoundDecision =
  /** Apply these. `announce`: we lead, tell everybody. */
  | {
      readonly kind: 'close';
      readonly round: number;
      readonly updates: readonly HeldUpdate[];
      readonly ownIncluded: boolean;
      readonly members: readonly VolunteerId[];
      readonly graceMs: number;
      readonly announce: boolean;
    }
  | {
      readonly kind: 'pull';
      readonly wanted: readonly { readonly from: VolunteerId; readonly author: VolunteerId }[];
    }
  /** This replica cannot go on: fetch the state, best from `from`. */
  | { readonly kind: 'resync'; readonly from: VolunteerId; readonly why: 'other-anchor' | 'missing-update' };

export type RoundRejection =
  | 'old-round'
  | 'future-round'
  | 'other-anchor'
  | 'not-author'
  | 'duplicate'
  | 'equivocation'
  | 'not-leader'
  | string;

/**
 * Rounds ahead of ours whose updates and commits are kept for when we get there: a newcomer loads its state while the
 * group goes on. Their bytes are bounded too.
 */
const ROUNDS_AHEAD_MAX = 16;
const HELD_MAX_BYTES = 64 * 1024 * 1024;
/** Rounds behind ours whose updates are kept for members that pull. */
const ROUNDS_KEPT = 4;
/** A member that missed so many rounds in a row is no longer waited for (its updates still count when they come). */
const MISSED_MAX = 3;
/** Time a pull may take before another holder is asked, and before the state is fetched instead. */
const PULL_RETRY_MS = 1_000;
const PULL_GIVE_UP_MS = 4_000;

interface Commit {
  readonly leader: VolunteerId;
  readonly anchor: string;
  readonly included: readonly CommitEntry[];
  readonly members: readonly VolunteerId[];
  readonly graceMs: number;
}

export class GroupRound {
  readonly #self: VolunteerId;
  readonly #scheme: Scheme;
  readonly #parameterCount: number;
  #head: Head;
  /** Expected in this round, ascending; empty: unknown (a newcomer before its first commit). */
  #members: readonly VolunteerId[];
  readonly #clock: RoundClock;
  #closing = false;
  readonly #updates = new Map<number, Map<VolunteerId, HeldUpdate>>();
  readonly #commits = new Map<number, Commit>();
  /** The commit we applied last: its round's leaders in order, which of them it came from, what it counted. */
  #lastCommit: { round: number; order: readonly VolunteerId[]; rank: number; included: string } | null = null;
  readonly #missed = new Map<VolunteerId, number>();
  readonly #deposed = new Set<VolunteerId>();
  #pull: { sinceMs: number; askedMs: number; asked: Set<VolunteerId> } | null = null;

  constructor(options: {
    self: VolunteerId;
    scheme: Scheme;
    parameterCount: number;
    head: Head;
    members: readonly VolunteerId[];
    nowMs: number;
  }) {
    this.#self = options.self;
    this.#scheme = options.scheme;
    this.#parameterCount = options.parameterCount;
    this.#head = options.head;
    this.#members = [...options.members].sort();
    this.#clock = new RoundClock(options.nowMs);
  }

  get head(): Head {
    return this.#head;
  }
  get members(): readonly VolunteerId[] {
    return this.#members;
  }
  get ownUpdate(): HeldUpdate | undefined {
    return this.#updates.get(this.#head.round)?.get(this.#self);
  }
  /** Updates of the round that can be averaged now. */
  get updateCount(): number {
    return this.#updates.get(this.#head.round)?.size ?? 0;
  }
  /** A commit was decided and its application is under way. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Whether this round or the next is ours to close: not the time for work that blocks the trainer. */
  leadsSoon(alive: ReadonlySet<VolunteerId>): boolean {
    if (alive.size === 0) return false;
    const [now, next] = this.#order(alive);
    return now === this.#self || next === this.#self;
  }

  /** The next commit is being applied, or is here and waits for its updates. */
  get catchingUp(): boolean {
    return this.#closing || this.#commits.has(this.#head.round);
  }

  /** An update kept for members that pull. */
  held(round: number, author: VolunteerId): HeldUpdate | undefined {
    return this.#updates.get(round)?.get(author);
  }

  /** Updates that were averaged in the round before this one: their speeds set the next round's local steps. */
  get lastUpdates(): readonly HeldUpdate[] {
    return [...(this.#updates.get(this.#head.round - 1)?.values() ?? [])];
  }

  /** Our own update of the current round. */
  addOwn(update: HeldUpdate, nowMs: number): void {
    this.#store(this.#head.round, update, nowMs);
  }

  /**
   * Another member's update, from itself or (after a pull) from a group-mate. Null: taken.
   * [R2] What does not fit the round, the anchor, the codec or an earlier update of its author changes nothing.
   */
  addUpdate(peer: VolunteerId, frame: FrameOf<'update'>, nowMs: number): RoundRejection | null {
    const { round, author } = frame;
    if (round < this.#head.round || (round === this.#head.round && this.#closing)) return 'old-round';
    if (round > this.#head.round + ROUNDS_AHEAD_MAX) return 'future-round';
    if (round > this.#head.round + 1 && this.#heldBytes() > HELD_MAX_BYTES) return 'future-round';
    if (author === this.#self) return 'not-author';
    const listed = this.#commits.get(round)?.included.find((entry) => entry.author === author);
    if (peer !== author && listed?.crc !== frame.crc) return 'not-author';
    if (round === this.#head.round && frame.anchor !== this.#head.fingerprint) return 'other-anchor';
    const earlier = this.#updates.get(round)?.get(author);
    if (earlier !== undefined && listed?.crc !== frame.crc)
      return earlier.crc === frame.crc ? 'duplicate' : 'equivocation';
    const rejection = inspectUpdate(frame.encoded, this.#scheme, this.#parameterCount);
    if (rejection !== null) return rejection;
    this.#store(round, frame, nowMs);
    return null;
  }

  /** A leader's decision. Null: taken (or known already). */
  addCommit(peer: VolunteerId, frame: FrameOf<'commit'>): RoundRejection | null {
    const { round } = frame;
    if (frame.leader !== peer) return 'not-leader';
    if (round > this.#head.round + ROUNDS_AHEAD_MAX) return 'future-round';
    if (round === this.#head.round - 1 && this.#lastCommit?.round === round) {
      // [R6] Two leaders closed the same round: the one earlier in the round's order wins.
      const differs = listOf(frame.included) !== this.#lastCommit.included;
      if (differs && rankIn(this.#lastCommit.order, peer) < this.#lastCommit.rank)
        this.#commits.set(round, frame);
      return null;
    }
    if (round < this.#head.round || this.#closing) return 'old-round';
    const known = this.#commits.get(round);
    // The order of a round to come is not known yet; the first word stands until we get there.
    const order = round === this.#head.round ? this.#rotation([]) : [];
    if (known !== undefined && rankIn(order, known.leader) <= rankIn(order, peer)) return null;
    this.#commits.set(round, frame);
    return null;
  }

  /** The decided commit was applied: the next round begins. */
  advance(head: Head, closed: Extract<RoundDecision, { kind: 'close' }>, nowMs: number): void {
    this.#head = head;
    this.#members = [...closed.members].sort();
    this.#closing = false;
    this.#pull = null;
    this.#deposed.clear();
    for (const round of this.#updates.keys())
      if (round < head.round - ROUNDS_KEPT) this.#updates.delete(round);
    for (const round of this.#commits.keys()) if (round < head.round - 1) this.#commits.delete(round);
    // Early updates could not be held against the anchor before we stood on it.
    const early = this.#updates.get(head.round) ?? new Map<VolunteerId, HeldUpdate>();
    for (const [author, update] of early) if (update.anchor !== head.fingerprint) early.delete(author);
    this.#clock.next(closed.graceMs, early.size, nowMs);
  }

  /**
   * What to do now.
   * @param alive peers with an open link that take part (not ourselves).
   */
  decide(alive: ReadonlySet<VolunteerId>, nowMs: number): RoundDecision | null {
    if (this.#closing) return null;
    const late = this.#commits.get(this.#head.round - 1);
    if (late !== undefined && this.#lastCommit !== null) {
      this.#commits.delete(this.#head.round - 1);
      return { kind: 'resync', from: late.leader, why: 'other-anchor' };
    }
    const commit = this.#commits.get(this.#head.round);
    if (commit !== undefined) return this.#follow(commit, alive, nowMs);
    return this.#lead(alive, nowMs);
  }

  /** When `decide` should be asked again at the latest; Infinity: only after an event. */
  nextDeadlineMs(alive: ReadonlySet<VolunteerId>): number {
    if (this.#closing) return Infinity;
    if (this.#pull !== null) return this.#pull.askedMs + PULL_RETRY_MS;
    return this.#clock.nextDeadlineMs(this.#order(alive)[0] === this.#self, this.#deposedCount(alive));
  }

  #heldBytes(): number {
    let updates = 0;
    for (const held of this.#updates.values()) updates += held.size;
    return updates * encodedBytes(this.#scheme, this.#parameterCount);
  }

  #store(round: number, update: HeldUpdate, nowMs: number): void {
    let held = this.#updates.get(round);
    if (held === undefined) this.#updates.set(round, (held = new Map()));
    if (held.size >= LIMITS.groupMaxMembers && !held.has(update.author)) return;
    held.set(update.author, update);
    if (round === this.#head.round) this.#clock.arrived(nowMs);
  }

  #follow(commit: Commit, alive: ReadonlySet<VolunteerId>, nowMs: number): RoundDecision | null {
    const held = this.#updates.get(this.#head.round) ?? new Map<VolunteerId, HeldUpdate>();
    if (commit.anchor !== this.#head.fingerprint) {
      // [R7] Another branch. We go over to it unless more of us stand on ours.
      this.#commits.delete(this.#head.round);
      if (held.size > commit.included.length) {
        this.#deposed.add(commit.leader);
        return this.#lead(alive, nowMs);
      }
      return { kind: 'resync', from: commit.leader, why: 'other-anchor' };
    }
    const missing = commit.included.filter((entry) => held.get(entry.author)?.crc !== entry.crc);
    if (missing.length === 0) {
      const updates = commit.included.map((entry) => held.get(entry.author)!);
      return this.#close(commit, updates, alive);
    }
    const authors = missing.map((entry) => entry.author);
    return this.#pullMissing(commit, authors, alive, nowMs);
  }

  #pullMissing(
    commit: Commit,
    authors: readonly VolunteerId[],
    alive: ReadonlySet<VolunteerId>,
    nowMs: number,
  ): RoundDecision | null {
    this.#pull ??= { sinceMs: nowMs, askedMs: -Infinity, asked: new Set() };
    const pull = this.#pull;
    const giveUp = { kind: 'resync', from: commit.leader, why: 'missing-update' } as const;
    if (nowMs - pull.sinceMs >= PULL_GIVE_UP_MS || authors.includes(this.#self)) return giveUp;
    if (nowMs - pull.askedMs < PULL_RETRY_MS) return null;
    pull.askedMs = nowMs;
    // The leader holds what it listed; after it, anybody it listed may.
    const holders = [commit.leader, ...commit.included.map((entry) => entry.author)];
    const wanted = authors.flatMap((author) => {
      const from = holders.find(
        (id) => id !== this.#self && alive.has(id) && !pull.asked.has(`${id} ${author}`),
      );
      return from === undefined ? [] : [{ from, author }];
    });
    if (wanted.length < authors.length) return giveUp;
    for (const { from, author } of wanted) pull.asked.add(`${from} ${author}`);
    return { kind: 'pull', wanted };
  }

  #lead(alive: ReadonlySet<VolunteerId>, nowMs: number): RoundDecision | null {
    const held = this.#updates.get(this.#head.round) ?? new Map<VolunteerId, HeldUpdate>();
    const expected = this.#expected(alive);
    const arrived = expected.filter((id) => held.has(id)).length;
    if (held.size === 0) return null;
    this.#clock.judge(arrived * 2 >= expected.length, nowMs);
    const [leader] = this.#order(alive);
    if (leader !== this.#self) {
      if (leader !== undefined && nowMs >= this.#clock.takeOverMs(this.#deposedCount(alive))) {
        // [R5] A silent leader costs its group one take-over time, once a round.
        this.#deposed.add(leader);
        return this.#lead(alive, nowMs);
      }
      return null;
    }
    const everybody = arrived === expected.length;
    if (!everybody && nowMs < this.#clock.closeMs) return null;
    const updates = [...held.values()].sort((a, b) => (a.author < b.author ? -1 : 1));
    for (const id of expected) this.#missed.set(id, held.has(id) ? 0 : (this.#missed.get(id) ?? 0) + 1);
    const members = new Set([this.#self, ...alive, ...updates.map((update) => update.author)]);
    const next = [...members]
      .filter((id) => id === this.#self || alive.has(id))
      .filter((id) => (this.#missed.get(id) ?? 0) < MISSED_MAX)
      .sort()
      .slice(0, LIMITS.groupMaxMembers);
    const commit = {
      leader: this.#self,
      anchor: this.#head.fingerprint,
      included: updates.map(({ author, crc }) => ({ author, crc })),
      members: next,
      graceMs: this.#clock.measuredGraceMs,
    };
    return this.#close(commit, updates, alive);
  }

  #close(commit: Commit, updates: readonly HeldUpdate[], alive: ReadonlySet<VolunteerId>): RoundDecision {
    const { leader, members, graceMs } = commit;
    const { round } = this.#head;
    this.#closing = true;
    const order = this.#rotation([...alive]);
    this.#lastCommit = { round, order, rank: rankIn(order, leader), included: listOf(commit.included) };
    this.#commits.delete(round);
    const own = this.ownUpdate;
    const ownIncluded = own !== undefined && updates.some((update) => update === own);
    return { kind: 'close', round, updates, ownIncluded, members, graceMs, announce: leader === this.#self };
  }

  /** Who is waited for: the last commit's members that live, and ourselves. */
  #expected(alive: ReadonlySet<VolunteerId>): VolunteerId[] {
    if (this.#members.length === 0) return [this.#self, ...alive].sort();
    return this.#members.filter((id) => id === this.#self || alive.has(id));
  }

  /** [R4] Leaders in order, without the dead and the deposed; at the very least ourselves. */
  #order(alive: ReadonlySet<VolunteerId>): VolunteerId[] {
    const living = this.#rotation([...alive]).filter(
      (id) => (id === this.#self || alive.has(id)) && !this.#deposed.has(id),
    );
    return living.length > 0 ? living : [this.#self];
  }

  /**
   * The members rotated by the round. A newcomer that knows no members yet lets everybody alive go before itself, and
   * one that is not a member stands at the end of the line.
   */
  #rotation(alive: readonly VolunteerId[]): VolunteerId[] {
    const members = this.#members.length > 0 ? this.#members : [...alive].sort();
    const shift = members.length > 0 ? this.#head.round % members.length : 0;
    const rotated = [...members.slice(shift), ...members.slice(0, shift)];
    return rotated.includes(this.#self) ? rotated : [...rotated, this.#self];
  }

  #deposedCount(alive: ReadonlySet<VolunteerId>): number {
    return [...alive].filter((id) => this.#deposed.has(id)).length;
  }
}

/** What a commit counts, as text: two commits of one round conflict only if this differs. */
const listOf = (included: readonly CommitEntry[]) =>
  included.map(({ author, crc }) => `${author}.${crc}`).join(' ');

/** Place of a leader in a round's order; somebody who is not in it comes last. */
function rankIn(order: readonly VolunteerId[], leader: VolunteerId): number {
  const rank = order.indexOf(leader);
  return rank === -1 ? LIMITS.groupMaxMembers : rank;
}
