/**
 * The mind of one volunteer: something happened, here is the time, what now?
 *
 * Mental model. `handle` takes one event and returns effects; every wait is a deadline that `nextDeadlineMs` names, so
 * that nothing waits for the dead. The mind is put together from small machines: the coordinator's link, the peers, and
 * the assignment to a run (with its membership, leases and pace). This file joins them and says how things stand. The
 * same code runs in a tab's worker and, ten thousand times over, in the simulator.
 *
 * It refuses to know GPUs, sockets, clocks and chance: hands, time and random come in from outside.
 */
import {
  taskOf,
  type Adapter,
  type CoordinatorMessage,
  type Head,
  type LinkPolicy,
  type Routes,
  type RunManifest,
  type TabTotals,
  type VolunteerId,
} from '@murmuration/protocol';
import { Assignment } from './assignment.ts';
import { isOver } from './assignment-word.ts';
import { CoordinatorLink } from './coordinator-link.ts';
import { Distances } from './distances.ts';
import { Outbox } from './outbox.ts';
import { Parting } from './parting.ts';
import { Peers } from './peers.ts';
import type { Effect, TrainerEvent, VolunteerEvent } from './ports.ts';
import { forPeople, type Measured } from './report.ts';
import { runTagOf } from './run-frames.ts';
import type { Line } from './scheme-choice.ts';
import type { PauseReason, StateWord, Tally, VolunteerSnapshot } from './view.ts';

/** Bytes that the hands counted since the volunteer began. */
export interface Traffic {
  readonly bytesSentPeers: number;
  readonly bytesReceivedPeers: number;
  readonly bytesSentState: number;
  readonly routes: Routes;
  readonly bytesSentCoordinator: number;
  readonly bytesReceivedCoordinator: number;
}

/** What the hands know of this tab's bytes. */
export interface TrafficAndLine extends Traffic {
  /** Towards peers. */
  readonly line: Line;
}

export interface VolunteerOptions {
  readonly adapter: Adapter;
  /** The person's word; the hands keep it, and the coordinator is told. */
  readonly links: LinkPolicy;
  /** What this browser says of its machine (SPEC N1); left out: nothing. */
  readonly node?: string;
  /** Uniform in [0, 1): jitter of reconnections. */
  readonly random: () => number;
  readonly traffic: () => TrafficAndLine;
  /** What the hands measured, for people who watch the run; null: not measured. */
  readonly measured?: () => Measured;
}

export class Volunteer {
  readonly #options: VolunteerOptions;
  readonly #outbox = new Outbox();
  readonly #coordinator = new CoordinatorLink();
  readonly #peers = new Peers();
  #distances = new Distances();
  readonly #tally: Tally = { localSteps: 0, samples: 0, rounds: 0, trainMs: 0, loss: null };
  #assignment: Assignment | null = null;
  /** The run that ended last, shown until there is another. */
  #past: VolunteerSnapshot['run'] = null;
  /** Samples that the coordinator confirmed in earlier runs. */
  #confirmedBefore = 0;
  #ended: { state: 'finished' | 'blocked'; detail: string } | null = null;
  #paused: { readonly reason: PauseReason; readonly untilMs: number | null } | null = null;
  /** Null: it stays. */
  #parting: Parting | null = null;
  /** A round was done or a state changed since the last report. */
  #news = false;
  #peersMax = 0;
  /** Messages of peers that never became a frame, and frames that earlier runs refused. */
  #refusedCount = 0;

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

  /** Whether the swarm has several groups, so that replicas of one round differ. */
  get isMixed(): boolean {
    return this.#assignment?.membership.crews.isMixed ?? false;
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
    return Math.min(
      this.#coordinator.retryAtMs ?? Infinity,
      this.#coordinator.nextReportMs(this.#news),
      this.#assignment?.nextDeadlineMs(this.#coordinator.up) ?? Infinity,
      this.#parting?.deadlineMs ?? Infinity,
    );
  }

  #take(event: VolunteerEvent, nowMs: number): void {
    const assignment = this.#assignment;
    switch (event.kind) {
      case 'coordinator-open': {
        const head = this.head;
        const standing =
          assignment === null || head === null ? null : { runId: assignment.manifest.id, head };
        this.#outbox.say(this.#coordinator.greet(this.#options, standing));
        return;
      }
      case 'coordinator-closed':
        this.#coordinator.closed(nowMs, this.#options.random);
        return;
      case 'coordinator-message':
        this.#takeMessage(event.message, nowMs);
        return;
      case 'peer-open':
        if (this.#peers.isOutcast(event.peer)) {
          this.#outbox.push({ kind: 'drop-link', peer: event.peer, reason: 'strikes' });
          return;
        }
        this.#peers.opened(event.peer);
        this.#peersMax = Math.max(this.#peersMax, this.#peers.openIds.length);
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
      case 'peer-unreachable':
        if (assignment !== null)
          this.#outbox.say({ type: 'no-route', runId: assignment.manifest.id, peer: event.peer });
        return;
      case 'links-measured': {
        this.#distances.measured(event.links, nowMs);
        // [N6] Nobody else is asked.
        const isTiered = assignment?.membership.node !== undefined && this.#coordinator.up;
        const word = isTiered ? this.#distances.take(nowMs) : null;
        if (word !== null) this.#outbox.say({ type: 'distances', runId: assignment!.manifest.id, ...word });
        return;
      }
      case 'peer-rejected':
        this.#refusedCount += 1;
        this.#outbox.count(event.rejection);
        return;
      case 'blob-fetched':
        assignment?.blobFetched(event.sha256, event.bytes);
        return;
      case 'blob-failed':
        this.#outbox.count('blob-failed');
        assignment?.blobFailed(event.sha256);
        return;
      case 'checkpoint-stored':
        assignment?.duty.checkpointStored(event.sha256);
        return;
      case 'checkpoint-failed':
        this.#outbox.count('checkpoint-failed');
        assignment?.duty.checkpointFailed();
        return;
      case 'wish':
        this.#takeWish(event);
        return;
      case 'device-awaited':
        assignment?.deviceAwaited(event.nextAtMs);
        this.#news = true;
        return;
      case 'tick':
        return;
      default:
        this.#takeTrainer(event, nowMs);
    }
  }

  #takeMessage(message: CoordinatorMessage, nowMs: number): void {
    switch (message.type) {
      case 'welcome':
        this.#coordinator.welcomed({ volunteerId: message.volunteerId, secret: message.secret });
        this.#assignment?.welcomed();
        this.#distances.reconnected();
        return;
      case 'assignment':
        this.#assign(message.run);
        return;
      case 'peer-left':
        this.#peers.suspect(message.volunteerId);
        this.#assignment?.membership.lost(message.volunteerId);
        return;
      case 'error':
        this.#outbox.count(`coordinator: ${message.code}`);
        return;
      default:
        if (message.type === 'progress') this.#coordinator.pace(message.reportEveryMs);
        if (this.#assignment?.manifest.id === message.runId) this.#assignment.take(message, nowMs);
    }
  }

  #takeTrainer(event: TrainerEvent, nowMs: number): void {
    const command = this.#outbox.answered(event.ticket);
    if (command === undefined || this.#assignment === null) return;
    const consequence = this.#assignment.takeTrainer(event, command, nowMs);
    if (consequence === 'news') this.#news = true;
    else if (consequence !== 'none') this.#end('blocked', consequence.unfit);
  }

  #takeWish(event: Extract<VolunteerEvent, { kind: 'wish' }>): void {
    if (event.wish === 'leave') return this.#leave();
    if (event.wish === 'part') {
      this.#parting = new Parting(event);
      this.#paused = null;
      this.#assignment?.part();
      // [K3] The coordinator is to know of it soon.
      if (this.#assignment?.membership.alive.size === 0) this.#coordinator.hurry();
      this.#news = true;
      return;
    }
    this.#paused = event.wish === 'pause' ? { reason: event.reason, untilMs: event.untilMs } : null;
    this.#assignment?.pause(this.#paused !== null);
    this.#news = true;
  }

  #assign(manifest: RunManifest | null): void {
    const former = this.#assignment;
    if (manifest?.id === former?.manifest.id) return;
    if (former !== null) {
      this.#past = isOver(former.state) ? this.#runView(former) : null;
      this.#refusedCount += former.membership.rejectedFrames;
      this.#confirmedBefore += former.progress?.confirmedSamples ?? 0;
      this.#outbox.push({ kind: 'hold-links', peers: [], viaCoordinator: [] });
    }
    this.#outbox.forgetTickets();
    this.#distances = new Distances();
    this.#assignment =
      manifest === null
        ? null
        : new Assignment({
            manifest,
            runTag: runTagOf(manifest.id),
            self: this.#coordinator.identity!.volunteerId,
            outbox: this.#outbox,
            peers: this.#peers,
            tally: this.#tally,
            paused: this.#paused !== null,
            line: () => this.#options.traffic().line,
          });
  }

  /** After every event: whatever has become possible or due. */
  #advance(nowMs: number): void {
    if (this.#coordinator.shouldConnect(nowMs)) this.#outbox.push({ kind: 'connect-coordinator' });
    this.#assignment?.advance(nowMs, this.#coordinator.up);
    if (this.#coordinator.reportDue(this.#news, nowMs)) this.#report();
    if (this.#parting !== null && this.#mayGo(this.#parting, nowMs)) this.#leave();
  }

  #mayGo(parting: Parting, nowMs: number): boolean {
    const { debts } = this.#assignment ?? {};
    if (debts === undefined || (debts.isHandedOver && !this.#coordinator.up)) return true;
    return parting.mayGo(debts, nowMs);
  }

  #report(): void {
    this.#news = false;
    if (this.#assignment === null) {
      this.#outbox.say({ type: 'heartbeat' });
      return;
    }
    const { state, detail } = this.#stateWord();
    this.#outbox.say({
      type: 'report',
      runId: this.#assignment.manifest.id,
      head: this.head,
      loss: this.#tally.loss,
      stepsPerSecond: this.#stepsPerSecond(),
      state: detail === '' ? state : `${state}(${detail})`,
      totals: this.#totals(),
      ...(this.#parting === null ? {} : { isParting: true }),
      ...forPeople(
        this.#options.measured?.() ?? { duty: null, rttMs: null, uplinkKbit: null },
        this.#assignment.adaptation.takeDecisions(),
      ),
    });
  }

  #leave(): void {
    this.#outbox.say({ type: 'leaving', reason: 'user' });
    this.#end('finished', 'left');
  }

  #end(state: 'finished' | 'blocked', detail: string): void {
    if (state === 'blocked') this.#outbox.say({ type: 'leaving', reason: `blocked(${detail})` });
    this.#assignment?.membership.sayBye();
    this.#ended = { state, detail };
    this.#outbox.push({ kind: 'stop', reason: detail });
  }

  // ---------------------------------------------------------------- how it stands

  #stepsPerSecond(): number {
    const { trainMs, localSteps } = this.#tally;
    return trainMs > 0 ? (1_000 * localSteps) / trainMs : 0;
  }

  #totals(): TabTotals {
    const { localSteps, samples, rounds, trainMs } = this.#tally;
    const { line: _, ...traffic } = this.#options.traffic();
    return {
      localSteps,
      samples,
      rounds,
      trainMs: Math.round(trainMs),
      ...traffic,
      rejectedFrames: this.#refusedCount + (this.#assignment?.membership.rejectedFrames ?? 0),
      peersNow: this.#peers.openIds.length,
      peersMax: this.#peersMax,
    };
  }

  #stateWord(): StateWord {
    if (this.#ended !== null) return { ...this.#ended, nextAtMs: null };
    if (this.#paused !== null)
      return { state: 'paused', detail: this.#paused.reason, nextAtMs: this.#paused.untilMs };
    if (this.#assignment !== null) return this.#assignment.word();
    if (this.#past !== null) return { state: 'finished', detail: this.#past.state, nextAtMs: null };
    return this.#coordinator.up
      ? { state: 'waiting', detail: 'no-work', nextAtMs: null }
      : { state: 'connecting', detail: 'coordinator', nextAtMs: this.#coordinator.retryAtMs };
  }

  #runView({ manifest, state, reason, progress }: Assignment): VolunteerSnapshot['run'] {
    return {
      id: manifest.id,
      name: manifest.name,
      state,
      reason,
      parameterCount: manifest.parameterCount,
      datasetName: manifest.dataset.name,
      task: taskOf(manifest).kind,
      volunteers: progress?.volunteers ?? 0,
      round: progress?.round ?? 0,
      roundsMax: manifest.training.roundsMax,
      loss: progress?.loss ?? null,
      accuracy: progress?.accuracy ?? null,
      targetAccuracy: progress?.targetAccuracy ?? null,
    };
  }

  /** Plain data for the page. */
  snapshot(): VolunteerSnapshot {
    const role = this.#assignment?.membership.role;
    return {
      ...this.#stateWord(),
      volunteerId: this.volunteerId,
      adapter: this.#options.adapter,
      totals: this.#totals(),
      confirmedSamples: this.#confirmedBefore + (this.#assignment?.progress?.confirmedSamples ?? 0),
      stepsPerSecond: this.#stepsPerSecond(),
      loss: this.#tally.loss,
      round: this.head?.round ?? null,
      fetched: role?.kind === 'joining' ? role.fetch.progress : null,
      coordinatorConnected: this.#coordinator.up,
      peers: this.#peers.openIds.map((id) => {
        const { hasReplica, round } = this.#peers.get(id)!;
        return { id, open: true, hasReplica, round: hasReplica ? round : null };
      }),
      run: this.#assignment === null ? this.#past : this.#runView(this.#assignment),
    };
  }
}
