/**
 * A volunteer's part in one run's model: how it comes by a replica, keeps it the same as everybody's, and helps others
 * to one. Four roles: `none`, `founding` (loads a checkpoint and starts a term), `joining` (fetches the state from a
 * peer) and `member` (takes part in rounds: group-round.ts, or served-round.ts). Pure; wishes go to the outbox.
 */
import {
  encodeFrame,
  frameCrc,
  serverOf,
  type CoordinatorMessageOf,
  type Frame,
  type FrameOf,
  type Head,
  type RunManifest,
  type Sha256,
  type VolunteerId,
} from '@murmuration/protocol';
import { awaits, beginFounding, landing, type Arrival } from './arrival.ts';
import { commitCommand } from './commit.ts';
import { Conduct } from './conduct.ts';
import { CrewBook } from './crew-book.ts';
import { Donations, OF_A_MATE } from './donations.ts';
import { fetchState, type ReplicaFetch } from './fetch-wishes.ts';
import { answersTo, helloFrame, updateFrame, wordsFor } from './frames.ts';
import type { RoundDecision } from './round-decision.ts';
import type { InsideRules } from './inside.ts';
import { BEHIND_A_SERVER, BEHIND_NODES, Lag } from './lag.ts';
import type { NodeTier } from './node-tier.ts';
import { NodesRound } from './nodes-round.ts';
import type { Outbox } from './outbox.ts';
import { OwnWork } from './own-work.ts';
import type { Peers } from './peers.ts';
import type { TrainerEvent } from './ports.ts';
import { roundAt, standingIn, type Round } from './rounds.ts';
import { ofServerAlone } from './served-round.ts';
import { SoloFetch } from './solo-fetch.ts';
import { Standing, type Circumstances, type MembershipOptions } from './standing.ts';
import { StateFetch, type StateFrame } from './state-fetch.ts';
import { OWN_VOICES } from './voices.ts';

type RoundFrame = FrameOf<'update' | 'commit' | 'refusal'>;
export type Counted = Pick<Close, 'round' | 'updates' | 'grace'> & { readonly isCounted: boolean };
type Close = Extract<RoundDecision, { kind: 'close' }>;

export const INSIDE = { tier: 'inside' } as const;

export class Membership extends Standing {
  readonly #manifest: RunManifest;
  readonly #runTag: number;
  readonly #self: VolunteerId;
  readonly #peers: Peers;
  readonly #outbox: Outbox;
  /** The decision whose `commit` the trainer carries out. */
  #closing: Close | null = null;
  readonly #donations: Donations;
  readonly #lag = new Lag();
  readonly own: OwnWork;
  /** The averaging server, our only peer; null: peers average among themselves. */
  readonly server: VolunteerId | null;
  readonly #conduct = new Conduct();
  /** Of a run with tiers: our node. */
  readonly node: NodeTier | undefined;
  readonly #inside: InsideRules | undefined;

  constructor(options: MembershipOptions) {
    const { manifest, self } = options;
    super({ ...options, crews: new CrewBook(self, manifest.training.architecture === 'hybrid') });
    this.node = options.node;
    this.#inside = options.inside;
    this.#manifest = manifest;
    this.#runTag = options.runTag;
    this.#self = self;
    this.#peers = options.peers;
    this.#outbox = options.outbox;
    this.server = serverOf(manifest);
    this.own = options.own ?? new OwnWork(manifest.training);
    const { inside, ...run } = options;
    this.#donations = new Donations(
      inside === undefined
        ? run
        : { ...run, tier: INSIDE, valueCount: inside.valueCount, generosity: OF_A_MATE },
    );
  }

  get rejectedFrames(): number {
    return this.#conduct.refusedCount;
  }
  /** Steps to train now, of a round's `localSteps` at our pace. */
  stepsDue(localSteps: number): number {
    return this.working === null ? 0 : this.own.stepsDue(this.working, this.alive.size > 0, localSteps);
  }
  mayPublish(isParting: boolean): boolean {
    if (this.node !== undefined) return this.working instanceof NodesRound && this.working.maySpeak;
    return this.working !== null && this.own.mayPublish(this.working, isParting);
  }

  /** When `advance` is due at the latest. `roundsGoOn` as for `advance`. */
  nextDeadlineMs(roundsGoOn: boolean): number {
    const decides = roundsGoOn && !this.paused;
    return Math.min(
      this.current.kind === 'member' && decides ? this.current.round.nextDeadlineMs(this.reach) : Infinity,
      this.current.kind === 'joining' ? this.current.fetch.nextDeadlineMs : Infinity,
      this.#donations.nextDeadlineMs,
      this.#lag.nextDeadlineMs,
      this.node?.nextDeadlineMs(decides) ?? Infinity,
    );
  }

  /** The coordinator lets us start a term. A replica of the same term or a later one is worth more. */
  found(message: CoordinatorMessageOf<'found'>): void {
    if (this.current.kind === 'member' && this.current.round.head.term >= message.term) return;
    this.current = beginFounding(message, this.#manifest, this.#outbox);
  }

  /** The founding checkpoint arrived. False: it is not what we wait for. */
  checkpointFetched(sha256: Sha256, bytes: Uint8Array): boolean {
    if (this.current.kind !== 'founding' || !awaits(this.current, sha256)) return false;
    this.#outbox.train({ kind: 'load-checkpoint', round: this.current.round, parameters: bytes });
    return true;
  }

  checkpointFailed(sha256: Sha256): void {
    if (!awaits(this.current, sha256)) return;
    this.current = { kind: 'none' };
    this.#strand('the checkpoint could not be fetched');
  }

  #strand(reason: string): void {
    if (this.#inside !== undefined) return this.#inside.stranded();
    this.#outbox.say({ type: 'stranded', runId: this.#manifest.id, reason });
  }

  /** The coordinator says that somebody holds a replica of this term. */
  joinTerm(term: number, nowMs: number): void {
    if (this.current.kind === 'joining') return;
    if (this.current.kind === 'member' && this.current.round.head.term >= term) return;
    this.join(null, nowMs);
  }

  /** Fetches the state from a peer; `from` is asked first. */
  join(from: VolunteerId | null, nowMs: number): void {
    this.node?.leaves();
    this.become({ kind: 'joining', fetch: this.#newFetch(from, nowMs) });
  }
  /** Our replica is worth nothing any more. */
  protected become(role: Arrival): void {
    this.#closing = null;
    this.#lag.forget();
    this.current = role;
    this.sayHelloToAll();
  }
  #newFetch(first: VolunteerId | null, nowMs: number): ReplicaFetch {
    if (this.#inside !== undefined) return this.#inside.fetch(first, nowMs);
    const voices = this.node?.voices ?? OWN_VOICES;
    const options = { self: this.#self, manifest: this.#manifest, first, nowMs, voices };
    return this.crews.isMixed ? new SoloFetch(options) : new StateFetch(options);
  }

  stateLoaded(event: Extract<TrainerEvent, { kind: 'state-loaded' }>, nowMs: number): void {
    if (this.current.kind !== 'founding' && this.current.kind !== 'joining') return;
    const founding = this.current.kind === 'founding';
    const { term, liars, isProven, early } = landing(this.current, event);
    for (const liar of liars) this.reject(liar, 'bad-state');
    if (!isProven) return;
    const head = { term, round: event.round, fingerprint: event.anchor };
    const round = roundAt({
      self: this.#self,
      server: this.server,
      manifest: this.#manifest,
      runTag: this.#runTag,
      head,
      members: founding ? [this.#self] : [],
      company: this.#peers.donors().map(({ id }) => id),
      crews: this.crews,
      credit: this.credit,
      nowMs,
      node: this.node,
      cycle: this.#inside?.cycle,
      length: this.length,
      isSending: this.isSending,
    });
    this.node?.stands(head, nowMs);
    this.current = { kind: 'member', round };
    const published = this.own.replaced(term, event.round, this.crews.isMixed ? null : event.anchor);
    if (published !== null) round.addOwn(published, nowMs);
    for (const { peer, frame } of early)
      if (frame.kind === 'update') round.addUpdate(peer, frame, nowMs);
      else round.addCommit(peer, frame);
    this.sayHelloToAll();
  }

  takeFrame(peer: VolunteerId, frame: Frame, nowMs: number): void {
    if (frame.runTag !== this.#runTag) {
      // A mate may know of our node before we do.
      if (this.node === undefined) this.reject(peer, 'other-run');
      else if (!this.node.takeFrame(peer, frame, nowMs)) this.#outbox.count('other-node');
      return;
    }
    this.#peers.heard(peer, frame);
    switch (frame.kind) {
      case 'hello':
        if (peer === this.server) this.#heardServer(frame, nowMs);
        return;
      case 'state-request':
      case 'state':
      case 'state-denied':
        this.#takeState(peer, frame, nowMs);
        return;
      case 'bye':
        this.#outbox.push({ kind: 'drop-link', peer, reason: 'bye' });
        this.#peers.saidBye(peer);
        this.lost(peer);
        return;
      case 'update':
      case 'commit':
      case 'refusal': {
        const rejection = this.#takeRoundFrame(peer, frame, nowMs);
        if (rejection !== null) this.reject(peer, rejection);
        return;
      }
      case 'pull':
      case 'take-over': {
        if (this.current.kind !== 'member' || frame.term !== this.current.round.head.term) return;
        const asker = { id: peer, isNewcomer: this.#peers.get(peer)?.loading === true };
        for (const answer of answersTo(this.current.round, asker, frame, nowMs))
          this.#outbox.send(peer, answer);
        return;
      }
      case 'yield':
        if (this.current.kind === 'member' && frame.term === this.current.round.head.term)
          this.current.round.yielded(peer, frame);
        return;
      case 'heartbeat':
        return;
      default:
        frame satisfies never;
    }
  }

  /** [S3] The server stands where the run stands. [S4] It may have come back without what we sent it. */
  #heardServer(hello: FrameOf<'hello'>, nowMs: number): void {
    const standing = this.current.kind === 'member' ? standingIn(this.current.round, hello) : null;
    if (standing === 'astray') {
      this.#outbox.count('resync: other-anchor');
      this.join(this.server, nowMs);
    } else if (standing !== null) {
      const { round, update } = standing;
      this.#outbox.send(this.server!, { ...update, kind: 'update', ...this.#base(this.head!), round });
    }
  }

  #base({ term, round }: Head): { runTag: number; term: number; round: number } {
    return { runTag: this.#runTag, term, round };
  }

  #takeRoundFrame(peer: VolunteerId, frame: RoundFrame, nowMs: number): string | null {
    if (this.current.kind === 'joining' && frame.kind !== 'refusal') {
      const isServed = this.server !== null && frame.kind === 'commit';
      return this.current.fetch.early.keep(peer, isServed ? ofServerAlone(this.server, frame) : frame);
    }
    if (this.current.kind !== 'member') return null;
    const { round } = this.current;
    if (frame.term !== round.head.term) return 'other-term';
    if (frame.kind === 'refusal') return round.addRefusal(peer, frame);
    return frame.kind === 'update' ? round.addUpdate(peer, frame, nowMs) : round.addCommit(peer, frame);
  }

  /** [R1] Our update goes to everybody who listens, and counts here as anybody's. False: it came too late. */
  updateFormed(event: Extract<TrainerEvent, { kind: 'update-formed' }>, nowMs: number): boolean {
    if (this.current.kind !== 'member' || this.current.round.head.round !== event.round) return false;
    const { round } = this.current;
    if (round.closing || this.paused) return false;
    const author = this.node?.id ?? this.#self;
    const progress = this.node?.take() ?? this.own.take();
    const frame = updateFrame(this.#runTag, round.head, author, progress, event);
    const update = { ...frame, crc: frameCrc(encodeFrame(frame)) };
    this.own.published(frame, update);
    round.addOwn(update, nowMs);
    // [N3] A round of nodes says itself to whom an update goes.
    if (this.node !== undefined) return true;
    const listening = this.#peers.listening(round.head.term);
    for (const peer of this.crews.matesAmong(listening, event.round)) this.#outbox.send(peer, frame);
    return true;
  }

  /** The trainer applied the commit: what speeds follow from, and whether our update was counted; null: no round of ours. */
  committed(event: Extract<TrainerEvent, { kind: 'committed' }>, nowMs: number): Counted | null {
    const closed = this.#closing;
    this.#closing = null;
    if (this.current.kind !== 'member' || closed === null) return null;
    this.own.committed(closed.own);
    const { round } = this.current;
    const ownUpdate = this.server === null ? undefined : round.ownUpdate;
    const next = closed.next ?? event.round;
    if (closed.next !== undefined) this.#outbox.count('node: short cycle');
    const head = { term: round.head.term, round: next, fingerprint: event.anchor };
    round.advance(head, closed, nowMs);
    this.node?.moved(head, event.inside, nowMs);
    // The server's update carries the fastest author's speed, and ours is not in it.
    const updates = ownUpdate === undefined ? closed.updates : [...closed.updates, ownUpdate];
    return { round: closed.round, updates, grace: closed.grace, isCounted: closed.own === 'counted' };
  }

  captured(event: Extract<TrainerEvent, { kind: 'captured' }>, nowMs: number): void {
    this.#donations.captured(event, this.head, nowMs);
  }
  /** Whatever has become possible or due. `roundsGoOn`: the run is neither paused nor at its end. */
  advance(nowMs: number, { coordinatorUp, roundsGoOn, isHeld = false }: Circumstances): void {
    if (this.current.kind === 'joining') {
      const tier = this.#inside === undefined ? {} : INSIDE;
      const isStranded = fetchState(this.current.fetch, this.#outbox, this.#peers.donors(), nowMs, tier);
      if (isStranded && coordinatorUp) this.#strand('no peer gave a state');
    }
    if (isHeld) this.#lag.forget();
    else if (this.current.kind === 'member') this.#checkBehind(this.current.round, nowMs);
    this.node?.advance(nowMs, { roundsGoOn });
    // [K4] What the server closed before the run ended is still on its way to us.
    const mayClose = (roundsGoOn || this.server !== null) && !this.paused && !isHeld;
    if (this.current.kind === 'member' && mayClose) this.#decide(this.current.round, nowMs);
    this.#donations.advance(this.head, nowMs);
  }

  pause(paused: boolean): void {
    this.paused = paused;
    this.node?.pause(paused);
    this.sayHelloToAll();
  }

  sayHello(peer: VolunteerId): void {
    const standing = { takesPart: !this.paused, wantsUpdates: this.current.kind === 'joining' };
    this.#outbox.send(peer, helloFrame(this.#runTag, this.head, standing));
  }
  sayHelloToAll(): void {
    for (const peer of this.#peers.openIds) this.sayHello(peer);
  }

  sayBye(): void {
    for (const peer of this.#peers.openIds)
      this.#outbox.send(peer, { kind: 'bye', runTag: this.#runTag, term: 0, round: 0 });
  }

  lost(peer: VolunteerId): void {
    this.#donations.lost(peer);
    if (this.current.kind === 'joining') this.current.fetch.lost(peer);
  }

  /** Counts what was refused, and drops the link of a peer that goes too far. */
  reject(peer: VolunteerId, rejection: string): void {
    if (this.#conduct.drops(peer, rejection, this.#peers, this.#outbox)) this.lost(peer);
  }

  /** A chunk of the state: wished for, given or denied. */
  #takeState(peer: VolunteerId, frame: StateFrame, nowMs: number): void {
    let rejection: string | null = 'late-state';
    if (frame.kind === 'state-request') rejection = this.#donations.asked(peer, frame, this.head, nowMs);
    else if (this.current.kind === 'joining') rejection = this.current.fetch.answered(peer, frame, nowMs);
    if (rejection !== null) this.reject(peer, rejection);
  }

  #decide(round: Round, nowMs: number): void {
    const decision = round.decide(this.reach, nowMs);
    if (decision === null) return;
    const base = this.#base(round.head);
    const mates = this.crews.matesAmong(this.#peers.openIds, base.round);
    for (const { to, frame } of wordsFor(decision, this.#self, base, round.head.fingerprint))
      for (const peer of to === 'all' ? mates : [to]) this.#outbox.send(peer, frame);
    switch (decision.kind) {
      case 'pull':
        return;
      case 'say':
        return this.#decide(round, nowMs);
      case 'elect':
        this.#outbox.count('election');
        if (decision.ask.length === 0) this.#decide(round, nowMs); // Nobody to ask: nobody objects.
        return;
      case 'resync':
        this.#outbox.count(`resync: ${decision.why}`);
        this.join(decision.from, nowMs);
        return;
      case 'close':
        this.#closing = decision;
        this.#outbox.train({ ...commitCommand(decision), ...(this.#inside === undefined ? {} : INSIDE) });
        // [R9] The group does not wait for our own steps: what is trained so far stays in the residual.
        if (this.#outbox.inFlight('train')) this.#outbox.push({ kind: 'interrupt-training' });
        return;
      default:
        decision satisfies never;
    }
  }

  /** [R8] A replica that its peers have left behind does not wait for commits that nobody will send again. */
  #checkBehind(round: Round, nowMs: number): void {
    const amongPeers = this.node === undefined ? this.crews.behindBounds : BEHIND_NODES;
    const bounds = this.server === null ? amongPeers : BEHIND_A_SERVER;
    const lag = this.#lag.judge(round, this.#peers.furthest, bounds, nowMs);
    if (lag === null) return;
    this.#outbox.count(`resync: ${lag.why}`);
    this.join(lag.behind, nowMs);
  }
}
