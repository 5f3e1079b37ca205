/**
 * One run as this volunteer sees it: how far it is prepared, what it trains next, which duties it has. Joins the
 * membership (rounds), the leases and the pace, and gives the trainer its work at a round's boundary. Pure.
 */
import {
  tiersOf,
  type CoordinatorMessage,
  type CoordinatorMessageOf,
  type Head,
  type RunManifest,
  type RunState,
  type Sha256,
  type VolunteerId,
} from '@murmuration/protocol';
import { Adaptation } from './adaptation.ts';
import { isOver, wordOf, type Trouble } from './assignment-word.ts';
import { EvaluationDuty } from './evaluation-duty.ts';
import { LeaseBook } from './lease-book.ts';
import { Membership, type Counted } from './membership.ts';
import { NodeTier } from './node-tier.ts';
import type { Outbox } from './outbox.ts';
import { owesCheckpoint, type Debts } from './parting.ts';
import type { Peers } from './peers.ts';
import type { TrainerCommand, TrainerEvent } from './ports.ts';
import { REMEDIES } from './remedies.ts';
import { RoundLength } from './round-length.ts';
import type { Line } from './scheme-choice.ts';
import type { StateWord, Tally } from './view.ts';

/** What a trainer's event means beyond this run: nothing, something to report, or that this device cannot go on. */
export type Consequence = 'none' | 'news' | { readonly unfit: string };

/** Errors in a row at the same kind of command that do not make this device unfit for the run. */
const TRAINER_ERRORS_MAX = 3;
const TRAINING_STATES: readonly RunState[] = ['waiting', 'training', 'degraded'];

export class Assignment {
  readonly manifest: RunManifest;
  readonly membership: Membership;
  readonly #self: VolunteerId;
  readonly #outbox: Outbox;
  readonly #peers: Peers;
  readonly #tally: Tally;
  readonly #leases: LeaseBook;
  readonly adaptation: Adaptation;
  #state: RunState = 'waiting';
  #reason = '';
  #prepared = false;
  #paused: boolean;
  /** It trains no more: it hands over what it learned and leaves. */
  #parting = false;
  /** The device was lost, or is away and asked for again at `nextAtMs`; null: there is nothing wrong with it. */
  #trouble: Trouble | null = null;
  /** Errors since a command of the kind was last carried out. */
  readonly #trainerErrors = new Map<TrainerCommand['kind'], number>();
  readonly duty: EvaluationDuty;
  #progress: CoordinatorMessageOf<'progress'> | null = null;

  constructor(options: {
    manifest: RunManifest;
    runTag: number;
    self: VolunteerId;
    outbox: Outbox;
    peers: Peers;
    tally: Tally;
    paused: boolean;
    line: () => Line;
  }) {
    this.manifest = options.manifest;
    const { training } = options.manifest;
    const tiers = tiersOf(training);
    const node = tiers === null ? undefined : new NodeTier({ ...options, tiers });
    const length = new RoundLength(training);
    this.membership = new Membership({ ...options, node, length });
    this.#self = options.self;
    this.#outbox = options.outbox;
    this.#peers = options.peers;
    this.#tally = options.tally;
    this.#paused = options.paused;
    this.#leases = new LeaseBook(training.batchSize);
    const localSteps = tiers?.insideEvery ?? training.localSteps;
    const own = { ...options.manifest, training: { ...training, localSteps } };
    this.adaptation = new Adaptation(own, options.line, length);
    this.duty = new EvaluationDuty(options.manifest, options.outbox);
    this.#outbox.train({ kind: 'prepare', manifest: options.manifest });
  }

  get state(): RunState {
    return this.#state;
  }
  get reason(): string {
    return this.#reason;
  }
  get progress(): CoordinatorMessageOf<'progress'> | null {
    return this.#progress;
  }
  /** Where what is trained here is averaged: in the run, or in our node (null: not known yet). */
  get #home(): Membership | null {
    const { node } = this.membership;
    return node === undefined ? this.membership : node.inside;
  }
  /** Of which the command was. */
  #of(command: TrainerCommand): Membership | null {
    return 'tier' in command && command.tier === 'inside' ? this.#home : this.membership;
  }
  get #roundsGoOn(): boolean {
    return TRAINING_STATES.includes(this.#state);
  }

  /** The coordinator knows us (again): what it may have missed is said once more. */
  welcomed(): void {
    this.#leases.reconnected();
    if (this.#prepared) this.#outbox.say({ type: 'ready', runId: this.manifest.id });
  }

  take(message: Extract<CoordinatorMessage, { runId: string }>, nowMs: number): void {
    switch (message.type) {
      case 'run-state':
        this.#state = message.state;
        this.#reason = message.reason;
        return;
      case 'found':
        this.duty.founded(message);
        this.membership.found(message);
        return;
      case 'join':
        this.membership.joinTerm(message.term, nowMs);
        return;
      case 'introduce':
        this.#introduced(message, nowMs);
        return;
      case 'lease': {
        const sha256 = this.#leases.grant(message, nowMs);
        const maxBytes = message.shard.byteLength;
        if (sha256 !== null) this.#outbox.push({ kind: 'fetch-blob', sha256, maxBytes });
        return;
      }
      case 'no-lease':
        this.#leases.refuse(message.retryMs, nowMs);
        return;
      case 'lease-ack':
        this.#leases.acknowledge(message.shardIndex, message.generation);
        return;
      case 'evaluate':
        this.duty.ask(message);
        return;
      case 'progress':
        this.#progress = message;
        return;
      default:
        message satisfies never;
    }
  }

  #introduced(message: CoordinatorMessageOf<'introduce'>, nowMs: number): void {
    const { crews, role } = this.membership;
    const wasMixed = crews.isMixed;
    this.membership.node?.introduced(message, nowMs);
    const { mates, viaCoordinator } = crews.introduced(message);
    const peers = mates.filter((peer) => !this.#peers.isOutcast(peer));
    this.#outbox.push({ kind: 'hold-links', peers, viaCoordinator });
    // [R13] What was fetched of one anchor does not go together with what is said of many, nor the other way round.
    if (crews.isMixed !== wasMixed && role.kind === 'joining') this.membership.join(null, nowMs);
  }

  takeTrainer(event: TrainerEvent, command: TrainerCommand, nowMs: number): Consequence {
    // Whatever the device has done since it was lost, it did on the new one.
    if (event.kind !== 'trainer-failed') {
      this.#trouble = null;
      this.#trainerErrors.delete(command.kind);
    }
    switch (event.kind) {
      case 'prepared':
        this.#prepared = true;
        this.#outbox.say({ type: 'ready', runId: this.manifest.id });
        return 'news';
      case 'state-loaded':
        this.#leases.lost();
        this.#of(command)?.stateLoaded(event, nowMs);
        return 'news';
      case 'done':
        if (command.kind === 'add-validation') this.duty.added();
        return 'none';
      case 'trained':
        this.#tally.localSteps += event.stepCount;
        this.#tally.samples += event.sampleCount;
        this.#tally.trainMs += event.trainMs;
        this.#tally.loss = Number.isFinite(event.loss) ? event.loss : null;
        this.#leases.trained(event.stepCount);
        this.#home?.own.trained(event);
        return 'none';
      case 'update-formed':
        if (this.#of(command)?.updateFormed(event, nowMs) !== true) return 'none';
        if (this.#of(command) === this.#home) this.#leases.sent();
        this.adaptation.sent(nowMs);
        return 'none';
      case 'committed':
        return this.#committed(event, command, nowMs);
      case 'captured':
        this.#of(command)?.captured(event, nowMs);
        return 'none';
      case 'evaluated':
        this.duty.take(event, this.membership.head);
        return 'none';
      case 'trainer-failed':
        return this.#trainerFailed(event, command, nowMs);
      default:
        return event satisfies never;
    }
  }

  #committed(
    event: Extract<TrainerEvent, { kind: 'committed' }>,
    command: TrainerCommand,
    nowMs: number,
  ): Consequence {
    const { membership } = this;
    const isInside = this.#of(command) !== membership;
    const counted: Counted | null = isInside
      ? membership.node!.committed(event, nowMs)
      : membership.committed(event, nowMs);
    if (counted === null) return 'none';
    // [N3] What is counted in a node is its tabs' own work; what it says to others is no single tab's.
    if (this.#of(command) === this.#home) {
      const { round = counted.round } = membership.head ?? {};
      this.adaptation.committed(isInside ? { ...counted, round } : counted, this.#self, nowMs);
      if (counted.isCounted) this.#leases.settle();
    }
    if (isInside) return 'none';
    this.#tally.rounds += 1;
    return 'news';
  }

  #trainerFailed(
    event: Extract<TrainerEvent, { kind: 'trainer-failed' }>,
    command: TrainerCommand,
    nowMs: number,
  ): Consequence {
    this.#outbox.count(`trainer: ${event.failure}`);
    switch (event.failure) {
      case 'self-test':
      case 'no-adapter':
      case 'too-small':
        return { unfit: event.failure };
      case 'error': {
        const errors = (this.#trainerErrors.get(command.kind) ?? 0) + 1;
        this.#trainerErrors.set(command.kind, errors);
        if (errors > TRAINER_ERRORS_MAX) return { unfit: 'error' };
        this.#tryAgain(command, nowMs);
        return 'none';
      }
      case 'device-lost':
        this.#trouble = { word: 'device-lost', nextAtMs: null };
        this.#tryAgain(command, nowMs);
        return 'news';
      case 'not-finite':
        this.#tally.loss = null;
        if (command.kind === 'train' || command.kind === 'form-update')
          this.#home?.own.diverged(this.#home.head?.round ?? null);
        else this.#of(command)?.join(null, nowMs);
        return 'none';
      default:
        return event.failure satisfies never;
    }
  }

  /** The trainer stands at its anchor again. What only it can do is asked again; a replica in doubt is fetched anew. */
  #tryAgain(command: TrainerCommand, nowMs: number): void {
    const remedy = REMEDIES[command.kind];
    if (remedy === 'again') this.#outbox.train(command);
    else if (remedy === 'fetch') this.#of(command)?.join(null, nowMs);
  }

  /** Whoever asks for it does so until it is there, or answers the command with `no-adapter`. */
  deviceAwaited(nextAtMs: number): void {
    this.#trouble = { word: 'device-away', nextAtMs };
  }

  blobFetched(sha256: Sha256, bytes: Uint8Array): void {
    if (this.membership.checkpointFetched(sha256, bytes)) return;
    if (this.duty.fetched(sha256, bytes)) return;
    const fetched = this.#leases.fetched(sha256);
    if (fetched === null) return;
    this.#outbox.train({ kind: 'add-shard', shardIndex: fetched.shardIndex, bytes });
    for (const shardIndex of fetched.drop) this.#outbox.train({ kind: 'drop-shard', shardIndex });
  }

  blobFailed(sha256: Sha256): void {
    this.#leases.failed(sha256);
    this.membership.checkpointFailed(sha256);
    this.duty.failed(sha256);
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.membership.pause(paused);
    if (paused && this.#outbox.inFlight('train')) this.#outbox.push({ kind: 'interrupt-training' });
  }

  /** Trains no more; what was trained goes out as if the round's steps were done. */
  part(): void {
    this.pause(false);
    this.#parting = true;
    this.membership.node?.part();
    if (this.#outbox.inFlight('train')) this.#outbox.push({ kind: 'interrupt-training' });
  }

  get debts(): Debts {
    const { head, alive } = this.membership;
    return {
      isHandedOver: this.#isHandedOver,
      isSaved: head === null || alive.size > 0 || this.duty.hasStored(head) || isOver(this.#state),
      isSaving: this.duty.isUnderWay,
    };
  }
  get #isHandedOver(): boolean {
    if (!this.#prepared || this.#home?.role.kind !== 'member' || !this.#hasCompany) return true;
    if (this.#outbox.inFlight('train', 'form-update', 'commit') || !this.#home.own.isCounted) return false;
    return this.membership.node?.isHeldByOthers !== false;
  }

  /** Whatever has become possible or due. */
  advance(nowMs: number, coordinatorUp: boolean): void {
    if (!this.#prepared) return;
    this.adaptation.look(nowMs);
    this.membership.advance(nowMs, { coordinatorUp, roundsGoOn: this.#roundsGoOn });
    this.#work();
    if (!coordinatorUp) return;
    const runId = this.manifest.id;
    for (const result of this.#leases.dueResults(nowMs))
      this.#outbox.say({ type: 'lease-result', runId, ...result });
    if (this.#mayLease && this.#leases.wantsLease(nowMs))
      this.#outbox.say({ type: 'lease-request', runId, held: this.#leases.heldCount });
  }

  nextDeadlineMs(coordinatorUp: boolean): number {
    if (!this.#prepared) return Infinity;
    return Math.min(
      coordinatorUp && this.#mayLease ? this.#leases.nextRequestMs : Infinity,
      this.membership.nextDeadlineMs(this.#roundsGoOn),
      this.adaptation.nextLookMs,
    );
  }

  /** Rounds are trained and closed. */
  get #hasCompany(): boolean {
    const { alive, server } = this.membership;
    const isEnough = server === null ? 1 + alive.size >= this.manifest.training.peersMin : alive.has(server);
    return this.#roundsGoOn && isEnough;
  }

  get #mayLease(): boolean {
    return !this.#paused && !this.#parting && this.#home?.role.kind === 'member' && this.#roundsGoOn;
  }

  /** Gives the trainer its next command at a round's boundary: the duty first, then training. */
  #work(): void {
    const { membership } = this;
    const { head } = membership;
    if (head === null || !membership.atBoundary || this.#outbox.inFlight('train', 'form-update', 'evaluate'))
      return;
    // While the run ends, nobody leads any more; before, a leader that evaluates would hold its group up.
    const isFree = !membership.leadsSoon || !this.#roundsGoOn;
    const mayEvaluate = this.#parting ? owesCheckpoint(this.debts) : isFree;
    if (this.duty.isDue(head.round) && mayEvaluate && this.duty.begin()) return;
    const home = this.#home;
    if (!this.#hasCompany || home === null) return;
    // [N3] What our node has to say waits for nobody's steps: while it is formed and sent, training goes on.
    if (home !== membership && membership.mayPublish(this.#parting))
      return void this.#outbox.train(this.#formUpdate(head));
    if (!home.atBoundary) return;
    const stepsDue = this.#parting ? 0 : home.stepsDue(this.adaptation.stepsOf(head.round, home.stretch));
    const batches = stepsDue > 0 ? this.#leases.plan(stepsDue) : [];
    if (batches.length > 0) this.#outbox.train({ kind: 'train', round: head.round, batches });
    else if (home === membership) {
      if (membership.mayPublish(this.#parting)) this.#outbox.train(this.#formUpdate(head));
    } else membership.node!.publish(this.#parting);
  }

  #formUpdate({ term, round }: Head): TrainerCommand {
    const { crews } = this.membership;
    const copyCount = crews.copiesFor(this.#peers.listening(term), round);
    const scheme = this.adaptation.schemeFor({ round, copyCount, withSlice: crews.isMixed });
    return { kind: 'form-update', round, scheme, withSlice: crews.isMixed };
  }

  /** How this volunteer stands in the run, for people. Pausing is the volunteer's own word. */
  word(): StateWord {
    return wordOf({
      state: this.#state,
      trouble: this.#outbox.isTrainerBusy ? this.#trouble : null,
      isPrepared: this.#prepared,
      membership: this.membership,
      hasDonors: this.#peers.donors().length > 0,
      peersMin: this.manifest.training.peersMin,
      isTraining: this.#outbox.inFlight('train'),
      canTrain: this.#leases.canTrain,
    });
  }
}
