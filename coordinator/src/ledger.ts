/**
 * One run's ledger: shards and leases, volunteers, founding, evaluation, the state of the run. A pure machine:
 * something happened (`LedgerEvent`), here is the time; what was decided (`LedgerDecision`)? It knows no socket, clock,
 * disk or chance, so the simulator runs this very code.
 *
 * A decision is records, which its owner makes durable first, and messages, which go out only then: what a volunteer
 * was told survives any crash (I-4). Deadlines are looked at on `tick`; call it about once a second.
 * It refuses to know tensors: heads are fingerprints, checkpoints are hashes.
 */
import { LIMITS } from '@murmuration/protocol';
import type {
  Adapter,
  CoordinatorMessage,
  Head,
  LinkPolicy,
  RunOrderName,
  Sha256,
  VolunteerId,
  VolunteerMessage,
  VolunteerMessageOf,
} from '@murmuration/protocol';
import { expireDuty, hasDuty, settleEvaluation, takeEvaluation, tellDuty } from './evaluation.ts';
import { Founding } from './founding.ts';
import { answerLeaseRequest, expireLeases, lendToWaiting, releaseLeases, takeResult } from './leases.ts';
import { CurveWindow, Fingerprints } from './ledger-curves.ts';
import { Desk, type Rejection } from './ledger-desk.ts';
import type { Exit, LedgerRecord, RunSetup } from './ledger-records.ts';
import { isOver, NO_TOTALS, type LedgerState } from './ledger-state.ts';
import { takeWords, type Presence } from './presence.ts';
import type { PairRoute } from './route-book.ts';
import type { ServerEvent } from './server-seat.ts';
import { totalsEveryMs } from './talk.ts';

export { EVALUATION_MAX_MS, FINISHING_MAX_MS } from './evaluation.ts';
export { FOUNDING_MAX_MS, HOLDER_GRACE_MS, STALL_MAX_MS } from './founding.ts';
export { LEASES_PER_VOLUNTEER_MAX } from './leases.ts';
export type { Exit, LedgerRecord, RunSetup } from './ledger-records.ts';
export { isOver, latestCheckpoint, servedCheckpoint, type LedgerState } from './ledger-state.ts';
export type { LedgerSnapshot } from './ledger-snapshot.ts';
export { recordsBeforeSnapshot, snapshotOf, SNAPSHOT_VERSION, stateOfSnapshot } from './ledger-snapshot.ts';
export { eventsAfter, metricPoints, pointsAfter, runView, volunteerViews } from './ledger-views.ts';

/** After a restart, volunteers that were there have this long to come back; they try at least every 10 s. */
export const RECONNECT_WINDOW_MS = 12_000;
const NO_TIERS = { code: 'no-tiers', message: 'distances: this run has no tiers' };
const PROGRESS_EVERY_MS = 1_000;
/** The final report of a tab may come this long after its run ended. */
const LAST_WORD_MS = 15_000;
/** Losses beyond this are broken arithmetic, not training; they stay out of the curve. */
const LOSS_MAX = 1e6;

export type RunMessage = Exclude<VolunteerMessage, { type: 'hello' | 'heartbeat' | 'leaving' }>;
export type RunOrder = RunOrderName;

export type LedgerEvent =
  /** The coordinator's process started and folded this ledger. Once, before anything else. */
  | { readonly kind: 'restarted' }
  /** A volunteer was assigned to this run. `head`: the replica that it says it holds. */
  | {
      readonly kind: 'joined';
      readonly volunteerId: VolunteerId;
      readonly adapter: Adapter;
      /** With whom it links, as far as this coordinator can offer that. */
      readonly links: LinkPolicy;
      readonly node?: VolunteerId | null;
      readonly head: Head | null;
    }
  | { readonly kind: 'left'; readonly volunteerId: VolunteerId; readonly exit: Exit }
  | { readonly kind: 'said'; readonly volunteerId: VolunteerId; readonly message: RunMessage }
  /** It lives; nothing else. */
  | { readonly kind: 'heard'; readonly volunteerId: VolunteerId }
  /** The parameters of the evaluation's replica are on disk (`maySendCheckpoint` was true). */
  | { readonly kind: 'checkpoint-stored'; readonly volunteerId: VolunteerId; readonly sha256: Sha256 }
  | { readonly kind: 'checkpoint-lost'; readonly sha256: Sha256 }
  /** Nothing is left to go on from. */
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'ordered'; readonly order: RunOrder }
  | ServerEvent
  | { readonly kind: 'tick' };

export interface LedgerDecision {
  /** Write these first, all or none. */
  readonly records: readonly LedgerRecord[];
  /** Then send these, in this order. */
  readonly messages: readonly { readonly to: VolunteerId; readonly message: CoordinatorMessage }[];
  /** No longer in this run: the silent ones are to be disconnected, the others are free for another run. */
  readonly freed: readonly { readonly volunteerId: VolunteerId; readonly exit: Exit }[];
  /** The event was nonsense or not allowed now; nothing changed. */
  readonly rejected: { readonly code: string; readonly message: string } | null;
}

export class RunLedger {
  readonly decisions: Desk['decisions'];
  readonly #desk: Desk;
  readonly #founding: Founding;
  readonly #fingerprints = new Fingerprints();
  readonly #curve = new CurveWindow();
  #finishingSinceMs = 0;
  #progressAtMs = 0;

  /**
   * @param records everything that was written down before, in order
   * @param folded what the records before those come to, which is this ledger's from now on; null: those are all
   */
  constructor(setup: RunSetup, records: readonly LedgerRecord[] = [], folded: LedgerState | null = null) {
    this.#desk = new Desk(setup, records, folded);
    this.#founding = new Founding(this.#desk);
    this.decisions = this.#desk.decisions;
  }

  get state(): Readonly<LedgerState> {
    return this.#desk.state;
  }
  get present(): ReadonlyMap<VolunteerId, Readonly<Presence>> {
    return this.#desk.attendance.present;
  }
  /** How these two may reach each other; null: they were not introduced. */
  routeOf(a: VolunteerId, b: VolunteerId): PairRoute | null {
    const { introductions, state } = this.#desk;
    return introductions.routeOf(a, b, state.setup.manifest.training.architecture === 'hybrid');
  }
  mayStoreCheckpoint(volunteerId: VolunteerId): boolean {
    return hasDuty(this.#desk, volunteerId);
  }

  /** @param nowMs the coordinator's clock */
  handle(event: LedgerEvent, nowMs: number): LedgerDecision {
    const desk = this.#desk;
    desk.begin(nowMs);
    const rejected = this.#take(event);
    if (rejected === null) this.#settle();
    return { records: desk.records, messages: desk.messages, freed: desk.freed, rejected };
  }

  #take(event: LedgerEvent): Rejection {
    const desk = this.#desk;
    switch (event.kind) {
      case 'restarted':
        this.#restart();
        return null;
      case 'joined':
        return this.#join(event);
      case 'left':
        this.#leave(event.volunteerId, event.exit);
        return null;
      case 'heard': {
        const presence = desk.attendance.present.get(event.volunteerId);
        if (presence !== undefined) presence.heardAtMs = desk.nowMs;
        return null;
      }
      case 'said':
        return this.#hear(event.volunteerId, event.message);
      case 'checkpoint-stored':
        if (!hasDuty(desk, event.volunteerId))
          return { code: 'no-duty', message: 'this volunteer was not asked to evaluate' };
        desk.write({ kind: 'checkpoint-stored', sha256: event.sha256 });
        return null;
      case 'checkpoint-lost':
        desk.write({ kind: 'checkpoint-lost', sha256: event.sha256 });
        return null;
      case 'unusable':
        desk.end('failed', event.reason);
        return null;
      case 'ordered':
        return this.#order(event.order);
      case 'server-decided':
        desk.decided(null, event.decisions);
        return null;
      case 'server-came':
      case 'server-gone':
      case 'server-stands':
      case 'server-stranded':
        return this.#founding.takeServer(event);
      case 'tick':
        this.#tick();
        return null;
      default:
        return event satisfies never;
    }
  }

  #restart(): void {
    const desk = this.#desk;
    if (isOver(desk.state.state)) return;
    desk.expectAll();
    desk.awaitUntilMs = desk.nowMs + RECONNECT_WINDOW_MS;
    this.#finishingSinceMs = desk.nowMs;
    this.#founding.roundMoved();
    desk.write({ kind: 'restarted' });
  }

  #join({ volunteerId, adapter, links, node = null, head }: LedgerEvent & { kind: 'joined' }): Rejection {
    const desk = this.#desk;
    if (isOver(desk.state.state)) return { code: 'run-over', message: `the run is ${desk.state.state}` };
    desk.write({ kind: 'joined', volunteerId, adapter, links, ...(node === null ? {} : { node }) });
    desk.seat(volunteerId, links);
    const presence = desk.enter(volunteerId, desk.state.volunteers.get(volunteerId)?.totals ?? NO_TOTALS);
    if (head !== null) {
      desk.attendance.becomeReady(volunteerId);
      this.#standAt(volunteerId, presence, head);
    }
    if (hasDuty(desk, volunteerId) && desk.attendance.isHolder(presence)) tellDuty(desk);
    return null;
  }

  #leave(volunteerId: VolunteerId, exit: Exit): void {
    const desk = this.#desk;
    const presence = desk.attendance.present.get(volunteerId);
    const heldReplica = presence !== undefined && desk.attendance.isHolder(presence);
    if (!desk.attendance.leave(volunteerId)) return;
    const totals = presence?.totals ?? desk.state.volunteers.get(volunteerId)?.totals ?? NO_TOTALS;
    desk.write({ kind: 'left', volunteerId, exit, totals });
    releaseLeases(desk, volunteerId);
    for (const { id } of desk.attendance.inOrder(desk.introductions.introducedTo(volunteerId)))
      desk.tell(id, { type: 'peer-left', volunteerId });
    desk.server?.tell({ type: 'peer-left', volunteerId });
    desk.introductions.left(volunteerId);
    this.#curve.forget(volunteerId);
    this.#founding.left(volunteerId, heldReplica, exit === 'leaving');
  }

  #hear(volunteerId: VolunteerId, message: RunMessage): Rejection {
    const desk = this.#desk;
    const presence = desk.attendance.present.get(volunteerId);
    if (presence === undefined) return this.#hearFormerVolunteer(volunteerId, message);
    presence.heardAtMs = desk.nowMs;
    switch (message.type) {
      case 'ready':
        this.#desk.attendance.becomeReady(volunteerId);
        return null;
      case 'lease-request':
        answerLeaseRequest(desk, volunteerId, presence, message.held);
        return null;
      case 'lease-result':
        return takeResult(desk, volunteerId, message);
      case 'report':
        return this.#report(volunteerId, presence, message);
      case 'evaluation':
        return takeEvaluation(desk, volunteerId, message);
      case 'no-route':
        desk.introductions.noPath(volunteerId, message.peer);
        return null;
      case 'distances':
        return desk.introductions.distances(volunteerId, message) ? null : NO_TIERS;
      case 'stranded':
        desk.introductions.forget(volunteerId);
        this.#founding.stranded(volunteerId, presence);
        return null;
      default:
        return message satisfies never;
    }
  }

  /** A run that is over, or a volunteer that went on to another run: late words are answered and change nothing. */
  #hearFormerVolunteer(volunteerId: VolunteerId, message: RunMessage): Rejection {
    const former = this.#desk.state.volunteers.get(volunteerId);
    if (former === undefined)
      return { code: 'not-in-run', message: 'this volunteer does not take part in the run' };
    if (message.type === 'lease-result') return takeResult(this.#desk, volunteerId, message);
    const isLastWord = former.leftAtMs !== null && this.#desk.nowMs < former.leftAtMs + LAST_WORD_MS;
    if (message.type === 'report' && isLastWord && message.totals.localSteps >= former.totals.localSteps)
      this.#desk.write({ kind: 'totals', volunteerId, totals: message.totals });
    return null;
  }

  #report(volunteerId: VolunteerId, presence: Presence, message: VolunteerMessageOf<'report'>): Rejection {
    const desk = this.#desk;
    const { head, loss, totals } = message;
    if (head !== null && head.term > desk.state.term)
      return { code: 'unknown-term', message: `head.term: the run is in term ${desk.state.term}` };
    takeWords(presence, message, desk.nowMs);
    desk.decided(volunteerId, message.decisions ?? []);
    // A tab that lost its memory counts from zero again; it must not take back what it did.
    if (totals.localSteps >= presence.totals.localSteps) presence.totals = totals;
    if (desk.nowMs >= presence.totalsWrittenAtMs + totalsEveryMs(desk.attendance.present.size)) {
      presence.totalsWrittenAtMs = desk.nowMs;
      desk.write({ kind: 'totals', volunteerId, totals: presence.totals });
    }
    if (head === null) {
      desk.attendance.stand(volunteerId, null);
      return null;
    }
    desk.attendance.becomeReady(volunteerId);
    if (message.isParting === true) desk.attendance.parts(volunteerId);
    presence.loss = loss !== null && loss >= 0 && loss <= LOSS_MAX ? loss : null;
    this.#standAt(volunteerId, presence, head);
    if (desk.attendance.isHolder(presence) && presence.loss !== null)
      this.#curve.add(volunteerId, head.round, presence.loss, desk.nowMs);
    return null;
  }

  /** A volunteer says where its replica stands. One of an older term is of no use, one of a later is a lie. */
  #standAt(volunteerId: VolunteerId, presence: Presence, head: Head): void {
    const desk = this.#desk;
    if (head.term > desk.state.term) return;
    desk.attendance.stand(volunteerId, head);
    if (!desk.attendance.isHolder(presence)) return;
    this.#founding.stands(volunteerId, presence);
    if (head.round > desk.roundMax) {
      desk.roundMax = head.round;
      this.#founding.roundMoved();
    }
    // Crews of several planes have anchors of their own (SPEC R13).
    if (desk.introductions.planeCount === 1 && this.#fingerprints.differs(volunteerId, head))
      desk.write({ kind: 'diverged', volunteerId, term: head.term, round: head.round });
  }

  #order(order: RunOrder): Rejection {
    const desk = this.#desk;
    const { state } = desk.state;
    const illegal = { code: 'illegal-state', message: `the run is ${state}; it cannot ${order}` };
    switch (order) {
      case 'pause':
        if (isOver(state) || state === 'paused' || state === 'finishing') return illegal;
        desk.become('paused', 'paused by the researcher');
        return null;
      case 'resume':
        if (state !== 'paused') return illegal;
        desk.become('waiting', 'resumed by the researcher');
        return null;
      case 'finish':
        if (isOver(state) || state === 'finishing') return illegal;
        this.#finishSoon('ended by the researcher');
        return null;
      case 'stop':
        if (isOver(state)) return illegal;
        desk.end('finished', 'stopped by the researcher');
        return null;
      default:
        return order satisfies never;
    }
  }

  #tick(): void {
    const desk = this.#desk;
    if (isOver(desk.state.state)) return;
    expireLeases(desk);
    desk.settleNodes();
    for (const [volunteerId, presence] of [...desk.attendance.present])
      if (desk.nowMs >= presence.heardAtMs + LIMITS.volunteerSilenceMaxMs) {
        this.#leave(volunteerId, 'silent');
        desk.freed.push({ volunteerId, exit: 'silent' });
      }
    if (!desk.isExpectingReturns()) for (const id of [...desk.attendance.awaited]) this.#leave(id, 'silent');
    this.#founding.tick();
    expireDuty(desk);
    if (desk.nowMs < this.#progressAtMs + PROGRESS_EVERY_MS) return;
    this.#progressAtMs = desk.nowMs;
    desk.tellProgressInTurn();
  }

  /** What follows from how things stand, whatever just happened. */
  #settle(): void {
    const desk = this.#desk;
    if (isOver(desk.state.state)) return;
    const point = this.#curve.due(desk.nowMs, desk.state.round);
    if (point !== null) desk.write({ kind: 'point', ...point, volunteers: desk.activeCount() });
    this.#settleState();
    const isPaused = desk.state.state === 'paused';
    if (!isPaused && this.#founding.settle()) {
      this.#fingerprints.clear();
      this.#curve.clear();
    }
    // Who leaves does not wait for the end of a pause.
    if (!isPaused || desk.attendance.isLastParting)
      settleEvaluation(desk, {
        finishingSinceMs: this.#finishingSinceMs,
        mayReturn: this.#founding.isWaiting(),
      });
    if (isOver(desk.state.state)) return;
    const { state } = desk.state;
    if (state !== 'paused' && state !== 'finishing') lendToWaiting(desk);
    desk.tellIntroductions();
    desk.tellStates();
  }

  #settleState(): void {
    const desk = this.#desk;
    const { state, setup, trainingStartedAtMs } = desk.state;
    if (state === 'paused' || state === 'finishing') return;
    const { peersMin, roundsMax } = setup.manifest.training;
    if (desk.roundMax >= roundsMax) return this.#finishSoon(`all ${roundsMax} rounds are done`);
    const active = desk.activeCount();
    if (active >= peersMin) return desk.become('training', '');
    if (active === 0)
      return desk.become(
        'waiting',
        desk.attendance.present.size === 0 ? 'no volunteer is connected' : 'volunteers are getting ready',
      );
    desk.become(
      trainingStartedAtMs === null ? 'waiting' : 'degraded',
      `needs ${peersMin} volunteers, has ${active}`,
    );
  }

  #finishSoon(reason: string): void {
    this.#finishingSinceMs = this.#desk.nowMs;
    this.#desk.become('finishing', reason);
  }
}
