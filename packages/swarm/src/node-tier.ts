/**
 * The node that this tab belongs to, in a run with tiers (SPEC N): tabs of one machine or network, which average among
 * themselves in rounds of their own and so stand on the same bits, debts to the other nodes included.
 *
 * Mental model. A node is a group like any other: its rounds, leaders, commits, newcomers and states are those of
 * membership.ts, under a tag of its own on the wire, with exact updates. What is special is where it begins (where the run
 * stands, or where its mates do), that after so many rounds it waits for the round of nodes (nodes-round.ts), and who of it
 * speaks there. Pure; wishes go to the outbox.
 */
import {
  betweenAt,
  cycleOf,
  firstOf,
  fnv1a32,
  type CoordinatorMessageOf,
  type Fingerprint,
  type Frame,
  type Head,
  type RunManifest,
  type Tiers,
  type VolunteerId,
} from '@murmuration/protocol';
import { CycleSum } from './cycle-sum.ts';
import { EarlyFrames } from './early-frames.ts';
import { Inside, type InsideRules } from './inside.ts';
import type { Counted } from './membership.ts';
import { NodeNames } from './node-names.ts';
import type { NodesRound, OwnNode } from './nodes-round.ts';
import type { Outbox } from './outbox.ts';
import { OwnWork, type Progress } from './own-work.ts';
import { Peers } from './peers.ts';
import type { TrainerEvent } from './ports.ts';
import { SoloFetch } from './solo-fetch.ts';
import { speakersOf } from './speakers.ts';
import { SplitWatch } from './split-watch.ts';

/** In a node nothing is worth a rounding: lines are fast. */
const INSIDE_CODEC = 'fp32';
/** Mates that were introduced are waited for so long before a node begins without them. A guess: dialling takes a third. */
const MATES_MAX_MS = 1_500;
/** Mates that stand before another round of nodes get so long to come to ours: they do with the next round of theirs. A guess. */
const OTHER_CYCLE_MAX_MS = 5_000;
/** A speaker gets so long before the next in line speaks. A guess: forming takes a tenth on slow machines. */
const TURN_MS = 1_000;
/** Where nobody of the node trains, no round of it ends; the round of nodes is not kept waiting for longer. */
const IDLE_MAX_MS = 1_000;

export interface NodeTierOptions {
  readonly manifest: RunManifest;
  readonly tiers: Tiers;
  readonly self: VolunteerId;
  /** Of the whole run. */
  readonly peers: Peers;
  readonly outbox: Outbox;
  readonly paused: boolean;
}

export class NodeTier implements OwnNode {
  readonly #options: NodeTierOptions;
  readonly #tiers: Tiers;
  readonly voices: NodeNames;
  #tag = 0;
  #peers = new Peers();
  readonly #greeted = new Set<VolunteerId>();
  /** Mates that came by what they hold from another one: they began nothing. */
  readonly #fetchers = new Set<VolunteerId>();
  #inside: Inside | null = null;
  /** What we said in our node, and in the one before: a tab may come back to that, and to an anchor that it sent an update for. */
  #own: { readonly name: VolunteerId; readonly work: OwnWork }[] = [];
  #split = new SplitWatch();
  /** Where the run stands; null: we hold no replica of it. */
  #between: { readonly head: Head; readonly sinceMs: number } | null = null;
  #round: NodesRound | null = null;
  #paused: boolean;
  #isParting = false;
  /** It began with us, and no round of it was closed since. */
  #isFresh = false;
  /** Authors of the node's last round, ascending: they live. */
  #lastAuthors: readonly VolunteerId[] = [];
  /** What the node's rounds of this cycle were made of. */
  #sum = new CycleSum();
  #arrivedMs = Infinity;
  #dueSinceMs: number | null = null;
  #nowMs = 0;
  #speakAtMs = Infinity;

  constructor(options: NodeTierOptions) {
    this.#options = options;
    this.#tiers = options.tiers;
    this.#paused = options.paused;
    this.voices = new NodeNames(options.self);
  }

  /** Our part in the node's rounds; null: we do not know our node yet. */
  get inside(): Inside | null {
    return this.#inside;
  }
  get id(): VolunteerId | null {
    return this.#inside?.role.kind === 'member' ? this.voices.own : null;
  }
  get mates(): readonly VolunteerId[] {
    return [...this.#options.peers.openIds].filter(this.voices.isMate);
  }
  get newcomers(): readonly VolunteerId[] {
    return this.#options.peers.openIds.filter((id) => this.#options.peers.get(id)!.loading);
  }
  /** The run's round of this moment. */
  follow(round: NodesRound): void {
    this.#round = round;
  }

  // ---------------------------------------------------------------- what happens to it

  /** [N1] The coordinator says who shares a machine or network with whom. */
  introduced({ peers, nodes }: CoordinatorMessageOf<'introduce'>, nowMs: number): void {
    if (nodes !== undefined) this.voices.told(peers, nodes);
    this.#meet(nowMs);
  }

  #become(name: VolunteerId, nowMs: number): void {
    const { manifest, self, outbox } = this.#options;
    const { parameterCount, training } = manifest;
    const id = `${manifest.id} ${name}`;
    this.#tag = fnv1a32(id);
    this.#peers = new Peers();
    this.#greeted.clear();
    this.#fetchers.clear();
    this.#lastAuthors = [];
    this.#split = new SplitWatch();
    const codec = INSIDE_CODEC;
    const inner: RunManifest = { ...manifest, id, training: { ...training, codec, tiers: 'off' } };
    const inside: InsideRules = {
      valueCount: 2 * parameterCount,
      cycle: {
        endOf: (round) => betweenAt(this.#tiers, cycleOf(this.#tiers, round)),
        isToEnd: () => this.#round?.isDue ?? false,
        length: this.#tiers.betweenEvery + 1,
      },
      fetch: (first, atMs) =>
        new SoloFetch({
          self,
          manifest: { ...inner, parameterCount: 2 * parameterCount },
          first,
          nowMs: atMs,
          early: new EarlyFrames({ codec, parameterCount }),
        }),
      stranded: () => this.#begin(),
    };
    const paused = this.#paused;
    const known = this.#own.find((own) => own.name === name);
    const own = known ?? { name, work: new OwnWork(inner.training) };
    this.#own = [own, ...this.#own.filter((other) => other !== own)].slice(0, 2);
    this.#inside = new Inside({
      own: own.work,
      manifest: inner,
      runTag: this.#tag,
      self,
      peers: this.#peers,
      outbox,
      paused,
      inside,
    });
    this.#forgetCycle();
    if (this.#between !== null) this.#between = { ...this.#between, sinceMs: nowMs };
  }

  /** The run's state was loaded: our node begins here, or we go to where our mates are. */
  stands(head: Head, nowMs: number): void {
    this.#between = { head, sinceMs: nowMs };
    this.#inside?.forsake();
    this.#forgetCycle();
  }
  /** We hold no replica of the run any more. */
  leaves(): void {
    this.#between = null;
    this.#inside?.forsake();
  }

  /** [N3] A round of nodes was applied: `inside` is where that leaves our node; undefined: we were of none. */
  moved(head: Head, inside: Fingerprint | undefined, nowMs: number): void {
    this.#between = { head, sinceMs: nowMs };
    this.#forgetCycle();
    if (inside === undefined || this.#inside?.head === null) return;
    const { term, round: cycle } = head;
    this.#inside?.moveTo({ term, round: firstOf(this.#tiers, cycle), fingerprint: inside }, nowMs);
  }

  #forgetCycle(): void {
    this.#sum = new CycleSum();
    this.#arrivedMs = Infinity;
    this.#speakAtMs = Infinity;
    this.#dueSinceMs = null;
  }

  /** False: the frame is none of our node. */
  takeFrame(peer: VolunteerId, frame: Frame, nowMs: number): boolean {
    this.#meet(nowMs);
    if (this.#inside === null || frame.runTag !== this.#tag) return false;
    if (this.#peers.get(peer) === undefined) return true;
    // What we said to each other before both were introduced was not heard.
    if (frame.kind === 'hello' && !this.#greeted.has(peer)) {
      this.#greeted.add(peer);
      this.#inside.sayHello(peer);
    }
    this.#inside.takeFrame(peer, frame, nowMs);
    const { loading, hasReplica } = this.#peers.get(peer) ?? {};
    if (loading === true) this.#fetchers.add(peer);
    else if (hasReplica === false) this.#fetchers.delete(peer);
    return true;
  }

  /** What the trainer did for the node. */
  committed(event: Extract<TrainerEvent, { kind: 'committed' }>, nowMs: number): Counted | null {
    const closed = this.#inside?.head?.round ?? 0;
    const counted = this.#inside?.committed(event, nowMs) ?? null;
    if (counted === null) return null;
    const { updates } = counted;
    this.#isFresh = false;
    this.#lastAuthors = updates.map(({ author }) => author);
    this.#sum.add(updates, closed + 1 - firstOf(this.#tiers, cycleOf(this.#tiers, closed)));
    if (this.#isAtPlace) this.#arrive(nowMs);
    return counted;
  }

  #arrive(nowMs: number): void {
    this.#arrivedMs = nowMs;
    this.#speakAtMs =
      nowMs + TURN_MS * Math.max(0, this.#line(this.#between!.head.round).indexOf(this.#options.self));
  }

  /** [N3] What the node's update stands for. */
  take(): Progress {
    return this.#sum.progress;
  }

  /** Gives our part of the node's round to the trainer, if it is time for it. */
  publish(isParting: boolean): void {
    const { head } = this.#inside!;
    if (head === null || this.#isAtPlace || !this.#inside!.mayPublish(isParting)) return;
    const form = { kind: 'form-update', round: head.round, scheme: INSIDE_CODEC, withSlice: false } as const;
    this.#options.outbox.train({ ...form, tier: 'inside' });
  }

  /** [R15] Mates hold what the node has not said yet, or there is nothing of that kind. */
  get isHeldByOthers(): boolean {
    return this.#sum.isEmpty || (this.#inside?.alive.size ?? 0) > 0;
  }

  // ---------------------------------------------------------------- what is due

  advance(nowMs: number, { roundsGoOn }: { readonly roundsGoOn: boolean }): void {
    this.#nowMs = nowMs;
    if (nowMs >= this.#speakAtMs) this.#speakAtMs = Infinity;
    this.#meet(nowMs);
    const inside = this.#inside;
    if (inside === null) return;
    if (this.#between !== null) this.#findPlace(inside, nowMs);
    this.#dueSinceMs = this.#round?.isDue === true && !this.#isAtPlace ? (this.#dueSinceMs ?? nowMs) : null;
    inside.advance(nowMs, { coordinatorUp: true, roundsGoOn, isHeld: this.#isAtPlace });
  }

  #findPlace(inside: Inside, nowMs: number): void {
    const { role } = inside;
    const { head, sinceMs } = this.#between!;
    if (role.kind === 'none') {
      if (this.#isComplete || nowMs >= sinceMs + MATES_MAX_MS) this.#goIn(head, sinceMs, nowMs);
    } else if (role.kind === 'joining') {
      this.#isFresh = false;
      // Those whom we came to are gone, or joined us.
      if (role.fetch.loading === null && this.#peers.donors().length === 0) this.#begin();
    } else if (inside.head !== null && cycleOf(this.#tiers, inside.head.round) !== head.round) {
      this.#options.outbox.count('node: other cycle');
      inside.forsake();
      this.#between = { head, sinceMs: nowMs };
    } else if (this.#split.yieldsTo(inside, this.#peers, this.#options.self, nowMs)) {
      this.#options.outbox.count('node: split');
      inside.join(null, nowMs);
    } else if (this.#isFresh) this.#seat(inside, nowMs);
  }

  nextDeadlineMs(roundsGoOn: boolean): number {
    const isUndecided = this.#between !== null && this.#inside?.role.kind === 'none';
    return Math.min(
      this.#inside?.nextDeadlineMs(roundsGoOn && !this.#isAtPlace) ?? Infinity,
      this.#speakAtMs,
      // What was due already was looked at.
      ...[
        this.#split.nextDeadlineMs,
        (this.#dueSinceMs ?? Infinity) + IDLE_MAX_MS,
        ...(isUndecided ? [MATES_MAX_MS, OTHER_CYCLE_MAX_MS].map((ms) => this.#between!.sinceMs + ms) : []),
      ].filter((atMs) => atMs > this.#nowMs),
    );
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#inside?.pause(paused);
  }
  /** We leave as soon as nothing of ours is lost by it. */
  part(): void {
    this.#isParting = true;
  }

  // ---------------------------------------------------------------- between nodes

  isAtBetween = (cycle: number): boolean => {
    const inside = this.#inside;
    if (inside === null) return true;
    const { role } = inside;
    if (role.kind === 'founding') return false;
    if (role.kind === 'joining') return role.fetch.loading === null;
    if (inside.head === null) return true;
    if (inside.head.round === betweenAt(this.#tiers, cycle)) return inside.atBoundary;
    // Nobody of us trains: there is no round of ours to wait for.
    const isIdle =
      inside.updateCount === 0 && !this.#options.outbox.inFlight('train', 'form-update', 'commit');
    if (this.#isLastToGo) return isIdle && inside.own.isCounted;
    return isIdle && this.#dueSinceMs !== null && this.#nowMs >= this.#dueSinceMs + IDLE_MAX_MS;
  };

  speaksNow = (cycle: number): boolean => {
    if (this.#isLastToGo) return !this.#sum.isEmpty;
    const rank = this.#line(cycle).indexOf(this.#options.self);
    return !this.#sum.isEmpty && rank >= 0 && this.#nowMs >= this.#arrivedMs + rank * TURN_MS;
  };
  isFirst = (cycle: number): boolean => this.#line(cycle)[0] === this.#options.self;

  #line(cycle: number): VolunteerId[] {
    const { alive } = this.#peers.reach(this.#inside?.head?.term ?? 0);
    return speakersOf(cycle, this.#lastAuthors, this.#options.self, alive);
  }
  /** [N4] Nobody of our node is left to say what it learned when we are gone. */
  get #isLastToGo(): boolean {
    return this.#isParting && this.#inside!.alive.size === 0;
  }

  // ---------------------------------------------------------------- how it begins

  get #isAtPlace(): boolean {
    const round = this.#inside?.head?.round;
    return round !== undefined && round === betweenAt(this.#tiers, cycleOf(this.#tiers, round));
  }
  /** All mates have heard of us, and we of them. */
  get #isComplete(): boolean {
    return this.voices.mates.every((id) => this.#greeted.has(id));
  }

  /** [N2] To where our mates are; else the node begins where the run stands. */
  #goIn({ term, round: cycle }: Head, sinceMs: number, nowMs: number): void {
    const mates = this.#peers.donors().filter((donor) => donor.term === term);
    const mate = mates.find((donor) => cycleOf(this.#tiers, donor.round) === cycle);
    if (mate !== undefined) this.#inside!.join(mate.id, nowMs);
    else if (mates.length === 0 || nowMs >= sinceMs + OTHER_CYCLE_MAX_MS) this.#begin();
  }

  #begin(): void {
    if (this.#between === null) return;
    const { term, round } = this.#between.head;
    this.#isFresh = true;
    this.#inside!.begin(term, firstOf(this.#tiers, round));
  }

  /**
   * [N2] Who began the node where we did is a member from the first round on. Who fetched its state is a newcomer, as in any
   * group: two who differ about the members differ about whose turn it is, and would close one round in two ways.
   */
  #seat(inside: Inside, nowMs: number): void {
    const { head } = inside;
    if (head === null) return;
    const twins = this.#peers.openIds.filter((id) => {
      const { hasReplica, term, round, anchor } = this.#peers.get(id)!;
      const isHere = hasReplica && term === head.term && round === head.round;
      return isHere && anchor === head.fingerprint && !this.#fetchers.has(id);
    });
    const members = [this.#options.self, ...twins].sort();
    if (members.join() !== inside.members.join()) inside.seat(members, nowMs);
  }

  /** Links with mates are the run's own. */
  #meet(nowMs: number): void {
    if (this.voices.heed(this.#options.outbox)) this.#become(this.voices.own!, nowMs);
    if (this.#inside === null) return;
    const { peers } = this.#options;
    for (const id of this.#peers.openIds)
      if (peers.get(id) === undefined || !this.voices.isMate(id)) {
        this.#peers.closed(id);
        this.#greeted.delete(id);
        this.#inside.lost(id);
      }
    for (const id of peers.openIds) {
      if (!this.voices.isMate(id)) continue;
      const known = this.#peers.get(id);
      if (known === undefined) {
        this.#peers.opened(id);
        this.#inside.sayHello(id);
      } else if (peers.get(id)!.suspect && !known.suspect) this.#peers.suspect(id);
    }
  }
}
