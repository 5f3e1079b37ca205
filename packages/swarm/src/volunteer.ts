/**
 * The mind of one volunteer: something happened, here is the time, what now?
 *
 * Mental model. `handle` takes one event and returns effects; every wait is a deadline that `nextDeadlineMs` names, so
 * that nothing waits for the dead. The mind is put together from small machines: the coordinator's link, the peers, the
 * leases, the pace, and the membership in the run's group (roles and rounds). This file joins them: it takes events
 * apart, gives the trainer its work at a round's boundary and says how things stand. The same code runs in a tab's
 * worker and, ten thousand times over, in the simulator.
 *
 * It refuses to know GPUs, sockets, clocks and chance: hands, time and random come in from outside.
 */
import { encodedBytes, stateBytes } from '@murmuration/codec';
import {
  fnv1a32,
  frameLimits,
  type Adapter,
  type CoordinatorMessage,
  type CoordinatorMessageOf,
  type FrameLimits,
  type Head,
  type RunManifest,
  type RunState,
  type Sha256,
  type TabTotals,
  type VolunteerId,
} from '@murmuration/protocol';
import { CoordinatorLink } from './coordinator-link.ts';
import { LeaseBook } from './lease-book.ts';
import { Membership } from './membership.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import { Peers } from './peers.ts';
import type { Effect, TrainerCommand, TrainerEvent, VolunteerEvent } from './ports.ts';
import type { VolunteerSnapshot, VolunteerState } from './view.ts';

/** Bytes that the hands counted since the volunteer began. */
export interface Traffic {
  readonly bytesSentPeers: number;
  readonly bytesReceivedPeers: number;
  readonly bytesSentState: number;
  readonly bytesSentCoordinator: number;
  readonly bytesReceivedCoordinator: number;
}

export interface VolunteerOptions {
  readonly adapter: Adapter;
  /** Uniform in [0, 1): jitter of reconnections. */
  readonly random: () => number;
  readonly traffic: () => Traffic;
}

/** Limits of a run's peer frames, for the mesh. */
export function runFrameLimits(manifest: RunManifest): FrameLimits {
  const { parameterCount, training } = manifest;
  return frameLimits(encodedBytes(training.codec, parameterCount), stateBytes(parameterCount));
}
/** The tag of a run in peer frames. */
export const runTagOf = (runId: string): number => fnv1a32(runId);

/** The run that this volunteer is assigned to, and how far it is prepared for it. */
interface Assignment {
  readonly manifest: RunManifest;
  readonly membership: Membership;
  readonly leases: LeaseBook;
  readonly pace: Pace;
  state: RunState;
  reason: string;
  prepared: boolean;
  validation: 'none' | 'fetching' | 'ready';
  evaluate: { readonly generation: number; readonly roundMin: number } | null;
  evaluated: {
    readonly generation: number;
    readonly head: Head;
    readonly loss: number;
    readonly accuracy: number;
    readonly sampleCount: number;
  } | null;
  progress: CoordinatorMessageOf<'progress'> | null;
}

/** Errors of the trainer in one run before this device is considered unfit for it. */
const TRAINER_ERRORS_MAX = 3;
const TRAINING_STATES: readonly RunState[] = ['waiting', 'training', 'degraded'];
const isOver = (state: RunState) => state === 'finished' || state === 'failed';

export class Volunteer {
  readonly #options: VolunteerOptions;
  readonly #outbox = new Outbox();
  readonly #coordinator = new CoordinatorLink();
  readonly #peers = new Peers();
  #assignment: Assignment | null = null;
  #ended: { state: 'finished' | 'blocked'; detail: string } | null = null;
  /** The run that ended last, shown until there is another. */
  #past: VolunteerSnapshot['run'] = null;
  #paused = false;
  #recovering = false;
  #trainerErrors = 0;
  /** A round was done or a state changed since the last report. */
  #news = false;
  #totals = { localSteps: 0, samples: 0, rounds: 0, peersMax: 0, trainMs: 0 };
  #loss: number | null = null;
  /** Messages of peers that never became a frame. */
  #refusedBytes = 0;

  constructor(options: VolunteerOptions) {
    this.#options = options;
  }

  /** What was refused or failed so far, by reason. */
  get counts(): ReadonlyMap<string, number> {
    return this.#outbox.counts;
  }
  get volunteerId(): VolunteerId | null {
    return this.#coordinator.identity?.volunteerId ?? null;
  }
  /** Where our replica stands; null: we hold none. */
  get head(): Head | null {
    return this.#assignment?.membership.head ?? null;
  }

  /** Takes one event; returns what is to be done, in order. */
  handle(event: VolunteerEvent, nowMs: number): Effect[] {
    if (this.#ended !== null) return [];
    this.#take(event, nowMs);
    if (this.#ended === null) this.#advance(nowMs);
    return this.#outbox.take();
  }

  /** When `tick` is due, in the clock of `handle`'s `nowMs`; Infinity: only events matter. */
  nextDeadlineMs(): number {
    if (this.#ended !== null) return Infinity;
    const assignment = this.#assignment;
    const leasing = assignment !== null && this.#mayLease(assignment);
    return Math.min(
      this.#coordinator.retryAtMs ?? Infinity,
      this.#coordinator.nextReportMs(this.#news),
      leasing ? assignment.leases.nextRequestMs : Infinity,
      assignment?.prepared
        ? assignment.membership.nextDeadlineMs(TRAINING_STATES.includes(assignment.state))
        : Infinity,
    );
  }

  // ---------------------------------------------------------------- what happened

  #take(event: VolunteerEvent, nowMs: number): void {
    const assignment = this.#assignment;
    switch (event.kind) {
      case 'coordinator-open': {
        const head = this.head;
        const standing =
          assignment === null || head === null ? null : { runId: assignment.manifest.id, head };
        this.#outbox.say(this.#coordinator.greet(this.#options.adapter, standing));
        return;
      }
      case 'coordinator-closed':
        this.#coordinator.closed(nowMs, this.#options.random);
        return;
      case 'coordinator-message':
        this.#takeMessage(event.message, nowMs);
        return;
      case 'peer-open':
        this.#peers.opened(event.peer);
        this.#totals.peersMax = Math.max(this.#totals.peersMax, this.#peers.openIds.length);
        assignment?.membership.sayHello(event.peer);
        return;
      case 'peer-closed':
        this.#peers.closed(event.peer);
        assignment?.membership.lost(event.peer);
        return;
      case 'peer-frame':
        if (this.#peers.get(event.peer) !== undefined)
          assignment?.membership.takeFrame(event.peer, event.frame, nowMs);
        return;
      case 'peer-rejected':
        this.#refusedBytes += 1;
        this.#outbox.count(event.rejection);
        return;
      case 'blob-fetched':
        if (assignment !== null) this.#takeBlob(assignment, event.sha256, event.bytes);
        return;
      case 'blob-failed':
        this.#outbox.count('blob-failed');
        assignment?.leases.failed(event.sha256);
        assignment?.membership.checkpointFailed(event.sha256);
        if (event.sha256 === assignment?.manifest.dataset.validation.sha256) assignment.validation = 'none';
        return;
      case 'checkpoint-stored':
        if (assignment !== null) this.#checkpointStored(assignment, event.sha256);
        return;
      case 'checkpoint-failed':
        this.#outbox.count('checkpoint-failed');
        if (assignment !== null) assignment.evaluated = null;
        return;
      case 'wish':
        this.#takeWish(event.wish);
        return;
      case 'tick':
        return;
      default: {
        const command = this.#outbox.answered(event.ticket);
        if (command !== undefined && assignment !== null)
          this.#takeTrainer(assignment, event, command, nowMs);
      }
    }
  }

  #takeMessage(message: CoordinatorMessage, nowMs: number): void {
    switch (message.type) {
      case 'welcome':
        this.#coordinator.welcomed({ volunteerId: message.volunteerId, secret: message.secret });
        this.#assignment?.leases.reconnected();
        if (this.#assignment?.prepared)
          this.#outbox.say({ type: 'ready', runId: this.#assignment.manifest.id });
        return;
      case 'assignment':
        this.#assign(message.run);
        return;
      case 'peer-left':
        if (!this.#peers.closed(message.volunteerId)) return;
        this.#outbox.push({ kind: 'drop-link', peer: message.volunteerId, reason: 'closed' });
        this.#assignment?.membership.lost(message.volunteerId);
        return;
      case 'error':
        this.#outbox.count(`coordinator: ${message.code}`);
        return;
      default:
        if (this.#assignment?.manifest.id === message.runId)
          this.#takeRunMessage(this.#assignment, message, nowMs);
    }
  }

  #takeRunMessage(
    assignment: Assignment,
    message: Extract<CoordinatorMessage, { runId: string }>,
    nowMs: number,
  ): void {
    switch (message.type) {
      case 'run-state':
        assignment.state = message.state;
        assignment.reason = message.reason;
        return;
      case 'found':
        assignment.membership.found(message);
        return;
      case 'join':
        assignment.membership.joinTerm(message.term, nowMs);
        return;
      case 'introduce':
        this.#outbox.push({ kind: 'hold-links', peers: message.peers });
        return;
      case 'lease': {
        const sha256 = assignment.leases.grant(message, nowMs);
        const maxBytes = message.shard.byteLength;
        if (sha256 !== null) this.#outbox.push({ kind: 'fetch-blob', sha256, maxBytes });
        return;
      }
      case 'no-lease':
        assignment.leases.refuse(message.retryMs, nowMs);
        return;
      case 'lease-ack':
        assignment.leases.acknowledge(message.shardIndex, message.generation);
        return;
      case 'evaluate':
        assignment.evaluate = { generation: message.generation, roundMin: message.roundMin };
        return;
      case 'progress':
        assignment.progress = message;
        return;
      default:
        message satisfies never;
    }
  }

  #takeTrainer(assignment: Assignment, event: TrainerEvent, command: TrainerCommand, nowMs: number): void {
    const { membership } = assignment;
    switch (event.kind) {
      case 'prepared':
        assignment.prepared = true;
        this.#outbox.say({ type: 'ready', runId: assignment.manifest.id });
        return;
      case 'state-loaded':
        membership.stateLoaded(event, nowMs);
        this.#news = true;
        return;
      case 'done':
        if (command.kind === 'add-validation') assignment.validation = 'ready';
        return;
      case 'trained':
        this.#recovering = false;
        this.#totals.localSteps += event.stepCount;
        this.#totals.samples += event.sampleCount;
        this.#totals.trainMs += Math.round(event.trainMs);
        this.#loss = event.loss;
        assignment.leases.trained(event.stepCount);
        membership.trained(event, nowMs);
        return;
      case 'committed': {
        const updates = membership.committed(event, nowMs);
        if (updates === null) return;
        assignment.pace.learn(updates, this.#coordinator.identity!.volunteerId);
        assignment.leases.settle();
        this.#totals.rounds += 1;
        this.#news = true;
        return;
      }
      case 'captured':
        membership.captured(event);
        return;
      case 'evaluated': {
        const duty = assignment.evaluate;
        const head = membership.head;
        if (duty === null || head === null) return;
        assignment.evaluate = null;
        assignment.evaluated = {
          generation: duty.generation,
          head: { term: head.term, round: event.round, fingerprint: event.anchor },
          loss: event.loss,
          accuracy: event.accuracy,
          sampleCount: event.sampleCount,
        };
        const { id } = assignment.manifest;
        this.#outbox.push({ kind: 'store-checkpoint', runId: id, parameters: event.parameters });
        return;
      }
      case 'trainer-failed':
        this.#trainerFailed(assignment, event, command, nowMs);
        return;
      default:
        event satisfies never;
    }
  }

  #trainerFailed(
    assignment: Assignment,
    event: Extract<TrainerEvent, { kind: 'trainer-failed' }>,
    command: TrainerCommand,
    nowMs: number,
  ): void {
    this.#outbox.count(`trainer: ${event.failure}`);
    switch (event.failure) {
      case 'self-test':
      case 'no-adapter':
      case 'too-small':
        this.#end('blocked', event.failure);
        return;
      case 'error':
        this.#trainerErrors += 1;
        if (this.#trainerErrors > TRAINER_ERRORS_MAX) this.#end('blocked', 'error');
        else this.#tryAgain(assignment, command, nowMs);
        return;
      case 'device-lost':
        this.#recovering = true;
        this.#tryAgain(assignment, command, nowMs);
        return;
      case 'not-finite':
        this.#loss = null;
        if (command.kind === 'train') assignment.membership.diverged();
        else assignment.membership.join(null, nowMs);
        return;
      default:
        event.failure satisfies never;
    }
  }

  /** The trainer stands at its anchor again. What only it can do is asked again; a replica in doubt is fetched anew. */
  #tryAgain(assignment: Assignment, command: TrainerCommand, nowMs: number): void {
    switch (command.kind) {
      case 'prepare':
      case 'add-shard':
      case 'drop-shard':
      case 'add-validation':
      case 'commit':
        this.#outbox.train(command);
        return;
      case 'load-checkpoint':
      case 'load-state':
        assignment.membership.join(null, nowMs);
        return;
      case 'train':
      case 'evaluate':
      case 'capture':
        // Asked again by `#advance` as long as there is need for it.
        return;
      default:
        command satisfies never;
    }
  }

  #takeBlob(assignment: Assignment, sha256: Sha256, bytes: Uint8Array): void {
    if (assignment.membership.checkpointFetched(sha256, bytes)) return;
    if (sha256 === assignment.manifest.dataset.validation.sha256) {
      this.#outbox.train({ kind: 'add-validation', bytes });
      return;
    }
    const fetched = assignment.leases.fetched(sha256);
    if (fetched === null) return;
    this.#outbox.train({ kind: 'add-shard', shardIndex: fetched.shardIndex, bytes });
    for (const shardIndex of fetched.drop) this.#outbox.train({ kind: 'drop-shard', shardIndex });
  }

  #checkpointStored(assignment: Assignment, checkpointSha256: Sha256): void {
    const { evaluated, manifest } = assignment;
    assignment.evaluated = null;
    if (evaluated === null) return;
    const loss = Number.isFinite(evaluated.loss) ? evaluated.loss : null;
    this.#outbox.say({ type: 'evaluation', runId: manifest.id, ...evaluated, checkpointSha256, loss });
  }

  #takeWish(wish: 'pause' | 'resume' | 'leave'): void {
    if (wish === 'leave') {
      this.#outbox.say({ type: 'leaving', reason: 'user' });
      this.#end('finished', 'left');
      return;
    }
    this.#paused = wish === 'pause';
    this.#assignment?.membership.pause(this.#paused);
    if (this.#paused && this.#outbox.inFlight('train')) this.#outbox.push({ kind: 'interrupt-training' });
    this.#news = true;
  }

  #assign(manifest: RunManifest | null): void {
    if (manifest?.id === this.#assignment?.manifest.id) return;
    if (this.#assignment !== null) this.#outbox.push({ kind: 'hold-links', peers: [] });
    this.#past = this.#assignment !== null && isOver(this.#assignment.state) ? this.snapshot().run : null;
    this.#outbox.forgetTickets();
    this.#assignment = null;
    this.#trainerErrors = 0;
    if (manifest === null) return;
    this.#assignment = {
      manifest,
      membership: new Membership({
        manifest,
        runTag: runTagOf(manifest.id),
        self: this.#coordinator.identity!.volunteerId,
        peers: this.#peers,
        outbox: this.#outbox,
        paused: this.#paused,
      }),
      leases: new LeaseBook(manifest.training.batchSize),
      pace: new Pace(manifest.training.localSteps),
      state: 'waiting',
      reason: '',
      prepared: false,
      validation: 'none',
      evaluate: null,
      evaluated: null,
      progress: null,
    };
    this.#outbox.train({ kind: 'prepare', manifest });
  }

  // ---------------------------------------------------------------- what now

  /** After every event: whatever has become possible or due. */
  #advance(nowMs: number): void {
    if (this.#coordinator.shouldConnect(nowMs)) this.#outbox.push({ kind: 'connect-coordinator' });
    const assignment = this.#assignment;
    if (assignment?.prepared) {
      const roundsGoOn = TRAINING_STATES.includes(assignment.state);
      assignment.membership.advance(nowMs, { coordinatorUp: this.#coordinator.up, roundsGoOn });
      this.#work(assignment);
      if (this.#coordinator.up) this.#settleLeases(assignment, nowMs);
    }
    if (this.#coordinator.reportDue(this.#news, nowMs)) this.#report();
  }

  /** Gives the trainer its next command at a round's boundary. */
  #work(assignment: Assignment): void {
    const { membership, leases, pace, evaluate } = assignment;
    const head = membership.head;
    if (head === null || !membership.atBoundary || this.#outbox.inFlight('train', 'evaluate')) return;
    if (evaluate !== null && head.round >= evaluate.roundMin) {
      if (assignment.validation === 'none') this.#fetchValidation(assignment);
      if (assignment.validation === 'ready') {
        this.#outbox.train({ kind: 'evaluate' });
        return;
      }
    }
    if (!membership.mayTrain || !TRAINING_STATES.includes(assignment.state)) return;
    if (1 + membership.alive.size < assignment.manifest.training.peersMin) return;
    const batches = leases.plan(pace.localSteps);
    if (batches.length > 0) this.#outbox.train({ kind: 'train', round: head.round, batches });
  }

  #fetchValidation(assignment: Assignment): void {
    const { sha256, byteLength } = assignment.manifest.dataset.validation;
    assignment.validation = 'fetching';
    this.#outbox.push({ kind: 'fetch-blob', sha256, maxBytes: byteLength });
  }

  #mayLease(assignment: Assignment): boolean {
    return (
      this.#coordinator.up &&
      !this.#paused &&
      assignment.membership.role.kind === 'member' &&
      TRAINING_STATES.includes(assignment.state)
    );
  }

  #settleLeases(assignment: Assignment, nowMs: number): void {
    const runId = assignment.manifest.id;
    for (const result of assignment.leases.dueResults(nowMs))
      this.#outbox.say({ type: 'lease-result', runId, ...result });
    if (this.#mayLease(assignment) && assignment.leases.wantsLease(nowMs))
      this.#outbox.say({ type: 'lease-request', runId, held: assignment.leases.heldCount });
  }

  #report(): void {
    this.#news = false;
    const assignment = this.#assignment;
    if (assignment === null) {
      this.#outbox.say({ type: 'heartbeat' });
      return;
    }
    const { state, detail } = this.#stateWord();
    this.#outbox.say({
      type: 'report',
      runId: assignment.manifest.id,
      head: this.head,
      loss: this.#loss !== null && Number.isFinite(this.#loss) ? this.#loss : null,
      stepsPerSecond: this.#stepsPerSecond(),
      state: detail === '' ? state : `${state}(${detail})`,
      totals: this.#allTotals(),
    });
  }

  #end(state: 'finished' | 'blocked', detail: string): void {
    if (state === 'blocked') this.#outbox.say({ type: 'leaving', reason: `blocked(${detail})` });
    this.#assignment?.membership.sayBye();
    this.#ended = { state, detail };
    this.#outbox.push({ kind: 'stop', reason: detail });
  }

  // ---------------------------------------------------------------- how it stands

  #stepsPerSecond(): number {
    return this.#totals.trainMs > 0 ? (1_000 * this.#totals.localSteps) / this.#totals.trainMs : 0;
  }

  #allTotals(): TabTotals {
    let rejectedFrames = 0;
    for (const [, count] of this.#outbox.counts) rejectedFrames += count;
    return {
      ...this.#totals,
      ...this.#options.traffic(),
      rejectedFrames,
      peersNow: this.#peers.openIds.length,
    };
  }

  #stateWord(): { state: VolunteerState; detail: string; nextAtMs: number | null } {
    const at = (state: VolunteerState, detail = '', nextAtMs: number | null = null) => ({
      state,
      detail,
      nextAtMs,
    });
    const assignment = this.#assignment;
    if (this.#ended !== null) return at(this.#ended.state, this.#ended.detail);
    if (this.#paused) return at('paused', 'user');
    if (this.#recovering) return at('recovering', 'device-lost');
    const { retryAtMs } = this.#coordinator;
    if (assignment === null)
      return this.#coordinator.up ? at('waiting', 'no-work') : at('connecting', 'coordinator', retryAtMs);
    if (assignment.state === 'finished' || assignment.state === 'failed')
      return at('finished', assignment.state);
    if (!assignment.prepared) return at('warming-up');
    if (assignment.state === 'paused') return at('waiting', 'run-paused');
    const { role, alive, atBoundary, mayTrain } = assignment.membership;
    switch (role.kind) {
      case 'none':
        return at('connecting', 'coordinator', retryAtMs);
      case 'founding':
        return at('loading', 'model');
      case 'joining':
        if (this.#peers.donors().length > 0) return at('loading', 'model');
        return at('connecting', 'peers', role.fetch.nextDeadlineMs);
      case 'member': {
        const { peersMin } = assignment.manifest.training;
        const group = 1 + alive.size;
        if (group < peersMin) return at('waiting', `need-peers ${group}/${peersMin}`);
        if (this.#outbox.inFlight('train')) return at('training');
        if (!atBoundary || !mayTrain) return at('syncing');
        return assignment.leases.canTrain ? at('training') : at('waiting', 'no-work');
      }
      default:
        return role satisfies never;
    }
  }

  /** Plain data for the page. */
  snapshot(): VolunteerSnapshot {
    const assignment = this.#assignment;
    const progress = assignment?.progress ?? null;
    return {
      ...this.#stateWord(),
      volunteerId: this.volunteerId,
      adapter: this.#options.adapter,
      totals: this.#allTotals(),
      confirmedSamples: progress?.confirmedSamples ?? 0,
      stepsPerSecond: this.#stepsPerSecond(),
      loss: this.#loss,
      round: this.head?.round ?? null,
      coordinatorConnected: this.#coordinator.up,
      peers: this.#peers.openIds.map((id) => {
        const { hasReplica, round } = this.#peers.get(id)!;
        return { id, open: true, hasReplica, round: hasReplica ? round : null };
      }),
      run:
        assignment === null
          ? this.#past
          : {
              id: assignment.manifest.id,
              name: assignment.manifest.name,
              state: assignment.state,
              reason: assignment.reason,
              parameterCount: assignment.manifest.parameterCount,
              datasetName: assignment.manifest.dataset.name,
              volunteers: progress?.volunteers ?? 0,
              round: progress?.round ?? 0,
              roundsMax: assignment.manifest.training.roundsMax,
              loss: progress?.loss ?? null,
              accuracy: progress?.accuracy ?? null,
              targetAccuracy: progress?.targetAccuracy ?? null,
            },
    };
  }
}
