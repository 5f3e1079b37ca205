/**
 * The mind of a central run's averaging server (SPEC S): a member that never trains and leads every round. Collects the
 * tabs' updates, has them combined, answers each tab with the one update that stands for all, gives newcomers the state,
 * and comes by a replica of its own as any newcomer does, or by founding a term.
 *
 * As the volunteer's mind it takes one event and returns effects, and every wait is a deadline. It refuses to know threads,
 * sockets and clocks. Pure.
 */
import { encodeUpdate, firstSchemeOf, type Scheme } from '@murmuration/codec';
import {
  encodeFrame,
  fnv1a32,
  frameCrc,
  serverIdOf,
  stalenessMaxOf,
  type CoordinatorMessage,
  type Decision,
  type Frame,
  type FrameOf,
  type Head,
  type OutgoingFrame,
  type RunManifest,
  type VolunteerId,
} from '@murmuration/protocol';
import { awaits, beginFounding, landing, type Arrival } from './arrival.ts';
import type { AveragerCommand, AveragerEvent } from './averager.ts';
import { Conduct } from './conduct.ts';
import { Donations } from './donations.ts';
import { fetchState } from './fetch-wishes.ts';
import { helloFrame } from './frames.ts';
import type { HeldUpdate } from './held-updates.ts';
import { Outbox } from './outbox.ts';
import { Peers } from './peers.ts';
import type { Effect, VolunteerEvent } from './ports.ts';
import { collectingFor, schemeForAll, type Collecting } from './collecting.ts';
import type { Answer } from './answers.ts';
import { StateFetch, type StateFrame } from './state-fetch.ts';

export type ServerEvent =
  | AveragerEvent
  | Extract<
      VolunteerEvent,
      {
        kind:
          | 'coordinator-message'
          | 'peer-open'
          | 'peer-closed'
          | 'peer-frame'
          | 'peer-rejected'
          | 'blob-fetched'
          | 'blob-failed'
          | 'tick';
      }
    >;

export type ServerEffect =
  | Extract<Effect, { kind: 'send' | 'hold-links' | 'drop-link' | 'fetch-blob' }>
  | { readonly kind: 'average'; readonly ticket: number; readonly command: AveragerCommand }
  /** For the ledger: where the server stands; null: it has no replica. */
  | { readonly kind: 'stand'; readonly head: Head | null }
  /** For the ledger: nobody gives it a state, or the checkpoint could not be had. */
  | { readonly kind: 'stranded' }
  /** [C4] For the ledger: what it adapted by itself. */
  | { readonly kind: 'decided'; readonly decisions: readonly Decision[] };

/** What it gives newcomers: its line is not a home's, and nobody else has the state. */
const GENEROSITY = { doneesMax: 16, bytesPerMs: 6_250, burstBytes: 4 * 1024 * 1024 };
const TRAINING_STATES = ['waiting', 'training', 'degraded'];
const COMBINE_TICKET = 0;
const NO_SLICE = new Uint8Array(0);

export class AveragingServer {
  readonly id: VolunteerId;
  readonly #manifest: RunManifest;
  readonly #runTag: number;
  readonly #peers = new Peers();
  readonly #outbox = new Outbox();
  readonly #conduct = new Conduct();
  readonly #isAsynchronous: boolean;
  readonly #donations: Donations;
  #effects: ServerEffect[] = [];
  #role: Arrival | { readonly kind: 'member'; readonly term: number; readonly round: Collecting } = {
    kind: 'none',
  };
  #roundsGoOn = false;
  #told: Head | null = null;

  constructor(manifest: RunManifest) {
    this.id = serverIdOf(manifest.id);
    this.#manifest = manifest;
    this.#runTag = fnv1a32(manifest.id);
    this.#isAsynchronous = stalenessMaxOf(manifest.training) !== null;
    this.#donations = new Donations({
      outbox: this.#outbox,
      runTag: this.#runTag,
      manifest,
      generosity: GENEROSITY,
    });
  }

  get head(): Head | null {
    return this.#role.kind === 'member' ? this.#role.round.head : null;
  }
  /** What was refused so far, by reason. */
  get counts(): ReadonlyMap<string, number> {
    return this.#outbox.counts;
  }

  handle(event: ServerEvent, nowMs: number): ServerEffect[] {
    this.#take(event, nowMs);
    this.#advance(nowMs);
    this.#collect();
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** When `tick` is due, in the clock of `handle`'s `nowMs`. */
  nextDeadlineMs(): number {
    return Math.min(
      this.#role.kind === 'member' && this.#roundsGoOn ? this.#role.round.nextDeadlineMs : Infinity,
      this.#role.kind === 'joining' ? this.#role.fetch.nextDeadlineMs : Infinity,
      this.#donations.nextDeadlineMs,
    );
  }

  /** What the parts wished for, in order. */
  #collect(): void {
    for (const effect of this.#outbox.take())
      if (effect.kind === 'train')
        this.#effects.push({ ...effect, kind: 'average', command: effect.command as AveragerCommand });
      else this.#effects.push(effect as ServerEffect);
  }

  #do(effect: ServerEffect): void {
    this.#collect();
    this.#effects.push(effect);
  }

  #take(event: ServerEvent, nowMs: number): void {
    switch (event.kind) {
      case 'coordinator-message':
        return this.#hear(event.message, nowMs);
      case 'peer-open':
        if (this.#peers.isOutcast(event.peer))
          return this.#do({ kind: 'drop-link', peer: event.peer, reason: 'strikes' });
        this.#peers.opened(event.peer);
        return this.#sayHello(event.peer);
      case 'peer-closed':
        this.#peers.closed(event.peer);
        return this.#lost(event.peer);
      case 'peer-frame':
        if (this.#peers.get(event.peer) !== undefined) this.#takeFrame(event.peer, event.frame, nowMs);
        return;
      case 'peer-rejected':
        return this.#outbox.count(event.rejection);
      case 'blob-fetched': {
        if (this.#role.kind !== 'founding' || !awaits(this.#role, event.sha256)) return;
        const { round } = this.#role;
        this.#outbox.train({ kind: 'load-checkpoint', round, parameters: event.bytes });
        return;
      }
      case 'blob-failed':
        if (awaits(this.#role, event.sha256)) this.#strand();
        return;
      case 'state-loaded':
        return this.#loaded(event, nowMs);
      case 'captured':
        this.#outbox.answered(event.ticket);
        return this.#donations.captured(event, this.head, nowMs);
      case 'combined':
        return this.#combined(event, nowMs);
      case 'trainer-failed':
        return this.#failed(event);
      case 'tick':
        return;
      default:
        event satisfies never;
    }
  }

  #hear(message: CoordinatorMessage, nowMs: number): void {
    switch (message.type) {
      case 'run-state':
        this.#roundsGoOn = TRAINING_STATES.includes(message.state);
        return;
      case 'found':
        if (this.head !== null && this.head.term >= message.term) return;
        this.#role = beginFounding(message, this.#manifest, this.#outbox);
        return;
      case 'join':
        if (this.#role.kind === 'joining' || (this.head !== null && this.head.term >= message.term)) return;
        return this.#join(nowMs);
      case 'introduce': {
        const peers = message.peers.filter((peer) => !this.#peers.isOutcast(peer));
        return this.#do({ kind: 'hold-links', peers, viaCoordinator: peers });
      }
      case 'peer-left':
        this.#peers.suspect(message.volunteerId);
        return this.#lost(message.volunteerId);
      default:
    }
  }

  /** [S3] From the tabs, as a newcomer. */
  #join(nowMs: number): void {
    const options = { self: this.id, manifest: this.#manifest, first: null, nowMs };
    this.#role = { kind: 'joining', fetch: new StateFetch(options) };
    this.#sayHelloToAll();
  }

  #strand(): void {
    this.#role = { kind: 'none' };
    this.#do({ kind: 'stranded' });
  }

  #loaded(event: Extract<AveragerEvent, { kind: 'state-loaded' }>, nowMs: number): void {
    this.#outbox.answered(event.ticket);
    if (this.#role.kind !== 'founding' && this.#role.kind !== 'joining') return;
    const { term, liars, isProven, early } = landing(this.#role, event);
    for (const liar of liars) this.#reject(liar, 'bad-state');
    if (!isProven) return;
    const head = { term, round: event.round, fingerprint: event.anchor };
    const round = collectingFor(this.#manifest, head, nowMs);
    this.#role = { kind: 'member', term, round };
    for (const { peer, frame } of early) if (frame.kind === 'update') round.add(peer, frame, nowMs);
    this.#sayHelloToAll();
  }

  #takeFrame(peer: VolunteerId, frame: Frame, nowMs: number): void {
    if (frame.runTag !== this.#runTag) return this.#reject(peer, 'other-run');
    this.#peers.heard(peer, frame);
    switch (frame.kind) {
      case 'hello':
        return this.#bringForward(peer, frame);
      case 'update': {
        if (this.#role.kind === 'none' || this.#role.kind === 'founding') return;
        const rejection =
          this.#role.kind === 'joining'
            ? this.#role.fetch.early.keep(peer, frame)
            : frame.term === this.#role.term
              ? this.#role.round.add(peer, frame, nowMs)
              : 'other-term';
        if (rejection !== null) this.#refuse(peer, frame, rejection);
        return;
      }
      case 'state-request':
      case 'state':
      case 'state-denied':
        return this.#takeState(peer, frame, nowMs);
      case 'bye':
        this.#do({ kind: 'drop-link', peer, reason: 'bye' });
        this.#peers.saidBye(peer);
        return this.#lost(peer);
      // [S1] Only the server closes rounds, and only its answer is ever listed.
      case 'commit':
      case 'take-over':
      case 'yield':
      case 'refusal':
        return this.#reject(peer, 'not-leader');
      case 'pull':
      case 'heartbeat':
        return;
      default:
        frame satisfies never;
    }
  }

  #takeState(peer: VolunteerId, frame: StateFrame, nowMs: number): void {
    let rejection: string | null = 'late-state';
    if (frame.kind === 'state-request') rejection = this.#donations.asked(peer, frame, this.head, nowMs);
    else if (this.#role.kind === 'joining') rejection = this.#role.fetch.answered(peer, frame, nowMs);
    if (rejection !== null) this.#reject(peer, rejection);
  }

  #advance(nowMs: number): void {
    if (this.#role.kind === 'joining') {
      const isStranded = fetchState(this.#role.fetch, this.#outbox, this.#peers.donors(), nowMs);
      if (isStranded) this.#do({ kind: 'stranded' });
    }
    if (this.#role.kind === 'member') {
      if (this.#isLeftBehind(this.#role.round.head)) {
        this.#outbox.count('resync: behind');
        this.#join(nowMs);
      } else if (this.#roundsGoOn) this.#close(this.#role.round, nowMs);
    }
    this.#donations.advance(this.head, nowMs);
    if (this.#told !== this.head) this.#do({ kind: 'stand', head: (this.#told = this.head) });
  }

  /** [S3] Of those who take part, more are beyond us than not: we came back with an older state than theirs. */
  #isLeftBehind({ term, round }: Head): boolean {
    let beyond = 0;
    let count = 0;
    for (const [, peer] of this.#peers.entries()) {
      if (!peer.hasReplica || peer.suspect || peer.term < term) continue;
      count += 1;
      if (peer.term > term || peer.round > round) beyond += 1;
    }
    return 2 * beyond > count;
  }

  #close(round: Collecting, nowMs: number): void {
    const { alive } = this.#peers.reach(round.head.term);
    const updates = round.close(alive, this.#manifest.training.peersMin, nowMs);
    if (updates !== null) this.#combine(round, updates, schemeForAll(updates, this.#manifest.training.codec));
  }

  #combine(round: Collecting, updates: readonly HeldUpdate[], scheme: Scheme): void {
    const { head, gain } = round;
    const command = { kind: 'combine', round: head.round, updates, scheme, gain } as const;
    this.#do({ kind: 'average', ticket: COMBINE_TICKET, command });
  }

  #failed({ ticket, failure }: Extract<AveragerEvent, { kind: 'trainer-failed' }>): void {
    this.#outbox.count(`averager: ${failure}`);
    if (ticket !== COMBINE_TICKET) {
      this.#outbox.answered(ticket);
      return this.#strand();
    }
    if (this.#role.kind !== 'member') return;
    const { codec } = this.#manifest.training;
    const scheme = firstSchemeOf(codec);
    const nothing = encodeUpdate(scheme, new Float32Array(this.#manifest.parameterCount));
    for (const update of this.#role.round.countNone()) this.#refuse(update.author, update, 'not-finite');
    const { fingerprint: anchor } = this.#role.round.head;
    const update = { author: this.id, sampleCount: 1, stepCount: 1, trainMs: 0, loss: 0, anchor, crc: 0 };
    this.#combine(this.#role.round, [{ ...update, slice: NO_SLICE, encoded: nothing }], scheme);
  }

  /** [S2] The round is closed: everybody who listens gets the update that stands for all, and is told whether theirs is in it. */
  #combined(event: Extract<AveragerEvent, { kind: 'combined' }>, nowMs: number): void {
    if (this.#role.kind !== 'member') return;
    const { round } = this.#role;
    if (event.round !== round.head.round + 1) return;
    const { term, fingerprint: anchor } = round.head;
    const { encoded } = event;
    const body = { author: this.id, ...round.summary, anchor, slice: NO_SLICE, encoded };
    const frame = { kind: 'update' as const, ...this.#base(term, round.head.round), ...body };
    const update = { ...body, crc: frameCrc(encodeFrame(frame)) };
    const answer = round.advance({ term, round: event.round, fingerprint: event.anchor }, update, nowMs);
    for (const peer of this.#peers.listening(term)) this.#answer(peer, term, answer, frame);
    const decisions = round.takeDecisions();
    if (decisions.length > 0) this.#do({ kind: 'decided', decisions });
  }

  #answer(peer: VolunteerId, term: number, answer: Answer, frame: OutgoingFrame): void {
    const { round, anchor, update, counted, graceMs, stretch } = answer;
    const own = counted.get(peer);
    const listed = own === undefined ? [] : [{ author: peer, crc: own }];
    const included = [{ author: this.id, crc: update.crc }, ...listed].sort((a, b) =>
      a.author < b.author ? -1 : 1,
    );
    this.#outbox.send(peer, frame);
    const members = [this.id, peer].sort();
    const commit = { leader: this.id, ballot: 0, anchor, included, members, graceMs, stretch };
    this.#outbox.send(peer, { kind: 'commit', ...this.#base(term, round), ...commit });
  }

  /** [S4] A tab that was away gets what closed the rounds since, if that is still here. */
  #bringForward(peer: VolunteerId, hello: FrameOf<'hello'>): void {
    if (this.#role.kind !== 'member' || !hello.hasReplica || hello.term !== this.#role.term) return;
    for (const answer of this.#role.round.since(hello.round, hello.anchor) ?? [])
      this.#answer(peer, hello.term, answer, {
        kind: 'update',
        ...this.#base(hello.term, answer.round),
        ...answer.update,
      });
  }

  #base(term: number, round: number): { runTag: number; term: number; round: number } {
    return { runTag: this.#runTag, term, round };
  }

  #sayHello(peer: VolunteerId): void {
    const standing = { takesPart: true, wantsUpdates: this.#role.kind === 'joining' };
    this.#outbox.send(peer, helloFrame(this.#runTag, this.head, standing));
  }

  #sayHelloToAll(): void {
    for (const peer of this.#peers.openIds) this.#sayHello(peer);
  }

  #lost(peer: VolunteerId): void {
    this.#donations.lost(peer);
    if (this.#role.kind === 'joining') this.#role.fetch.lost(peer);
  }

  /** [A3] Who does not go by rounds has to be told that its update will not be counted. */
  #refuse(peer: VolunteerId, { crc }: { readonly crc: number }, rejection: string): void {
    const { head } = this;
    if (this.#isAsynchronous && head !== null && rejection !== 'duplicate')
      this.#outbox.send(peer, { kind: 'refusal', ...this.#base(head.term, head.round), crc });
    this.#reject(peer, rejection);
  }

  #reject(peer: VolunteerId, rejection: string): void {
    if (this.#conduct.drops(peer, rejection, this.#peers, this.#outbox)) this.#lost(peer);
  }
}
