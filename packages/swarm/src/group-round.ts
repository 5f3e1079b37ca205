/**
 * One round of one group, as a pure machine: whose updates are in, who closes the round, what everybody applies.
 *
 * Mental model. Every member sends its update to all. A leader names exactly which updates count (`commit`: author and
 * checksum); everybody applies exactly these to the same anchor and so stays bit-identical. Who may close a round is
 * decided in leadership.ts. A member that lacks a listed update pulls it; one that cannot, or that finds itself on
 * another anchor, fetches the whole state again (`resync`).
 *
 * What a death costs: a dead member, until its link closes or the adaptive deadline passes; a dead leader, the same.
 * An update that came too late is not lost: its author's residual keeps it (codec, replica.ts).
 *
 * It refuses to know GPUs, sockets and clocks: time and the set of living peers are arguments.
 * Rules: packages/protocol/SPEC.md, section R.
 */
import type { FrameOf, Head, Stretch, VolunteerId } from '@murmuration/protocol';
import { FirstWord } from './first-word.ts';
import { closeOfCrew, listOf, membersAfter, type Commit, type HeldCommit } from './commit.ts';
import { NextMembers } from './next-members.ts';
import type { CrewBook } from './crew-book.ts';
import type { GroupRoundOptions } from './group-round-options.ts';
import { OWN_VOICES, type CycleRule, type Voices } from './voices.ts';
import {
  HELD_MAX_BYTES,
  HeldUpdates,
  KEPT_MAX_ROUNDS,
  ROUNDS_AHEAD_MAX,
  type HeldUpdate,
} from './held-updates.ts';
import { Leadership, type Reach } from './leadership.ts';
import { Pull } from './pull.ts';
import { RoundClock } from './round-clock.ts';
import type { RoundDecision, RoundRejection } from './round-decision.ts';
import type { RoundLength } from './round-length.ts';
import { bodyFault, repeatFault, type BodyRule } from './update-check.ts';

export class GroupRound {
  readonly #self: VolunteerId;
  readonly #body: BodyRule;
  #head: Head;
  /** Expected in this round, ascending; empty: unknown (a newcomer before its first commit). */
  #members: readonly VolunteerId[];
  readonly #crews: CrewBook;
  readonly #clock: RoundClock;
  readonly #isSending: GroupRoundOptions['isSending'];
  readonly #length: RoundLength | undefined;
  #closing = false;
  readonly #updates = new HeldUpdates();
  readonly #commits = new Map<number, HeldCommit>();
  /** What closed the last rounds, by round; the newest may still be being applied. */
  readonly #closed = new Map<number, Commit>();
  readonly #nextMembers = new NextMembers();
  readonly #leadership: Leadership;
  readonly #voices: Voices;
  readonly #cycle: CycleRule | null;
  readonly #aheadMax: number;
  #pull: Pull | null = null;
  readonly #firstWord = new FirstWord();

  constructor(options: GroupRoundOptions) {
    this.#self = options.self;
    this.#voices = options.voices ?? OWN_VOICES;
    this.#cycle = options.cycle ?? null;
    this.#aheadMax = ROUNDS_AHEAD_MAX + (options.cycle?.length ?? 0);
    this.#body = options;
    this.#head = options.head;
    this.#crews = options.crews;
    this.#members = options.crews.crewOf(options.head.round) ?? [...options.members].sort();
    this.#clock = new RoundClock(options.nowMs, options.adapts);
    this.#isSending = options.isSending;
    this.#length = options.length;
    this.#length?.begin({ round: options.head.round, stretch: 1 }, options.nowMs);
    this.#leadership = new Leadership(options.self, options.company, options.credit);
    this.#leadership.begin(options.head.round, this.#members, options.nowMs);
  }

  get head(): Head {
    return this.#head;
  }
  get members(): readonly VolunteerId[] {
    return this.#members;
  }
  get ownUpdate(): HeldUpdate | undefined {
    return this.#updates.of(this.#head.round).get(this.#voices.of(this.#self));
  }
  get updateCount(): number {
    return this.authors.length;
  }
  get authors(): readonly VolunteerId[] {
    return [...this.#updates.of(this.#head.round).keys()];
  }
  get closing(): boolean {
    return this.#closing;
  }
  get stretch(): Stretch {
    return this.#length?.stretch ?? 1;
  }

  /** Not the time for work that blocks the trainer. */
  leadsSoon(alive: ReadonlySet<VolunteerId>): boolean {
    return alive.size > 0 && this.#leadership.order(alive).slice(0, 2).includes(this.#self);
  }

  /** The next commit is being applied, or waits for its updates. */
  get catchingUp(): boolean {
    return this.#closing || this.#commits.has(this.#head.round);
  }

  held(round: number, author: VolunteerId): HeldUpdate | undefined {
    return this.#updates.of(round).get(author);
  }

  /** What closed this round, one of the last few. */
  commitOf(round: number): Commit | undefined {
    return this.#closed.get(round);
  }

  addOwn(update: HeldUpdate, nowMs: number): void {
    this.#store(this.#head.round, update, nowMs);
    this.#length?.sent(nowMs);
  }

  /**
   * Another member's update, from itself or (after a pull) from a group-mate. Null: taken.
   * [R2] What does not fit the round, the anchor, the codec or an earlier update of its author changes nothing.
   */
  addUpdate(peer: VolunteerId, frame: FrameOf<'update'>, nowMs: number): RoundRejection | null {
    const { round, author } = frame;
    if (round < this.#head.round || (round === this.#head.round && this.#closing)) {
      if (this.#voices.of(peer) === author) this.#clock.arrivedLate(round, author, nowMs);
      return 'old-round';
    }
    if (round > this.#head.round + this.#aheadMax) return 'future-round';
    if (round > this.#head.round + 1 && this.#updates.bytes > HELD_MAX_BYTES) return 'future-round';
    if (author === this.#self) return 'not-author';
    const listed = this.#commits.get(round)?.included.find((entry) => entry.author === author);
    const speaks = this.#voices.of(peer) === author || this.#voices.isMate(peer);
    if (!speaks && listed?.crc !== frame.crc) return 'not-author';
    const ownAnchor = this.#crews.isMixed || frame.anchor === this.#head.fingerprint;
    if (round === this.#head.round && !ownAnchor) return 'other-anchor';
    const { isMixed } = this.#crews;
    const earlier = this.#updates.of(round).get(author);
    const isRepeat = earlier !== undefined && listed?.crc !== frame.crc;
    const rejection =
      (isRepeat ? repeatFault(peer, frame, earlier, isMixed) : null) ?? bodyFault(frame, this.#body, isMixed);
    if (rejection === null) this.#store(round, frame, nowMs, speaks);
    return rejection;
  }

  /**
   * A leader's decision, or one that a peer passes on because our candidacy asked for it. Null: taken, or known.
   * [R5] What comes under a lower ballot than we promised is refused.
   */
  addCommit(peer: VolunteerId, frame: FrameOf<'commit'>): RoundRejection | null {
    const { round } = frame;
    // [R13] A crew has no leader; this one was said before the swarm was cut.
    if (this.#crews.isMixed) return 'old-round';
    const isFirst = this.#members.length === 0 && round === this.#head.round - 1;
    if (isFirst && this.#firstWord.isFrom(peer)) return this.#learnMembers(frame);
    const passedOn = frame.leader !== peer;
    if (passedOn && !(round === this.#head.round && this.#leadership.wasAsked(peer))) return 'not-leader';
    if (round > this.#head.round + this.#aheadMax) return 'future-round';
    const commit = this.#closed.get(round);
    if (round === this.#head.round - 1 && commit !== undefined) {
      // [R6] A round was closed in two ways: the higher ballot was asked for, and nobody who answered knew the other.
      if (listOf(frame) !== listOf(commit) && frame.ballot > commit.ballot)
        this.#commits.set(round, { ...frame, source: peer });
      return null;
    }
    if (round < this.#head.round || (round === this.#head.round && this.#closing)) return 'old-round';
    if (round === this.#head.round) {
      if (!this.#leadership.mayLead(frame.leader, frame.ballot)) return 'not-leader';
      if (this.#leadership.isCandidate && frame.ballot < this.#leadership.ballotMin)
        return this.#adopt(peer, frame);
      if (frame.ballot < this.#leadership.ballotMin) return 'old-ballot';
    }
    const knownBallot = this.#commits.get(round)?.ballot ?? -1;
    if (knownBallot < frame.ballot) this.#commits.set(round, { ...frame, source: peer });
    return null;
  }

  /** [R4] Unless a ballot was promised meanwhile: who leads is decided then. */
  #learnMembers(commit: Commit): null {
    if (this.#leadership.ballotMin > 0) return null;
    this.#members = membersAfter(commit);
    this.#leadership.learn(this.#members);
    this.#clock.agreed(commit.graceMs);
    return null;
  }

  /** [R5] The commit that we wanted to replace exists: it is what we say, under our ballot. */
  #adopt(peer: VolunteerId, frame: FrameOf<'commit'>): null {
    const word = { ...frame, leader: this.#self, ballot: this.#leadership.ballotMin, source: peer };
    if (frame.anchor === this.#head.fingerprint) this.#commits.set(frame.round, word);
    return null;
  }

  /**
   * A candidate wants to close `round` in its leader's place.
   * @returns a commit of that round to pass on, or the ballot to yield to; null: that round is no business of ours, or no
   * honest candidate has such a ballot.
   */
  askedToYield(
    candidate: VolunteerId,
    { round, ballot }: { readonly round: number; readonly ballot: number },
    nowMs: number,
  ): { readonly commit: Commit } | { readonly ballot: number } | null {
    const closed = this.#closed.get(round);
    if (closed !== undefined) return { commit: closed };
    if (round < this.#head.round || round > this.#head.round + this.#aheadMax) return null;
    const known = this.#commits.get(round);
    const isOurs = round > this.#head.round || known?.anchor === this.#head.fingerprint;
    if (known !== undefined && isOurs && known.leader !== this.#self) return { commit: known };
    const promised = this.#leadership.askedToYield(candidate, round, ballot, nowMs);
    return promised === null ? null : { ballot: promised };
  }

  /** A peer's answer to our candidacy. */
  yielded(peer: VolunteerId, { round, ballot }: { readonly round: number; readonly ballot: number }): void {
    if (round === this.#head.round) this.#leadership.yielded(peer, ballot);
  }

  /** Only a server refuses, and only to it an update may have to be sent again. */
  addRefusal(): RoundRejection {
    return 'not-leader';
  }
  unanswered(): null {
    return null;
  }

  /** The decided commit was applied: the next round begins. */
  advance(head: Head, closed: Extract<RoundDecision, { kind: 'close' }>, nowMs: number): void {
    this.#length?.begin({ round: head.round, stretch: closed.stretch ?? 1 }, nowMs);
    this.#leadership.followed(this.#closed.get(this.#head.round));
    this.#begin(head, this.#crews.crewOf(head.round) ?? [...closed.members].sort(), closed.graceMs, nowMs);
  }

  seat(members: readonly VolunteerId[], nowMs: number): void {
    this.#members = members;
    this.#leadership.begin(this.#head.round, members, nowMs);
  }

  /** [N3] The node's own round is followed by one of all nodes, after which it stands there. */
  moveTo(head: Head, nowMs: number): void {
    this.#begin(head, this.#members, this.#clock.graceMs, nowMs);
  }

  #begin(head: Head, members: readonly VolunteerId[], graceMs: number, nowMs: number): void {
    this.#head = head;
    this.#members = members;
    this.#closing = false;
    this.#pull = null;
    this.#leadership.begin(head.round, this.#members, nowMs);
    for (const round of this.#commits.keys()) if (round < head.round - 1) this.#commits.delete(round);
    for (const round of [...this.#closed.keys()].slice(0, -KEPT_MAX_ROUNDS)) this.#closed.delete(round);
    // Early updates could not be held against the anchor before we stood on it.
    this.#updates.begin(head.round, (update) => this.#crews.isMixed || update.anchor === head.fingerprint);
    this.#clock.next(graceMs, this.#updates.arrivalsMs(head.round), nowMs);
  }

  /** What to do now. */
  decide(reach: Reach, nowMs: number): RoundDecision | null {
    if (this.#closing) return null;
    if (this.#crews.isMixed) return this.#closeOwn(reach, nowMs);
    const late = this.#commits.get(this.#head.round - 1);
    if (late !== undefined && this.#closed.size > 0) {
      this.#commits.delete(this.#head.round - 1);
      return { kind: 'resync', from: late.leader, why: 'other-anchor' };
    }
    const commit = this.#commits.get(this.#head.round);
    if (commit !== undefined) return this.#follow(commit, reach, nowMs);
    const isNew = this.#members.length === 0 && this.#voices === OWN_VOICES && this.#cycle === null;
    return (
      (isNew ? this.#firstWord.ask(this.#self, this.#head.round, reach) : null) ?? this.#lead(reach, nowMs)
    );
  }

  /** When `decide` should be asked again at the latest; Infinity: only after an event. */
  nextDeadlineMs(reach: Reach): number {
    if (this.#closing) return Infinity;
    if (this.#crews.isMixed) return this.#clock.nextDeadlineMs(null);
    if (this.#pull !== null) return this.#pull.nextDeadlineMs;
    if (this.#leadership.waitsForVotes) return this.#leadership.votesDueMs;
    const leads = this.#leadership.chief(reach) === this.#self;
    return this.#clock.nextDeadlineMs(leads ? null : this.#leadership.succession);
  }

  #store(round: number, update: HeldUpdate, atMs: number, isFirstHand = true): void {
    const isTaken = this.#updates.add(round, update, { atMs, isFirstHand });
    if (isTaken && round === this.#head.round) this.#clock.arrived(atMs);
  }

  #follow(commit: HeldCommit, reach: Reach, nowMs: number): RoundDecision | null {
    const held = this.#updates.of(this.#head.round);
    if (commit.anchor !== this.#head.fingerprint) {
      // [R7] Another branch. We go over to it unless more of us stand on ours.
      this.#commits.delete(this.#head.round);
      this.#pull = null;
      if (held.size > commit.included.length) {
        this.#leadership.depose(commit.leader);
        return this.#lead(reach, nowMs);
      }
      return { kind: 'resync', from: commit.leader, why: 'other-anchor' };
    }
    const missing = commit.included.filter((entry) => held.get(entry.author)?.crc !== entry.crc);
    const listed = () => commit.included.map((entry) => held.get(entry.author)!);
    if (missing.length === 0) return this.#close(commit, listed(), nowMs);
    const authors = missing.map(({ author }) => author);
    this.#pull ??= new Pull(this.#self, this.#voices, this.#clock.exchangeMs, nowMs);
    const isKnown = (author: VolunteerId) => this.#updates.isHeardBefore(this.#head.round, author);
    const wanted = this.#pull.next(authors, commit, { ...reach, isKnown }, nowMs);
    if (wanted === 'give-up' || authors.includes(this.#self)) return this.#disown(commit, reach, nowMs);
    return wanted.length > 0 ? { kind: 'pull', wanted } : null;
  }

  /** [R5] What nobody gives, nobody can have counted: as if its leader had been silent, the next one closes the round. */
  #disown(commit: HeldCommit, reach: Reach, nowMs: number): RoundDecision | null {
    this.#commits.delete(this.#head.round);
    this.#pull = null;
    if (commit.leader !== this.#self) this.#leadership.depose(commit.leader);
    return this.#lead(reach, nowMs);
  }

  /** [R13] In a crew everybody averages what has come in time; slices make good what members take differently. */
  #closeOwn({ alive, beyondCount }: Reach, nowMs: number): RoundDecision | null {
    const held = this.#updates.of(this.#head.round);
    if (held.size === 0) return null;
    const expected = this.#expected(alive);
    const arrived = expected.filter((id) => held.has(id)).length;
    this.#clock.judge(arrived * 2 >= expected.length, nowMs, this.#isSending?.(nowMs));
    // Who is behind most of its crew catches up with what they sent: they wait for nobody in this round any more.
    const isBehind = 2 * beyondCount > expected.length;
    if (arrived < expected.length && nowMs < this.#clock.closeMs && !isBehind) return null;
    this.#closing = true;
    this.#clock.closed(this.#head.round, expected, held);
    return closeOfCrew(this.#head.round, held, this.#self, this.#clock);
  }

  #lead(reach: Reach, nowMs: number): RoundDecision | null {
    const held = this.#updates.of(this.#head.round);
    const expected = this.#expected(reach.alive);
    const voices = [...new Set(expected.map((id) => this.#voices.of(id)))];
    const arrived = voices.filter((id) => held.has(id)).length;
    if (held.size === 0) return null;
    this.#clock.judge(arrived * 2 >= voices.length, nowMs, this.#isSending?.(nowMs));
    const chief = this.#leadership.chief(reach);
    if (chief !== this.#self) {
      if (nowMs < this.#clock.takeOverMs(this.#leadership.succession)) return null;
      // [R5] A silent leader costs its group one take-over time, once a round.
      this.#leadership.depose(chief);
      return this.#lead(reach, nowMs);
    }
    const stance = this.#leadership.stance(reach, this.#clock.graceMs, nowMs);
    if (stance.kind === 'elect') return stance;
    if (stance.kind === 'wait') return null;
    if (arrived < voices.length && nowMs < this.#clock.closeMs) return null;
    const updates = [...held.values()].sort((a, b) => (a.author < b.author ? -1 : 1));
    this.#nextMembers.closed(expected, (id) => held.has(this.#voices.of(id)), stance.isLonely);
    const commit = {
      leader: this.#self,
      ballot: stance.ballot,
      anchor: this.#head.fingerprint,
      included: updates.map(({ author, crc }) => ({ author, crc })),
      members: this.#nextMembers.of([this.#self, ...reach.alive], this.#leadership.group, reach.gone),
      graceMs: this.#clock.measuredGraceMs,
      stretch: this.#length?.next(this.#head.round + 1) ?? 1,
      ...(this.#cycle?.isToEnd() === true ? { endsCycle: true as const } : {}),
    };
    return this.#close(commit, updates, nowMs);
  }

  #close(commit: Commit, updates: readonly HeldUpdate[], nowMs: number): RoundDecision {
    const { leader, graceMs, stretch, ballot } = commit;
    const members = this.#voices === OWN_VOICES ? membersAfter(commit) : [...commit.members];
    const { round } = this.#head;
    const next = commit.endsCycle === true ? this.#cycle?.endOf(round) : undefined;
    this.#closing = true;
    const voices = this.#members.map((id) => this.#voices.of(id));
    this.#clock.closed(round, voices, new Set(updates.map(({ author }) => author)));
    this.#closed.set(round, commit);
    this.#commits.delete(round);
    const own = updates.some((update) => update === this.ownUpdate) ? 'counted' : 'uncounted';
    const announce = leader === this.#self;
    const grace = announce ? this.#clock.measuredGrace : undefined;
    this.#length?.closedBy(updates, { before: this.#members, after: members }, nowMs);
    const word = { members, graceMs, stretch, ballot, announce, grace };
    const close = { kind: 'close', round, updates, own, ...word } as const;
    return next === undefined || next === round + 1 ? close : { ...close, next };
  }

  /** Who is waited for: the last commit's members that live, and ourselves. [N4] Between nodes everybody who has not been silent. */
  #expected(alive: ReadonlySet<VolunteerId>): VolunteerId[] {
    const all = [this.#self, ...alive].sort();
    if (this.#members.length === 0) return all;
    if (this.#voices !== OWN_VOICES) return all.filter((id) => !this.#nextMembers.isSilent(id));
    return this.#members.filter((id) => id === this.#self || alive.has(id));
  }
}
