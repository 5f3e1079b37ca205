/**
 * Who may close a round.
 *
 * Mental model. The members of the last commit, rotated by the round's number, are the leaders in order; the first one
 * closes the round without asking anybody (ballot 0). Whoever closes it in another's place asks everybody first
 * (`take-over` with a ballot): a member that knows a commit passes it on, every other one promises to refuse commits
 * under lower ballots. So a leader that was only slow, or died while it sent its commit, makes no second truth: as long
 * as one who answers has its commit, that commit stands. This is the first phase of Paxos, run only when a leader fails.
 *
 * Nobody closes a round without reaching a majority of the members that are not known to have left: who suddenly reaches
 * nobody (a thawed tab) is more likely lost than everybody else. But it refuses to wait for ever: after `LONELY_MS` it
 * goes on with those it has, and two truths become possible (a partition); SPEC R6 to R8 bring them together. Pure.
 */
import type { VolunteerId } from '@murmuration/protocol';
import { BALLOT_MAX, BALLOT_STRIDE, Credit, nextBallot } from './ballots.ts';

/** How often leadership has changed in this round. */
export interface Succession {
  readonly deposedCount: number;
  /** Since when the candidate has had its time to whom we yielded; -Infinity: there is none. */
  readonly yieldedAtMs: number;
  /** Candidacies that came to nothing, about. */
  readonly attempts: number;
}

/** Whom a member can count on. */
export interface Reach {
  /** Peers with an open link that take part and that the coordinator has not lost. */
  readonly alive: ReadonlySet<VolunteerId>;
  /** These, and those that the coordinator lost while their link is open: a torn socket is no torn link. */
  readonly linked: ReadonlySet<VolunteerId>;
  /** Who said goodbye, and whom the coordinator saw leaving: the only ones that a majority does without. */
  readonly gone: ReadonlySet<VolunteerId>;
  /** How many of the living are beyond our round already. */
  readonly beyondCount: number;
  /** In which round a peer was heard last; left out: not known. */
  readonly roundOf?: (id: VolunteerId) => number;
}

export type Stance =
  | { readonly kind: 'wait' }
  /** Our candidacy begins: ask these. */
  | { readonly kind: 'elect'; readonly ballot: number; readonly ask: readonly VolunteerId[] }
  /** `isLonely`: no majority answered. */
  | { readonly kind: 'lead'; readonly ballot: number; readonly isLonely: boolean };

/** How long those are waited for that the coordinator lost: bounds around the group's grace. */
const VOTE_MIN_MS = 250;
const VOTE_MAX_MS = 1_000;
/** Without the answers of a majority the candidate goes on after this: availability before agreement. */
const LONELY_MS = 5_000;

export class Leadership {
  readonly #self: VolunteerId;
  #members: readonly VolunteerId[] = [];
  #round = 0;
  readonly #deposed = new Set<VolunteerId>();
  /** The highest ballot we promised in this round, and to whom. */
  #promise: { readonly ballot: number; readonly to: VolunteerId; readonly atMs: number } | null = null;
  /** Promises for rounds that we are not in yet: a candidate may be a commit ahead of us. Bounded by the caller. */
  readonly #early = new Map<number, { readonly ballot: number; readonly to: VolunteerId }>();
  readonly #credit: Credit;
  /** Raises of the ballot that we saw in this round, our own among them. */
  #raiseCount = 0;
  #candidacy: {
    readonly ballot: number;
    readonly sinceMs: number;
    /** When the answers so far are weighed again. */
    dueMs: number;
    /** Once won it stays won: promises are not taken back. */
    hasWon: boolean;
    isLonely: boolean;
    readonly asked: readonly VolunteerId[];
    readonly yielded: Set<VolunteerId>;
  } | null = null;

  readonly #company: readonly VolunteerId[];

  /** @param company who had a replica when we came by ours: those that a majority is of as long as members are unknown. */
  constructor(self: VolunteerId, company: readonly VolunteerId[], credit = new Credit()) {
    this.#self = self;
    this.#credit = credit;
    this.#company = [...company, self].sort();
  }

  /** The last commit's members, or as long as we know none, those we came to. */
  get group(): readonly VolunteerId[] {
    return this.#members.length > 0 ? this.#members : this.#company;
  }

  /** @param members of the last commit, ascending; empty: unknown (a newcomer before its first commit). */
  begin(round: number, members: readonly VolunteerId[], nowMs: number): void {
    if (round > this.#round) this.#credit.nextRound();
    this.#round = round;
    this.#members = members;
    this.#deposed.clear();
    const early = this.#early.get(round);
    this.#promise = early === undefined ? null : { ...early, atMs: nowMs };
    this.#raiseCount = early === undefined ? 0 : 1;
    this.#candidacy = null;
    for (const promised of this.#early.keys()) if (promised <= round) this.#early.delete(promised);
  }

  /** This commit was followed: who took over for it meant it. */
  followed(commit: { readonly leader: VolunteerId; readonly ballot: number } | undefined): void {
    if (commit !== undefined && commit.ballot > 0) this.#credit.giveBack(commit.leader);
  }

  /** Whom the last commit named, which came late. */
  learn(members: readonly VolunteerId[]): void {
    this.#members = members;
  }

  /** Commits under a lower ballot are refused. */
  get ballotMin(): number {
    return Math.max(this.#promise?.ballot ?? 0, this.#candidacy?.ballot ?? 0);
  }
  get isCandidate(): boolean {
    return this.#candidacy !== null;
  }
  wasAsked(peer: VolunteerId): boolean {
    return this.#candidacy?.asked.includes(peer) ?? false;
  }

  /** False: by its ballot this leader's turn is another's. A newcomer that knows no members believes everybody. */
  mayLead(leader: VolunteerId, ballot: number): boolean {
    const place = this.#members.indexOf(leader);
    return place === -1 || ballot % BALLOT_STRIDE === this.#rankOf(place);
  }

  /** Whose turn it is: of this round, then of the next. */
  order(alive: ReadonlySet<VolunteerId>): VolunteerId[] {
    const living = this.#rotation.filter(
      (id) => (id === this.#self || alive.has(id)) && !this.#deposed.has(id),
    );
    return living.length > 0 ? living : [this.#self];
  }

  /** Who is expected to close the round. */
  chief({ alive, linked }: Reach): VolunteerId {
    if (this.#candidacy !== null) return this.#self;
    const { to } = this.#promise ?? { to: null };
    return to !== null && linked.has(to) && !this.#deposed.has(to) ? to : this.order(alive)[0]!;
  }

  /** This leader has had its time, or stands on another anchor. */
  depose(leader: VolunteerId): void {
    this.#deposed.add(leader);
  }

  /** What the deadline of whoever is in charge depends on. */
  get succession(): Succession {
    return {
      deposedCount: this.#deposed.size,
      yieldedAtMs: this.#promise?.atMs ?? -Infinity,
      attempts: Math.min(this.#raiseCount, Math.floor(this.ballotMin / BALLOT_STRIDE)),
    };
  }

  /**
   * A candidate asks.
   * @returns the ballot that our `yield` names: its own, or the higher one that we promised before; null: its ballot is
   * further up than any honest one, and gets no answer.
   */
  askedToYield(candidate: VolunteerId, round: number, ballot: number, nowMs: number): number | null {
    if (round > this.#round) return this.#askedEarly(candidate, round, ballot);
    if (!this.#credit.admits(candidate, this.ballotMin, ballot)) return null;
    if (ballot > this.ballotMin || this.#isTieOfOthers(candidate, ballot)) {
      // Asking again gives nobody more time.
      const sinceMs = this.#promise?.to === candidate ? this.#promise.atMs : nowMs;
      this.#promise = { ballot, to: candidate, atMs: sinceMs };
      this.#raiseCount += 1;
      this.#candidacy = null;
      this.#deposed.delete(candidate);
    }
    const { ballotMin } = this;
    return answerOf(ballot, { ballot: ballotMin, to: this.#promise?.to ?? null }, candidate);
  }

  #askedEarly(candidate: VolunteerId, round: number, ballot: number): number | null {
    const known = this.#early.get(round);
    if (!this.#credit.admits(candidate, known?.ballot ?? 0, ballot)) return null;
    if (known !== undefined && known.ballot >= ballot) return answerOf(ballot, known, candidate);
    this.#early.set(round, { ballot, to: candidate });
    return ballot;
  }

  /**
   * Two newcomers may come to the same ballot. If each refused the other, both would try again with the next one in step,
   * for ever: the larger id gives way. It has closed nothing under this ballot, and never will.
   */
  #isTieOfOthers(candidate: VolunteerId, ballot: number): boolean {
    const own = this.#candidacy;
    return own?.ballot === ballot && !own.hasWon && candidate < this.#self;
  }

  /** A peer answered. A higher ballot than ours makes us try again with one above it. */
  yielded(peer: VolunteerId, ballot: number): void {
    if (this.#candidacy === null || !this.#candidacy.asked.includes(peer)) return;
    if (ballot === this.#candidacy.ballot) this.#candidacy.yielded.add(peer);
    else if (ballot > this.#candidacy.ballot && this.#credit.admits(peer, this.#candidacy.ballot, ballot)) {
      this.#promise = { ballot, to: this.#self, atMs: -Infinity };
      this.#candidacy = null;
    }
  }

  /** Where we stand, if the round has what it needs. `graceMs`: the group's own measure of how slow it is. */
  stance(reach: Reach, graceMs: number, nowMs: number): Stance {
    if (this.#candidacy !== null) {
      this.#candidacy.hasWon ||= this.#weigh(reach, nowMs);
      const { ballot, hasWon, isLonely } = this.#candidacy;
      return hasWon ? { kind: 'lead', ballot, isLonely } : { kind: 'wait' };
    }
    if (this.chief(reach) !== this.#self) return { kind: 'wait' };
    const { linked, gone } = reach;
    const rank = this.#rotation.indexOf(this.#self);
    const isMember = this.#members.length > 0;
    if (isMember && rank === 0 && this.#promise === null && this.#isMajority((id) => linked.has(id), gone))
      return { kind: 'lead', ballot: 0, isLonely: false };
    const ballot = nextBallot(this.ballotMin, rank);
    if (ballot > BALLOT_MAX) return { kind: 'wait' };
    this.#raiseCount += 1;
    const asked = [...linked].filter((id) => id !== this.#self).sort();
    this.#candidacy = {
      ballot,
      sinceMs: nowMs,
      hasWon: false,
      isLonely: false,
      asked,
      yielded: new Set(),
      dueMs: nowMs + voteTimeMs(graceMs),
    };
    return { kind: 'elect', ballot, ask: asked };
  }

  get waitsForVotes(): boolean {
    return this.#candidacy?.hasWon === false;
  }
  /** When `stance` may say something else without an answer. */
  get votesDueMs(): number {
    return this.#candidacy?.dueMs ?? Infinity;
  }

  /** Whether enough have answered. */
  #weigh({ linked, gone }: Reach, nowMs: number): boolean {
    const { asked, yielded, sinceMs, dueMs } = this.#candidacy!;
    const allAnswered = asked.every((id) => yielded.has(id) || !linked.has(id));
    if (!allAnswered && nowMs < dueMs) return false;
    this.#candidacy!.dueMs = sinceMs + LONELY_MS;
    this.#candidacy!.isLonely = !this.#isMajority((id) => yielded.has(id), gone);
    return !this.#candidacy!.isLonely || nowMs >= sinceMs + LONELY_MS;
  }

  /** We and these are more than half of the members that may still be there. */
  #isMajority(isWithUs: (id: VolunteerId) => boolean, gone: ReadonlySet<VolunteerId>): boolean {
    let count = 0;
    let withUs = 0;
    for (const id of this.group) {
      if (id === this.#self || isWithUs(id)) withUs += 1;
      else if (gone.has(id)) continue;
      count += 1;
    }
    return 2 * withUs > count;
  }

  #rankOf(place: number): number {
    const count = this.#members.length;
    return (place - (this.#round % count) + count) % count;
  }

  /**
   * [R4] The members rotated by the round; who is no member stands at the end of the line. A newcomer that knows no
   * members yet lets those go before it that it came to, and goes before those that came later: by seniority there is
   * always somebody whose turn it is, also when all members died.
   */
  get #rotation(): VolunteerId[] {
    const line = this.#members.length > 0 ? this.#members : this.#company.filter((id) => id !== this.#self);
    const shift = line.length > 0 ? this.#round % line.length : 0;
    const rotated = [...line.slice(shift), ...line.slice(0, shift)];
    return rotated.includes(this.#self) ? rotated : [...rotated, this.#self];
  }
}

const voteTimeMs = (graceMs: number) => Math.min(VOTE_MAX_MS, Math.max(VOTE_MIN_MS, graceMs));

/** What is answered to a candidate: its own ballot, or the one that it has to be above. One ballot is promised to one only. */
const answerOf = (
  ballot: number,
  promised: { readonly ballot: number; readonly to: VolunteerId | null },
  candidate: VolunteerId,
) => promised.ballot + (promised.ballot === ballot && promised.to !== candidate ? 1 : 0);
