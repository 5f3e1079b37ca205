/**
 * A round between nodes (SPEC N): the round of one group whose members are all tabs and whose authors are nodes. Who closes
 * it, what counts and who is waited for is decided in group-round.ts; here it is decided who says what to whom, and when
 * this tab may apply it.
 *
 * Mental model. One tab of a node, its speaker, sends the node's update to one tab of each other node and to its mates;
 * whoever hears an update from outside passes it on to its own mates. So every tab holds all updates, each crossed every
 * line between two nodes once, and any tab may close the round. It is applied where all mates stand alike: between two
 * rounds of the node. Pure.
 */
import type { FrameOf, Head, OutgoingFrame, VolunteerId } from '@murmuration/protocol';
import { wordsFor } from './frames.ts';
import type { GroupRound } from './group-round.ts';
import type { HeldUpdate } from './held-updates.ts';
import type { Reach } from './leadership.ts';
import type { RoundDecision, RoundRejection, Word } from './round-decision.ts';
import type { Round } from './rounds.ts';
import type { Voices } from './voices.ts';

/** What a round between nodes asks of this tab's node. */
export interface OwnNode {
  /** Its name; null: we do not stand where it stands. */
  readonly id: VolunteerId | null;
  readonly voices: Voices;
  /** Others of it that are linked with us. */
  readonly mates: readonly VolunteerId[];
  /** Tabs that are fetching the run's state. */
  readonly newcomers: readonly VolunteerId[];
  /** Whether this cycle's round of nodes may be applied now. */
  readonly isAtBetween: (cycle: number) => boolean;
  /** [N3] It is on us to say what it learned: whose turn it was has had its time, or it is ours. */
  readonly speaksNow: (cycle: number) => boolean;
  /** Nobody is before us in the line of speakers. */
  readonly isFirst: (cycle: number) => boolean;
}

type Close = Extract<RoundDecision, { kind: 'close' }>;

export class NodesRound implements Round {
  readonly #self: VolunteerId;
  readonly #runTag: number;
  readonly #round: GroupRound;
  readonly #node: OwnNode;
  /** Decided, and not applied yet. */
  #held: Close | null = null;
  #isClosing = false;
  /** We formed our node's update of this round. */
  #isSpeaker = false;
  /** Whom we told our node's update. */
  readonly #told = new Set<VolunteerId>();
  /** What came from outside our node: for our mates. */
  #passOn: FrameOf<'update'>[] = [];
  /** Nodes besides ours of which somebody takes part. */
  #othersCount = 0;

  constructor(options: { self: VolunteerId; runTag: number; round: GroupRound; node: OwnNode }) {
    this.#self = options.self;
    this.#runTag = options.runTag;
    this.#round = options.round;
    this.#node = options.node;
  }

  get head(): Head {
    return this.#round.head;
  }
  get members(): readonly VolunteerId[] {
    return this.#round.members;
  }
  get ownUpdate(): HeldUpdate | undefined {
    return this.#round.ownUpdate;
  }
  get updateCount(): number {
    return this.#round.updateCount;
  }
  /** Being applied. */
  get closing(): boolean {
    return this.#isClosing;
  }
  get catchingUp(): boolean {
    return this.#round.catchingUp;
  }
  get stretch(): 1 {
    return 1;
  }

  /** [N5] The others are there: our node should not keep them waiting. */
  get isDue(): boolean {
    if (this.#held !== null || this.#round.catchingUp) return true;
    const own = this.#node.voices.of(this.#self);
    const arrived = this.#round.authors.filter((author) => author !== own).length;
    return arrived > 0 && 2 * arrived >= this.#othersCount;
  }

  /** [N3] Our node's update of this round is to be formed here, now. */
  get maySpeak(): boolean {
    const { round } = this.head;
    const isOpen = this.#held === null && !this.#round.closing && this.ownUpdate === undefined;
    return isOpen && this.#node.id !== null && this.#node.isAtBetween(round) && this.#node.speaksNow(round);
  }

  leadsSoon(alive: ReadonlySet<VolunteerId>): boolean {
    return this.#round.leadsSoon(alive);
  }
  held(round: number, author: VolunteerId): HeldUpdate | undefined {
    return this.#round.held(round, author);
  }
  commitOf(round: number): ReturnType<GroupRound['commitOf']> {
    return this.#round.commitOf(round);
  }
  askedToYield(...asked: Parameters<GroupRound['askedToYield']>): ReturnType<GroupRound['askedToYield']> {
    return this.#round.askedToYield(...asked);
  }
  yielded(...said: Parameters<GroupRound['yielded']>): void {
    this.#round.yielded(...said);
  }
  addRefusal(): RoundRejection {
    return this.#round.addRefusal();
  }
  unanswered(): null {
    return null;
  }
  addCommit(peer: VolunteerId, frame: FrameOf<'commit'>): RoundRejection | null {
    return this.#round.addCommit(peer, frame);
  }
  nextDeadlineMs(reach: Reach): number {
    return this.#round.nextDeadlineMs(reach);
  }

  addOwn(update: HeldUpdate, nowMs: number): void {
    this.#isSpeaker = true;
    this.#round.addOwn(update, nowMs);
  }

  addUpdate(peer: VolunteerId, frame: FrameOf<'update'>, nowMs: number): RoundRejection | null {
    const rejection = this.#round.addUpdate(peer, frame, nowMs);
    if (rejection === null && !this.#node.voices.isMate(peer)) this.#passOn.push(frame);
    return rejection;
  }

  decide(reach: Reach, nowMs: number): RoundDecision | null {
    this.#othersCount = this.#others(reach).size;
    const words = [...this.#passedOn(), ...this.#ownWords(reach)];
    if (words.length > 0) return { kind: 'say', words };
    if (this.#isClosing) return null;
    if (this.#held === null) {
      const decision = this.#round.decide(reach, nowMs);
      if (decision?.kind !== 'close') return decision;
      this.#held = { ...decision, announce: false };
      // The others need not wait until we come to apply it.
      if (decision.announce) return { kind: 'say', words: this.#commitWords(decision) };
    }
    if (!this.#node.isAtBetween(this.head.round)) return null;
    this.#isClosing = true;
    return this.#node.id === null ? this.#held : { ...this.#held, node: this.#node.id };
  }

  advance(head: Head, closed: Close, nowMs: number): void {
    this.#held = null;
    this.#isClosing = false;
    this.#isSpeaker = false;
    this.#told.clear();
    this.#round.advance(head, closed, nowMs);
  }

  #commitWords(decision: Close): readonly Word[] {
    const { term, round, fingerprint } = this.head;
    return wordsFor(decision, this.#self, { runTag: this.#runTag, term, round }, fingerprint);
  }

  #passedOn(): Word[] {
    const frames = this.#passOn;
    if (frames.length === 0) return [];
    this.#passOn = [];
    return frames.flatMap((frame) => this.#node.mates.map((to) => ({ to, frame })));
  }

  /** Our node's update, for whoever has to hear it from us. */
  #ownWords(reach: Reach): Word[] {
    const { ownUpdate } = this;
    const { term, round } = this.head;
    if (ownUpdate === undefined || this.#isClosing || this.#node.id === null) return [];
    if (!this.#isSpeaker && !this.#node.isFirst(round)) return [];
    const ears = [...this.#others(reach).values()].flatMap((tabs) =>
      tabs.some((id) => this.#told.has(id)) ? [] : [tabs[round % tabs.length]!],
    );
    const frame: OutgoingFrame = { ...ownUpdate, kind: 'update', runTag: this.#runTag, term, round };
    const due = [...this.#node.mates, ...ears, ...this.#node.newcomers].filter((id) => !this.#told.has(id));
    for (const id of due) this.#told.add(id);
    return due.map((to) => ({ to, frame }));
  }

  /** The tabs of each other node that take part. */
  #others({ alive }: Reach): ReadonlyMap<VolunteerId, readonly VolunteerId[]> {
    const { voices } = this.#node;
    const nodes = new Map<VolunteerId, VolunteerId[]>();
    for (const id of [...alive].sort()) {
      const node = voices.of(id);
      if (node === voices.of(this.#self)) continue;
      const tabs = nodes.get(node);
      if (tabs === undefined) nodes.set(node, [id]);
      else tabs.push(id);
    }
    return nodes;
  }
}
