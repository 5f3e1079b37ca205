/**
 * Where the parts of one ledger work together: the durable state, who is present, the time of the event at hand, and
 * the decision that is being made of it. Leases, founding and evaluation each decide their own matter on it.
 */
import {
  groupOf,
  LIMITS,
  serverOf,
  tiersOf,
  type CoordinatorMessage,
  type Decision,
  type LinkPolicy,
  type RunState,
  type TabTotals,
  type VolunteerId,
} from '@murmuration/protocol';
import { Attendance } from './attendance.ts';
import { DecisionBook } from './decision-book.ts';
import { Introductions } from './introductions.ts';
import type { Exit, LedgerRecord, RunSetup } from './ledger-records.ts';
import { applyRecord, initialState } from './ledger-state.ts';
import type { LedgerState } from './ledger-state.ts';
import { latestCheckpoint } from './ledger-state.ts';
import { LeaseIndex } from './lease-index.ts';
import { LeaseLine } from './lease-line.ts';
import type { Presence } from './presence.ts';
import { ServerSeat } from './server-seat.ts';
import { reportEveryMs } from './talk.ts';

const PROGRESS_TURN_MS = 1_000;
/** The mean loss moves between two rounds too; nobody needs to see that more often. */
const NEWS_MAX_MS = 5_000;

/** Who is silent for two heartbeats may be gone: it keeps nobody out of its node, and nobody in. */
const UNHEARD_MAX_MS = 2 * LIMITS.heartbeatMs;

/** The event was nonsense, or not allowed now. */
export type Rejection = { readonly code: string; readonly message: string } | null;

type RecordBody = LedgerRecord extends infer R ? (R extends LedgerRecord ? Omit<R, 'atMs'> : never) : never;

export class Desk {
  readonly state: LedgerState;
  readonly attendance = new Attendance();
  readonly leases: LeaseIndex;
  readonly line = new LeaseLine();
  readonly decisions = new DecisionBook();
  /** Of a central run; null: the tabs average among themselves. */
  readonly server: ServerSeat | null;
  /** Until then those that were here before a restart are expected back. */
  awaitUntilMs = 0;
  readonly introductions: Introductions;
  /** The furthest round of the term that a replica reported. */
  roundMax: number;
  nowMs = 0;
  #progressTurn = 0;
  /** Mean over the tabs, as it was when the run was told last. */
  #loss: number | null = null;
  #newsTold = '';
  #newsToldAtMs = 0;
  /** The state that was told last, and who came since. */
  #stateTold = '';
  readonly #newcomers = new Set<VolunteerId>();
  records: LedgerRecord[] = [];
  messages: { to: VolunteerId; message: CoordinatorMessage }[] = [];
  freed: { volunteerId: VolunteerId; exit: Exit }[] = [];

  constructor(setup: RunSetup, records: readonly LedgerRecord[], folded: LedgerState | null) {
    this.state = folded ?? initialState(setup);
    const server = serverOf(setup.manifest);
    this.server = server === null ? null : new ServerSeat(server, (to, message) => this.tell(to, message));
    const { training } = setup.manifest;
    const isTiered = tiersOf(training) !== null;
    this.introductions = new Introductions(setup.manifest.seed, server, groupOf(training), isTiered);
    for (const record of records) applyRecord(this.state, record);
    this.leases = new LeaseIndex(this.state);
    this.roundMax = this.state.round;
    this.#judge();
  }

  /** A new event: an empty decision. A clock that went back counts as standing still. */
  begin(nowMs: number): void {
    this.nowMs = Math.max(nowMs, this.state.lastAtMs, this.nowMs);
    this.records = [];
    this.messages = [];
    this.freed = [];
  }

  write(body: RecordBody): void {
    const record = { atMs: this.nowMs, ...body } as LedgerRecord;
    applyRecord(this.state, record);
    this.leases.follow(record);
    this.#judge();
    this.records.push(record);
  }

  tell(to: VolunteerId, message: CoordinatorMessage): void {
    this.messages.push({ to, message });
  }

  /** @param volunteerId null: the coordinator */
  decided(volunteerId: VolunteerId | null, decisions: readonly Decision[]): void {
    this.decisions.add(volunteerId, decisions, this.nowMs - this.state.setup.createdAtMs);
  }

  get runId(): string {
    return this.state.setup.manifest.id;
  }

  /** A volunteer came: how it links, and of which node it is. */
  seat(volunteerId: VolunteerId, links: LinkPolicy): void {
    const { word, node: former } = this.state.volunteers.get(volunteerId)!;
    this.introductions.links(volunteerId, links, { word, former });
  }

  /** [N6] Who is near and who is far makes nodes. */
  settleNodes(): void {
    const { present } = this.attendance;
    const isHeard = (id: VolunteerId) =>
      this.nowMs < (present.get(id)?.heardAtMs ?? -Infinity) + UNHEARD_MAX_MS;
    for (const change of this.introductions.settleNodes(isHeard)) this.write({ kind: 'node', ...change });
  }

  /** The coordinator started again: whoever was here is expected back. */
  expectAll(): void {
    for (const [id, volunteer] of this.state.volunteers)
      if (volunteer.leftAtMs === null) {
        this.attendance.expect(id);
        this.seat(id, volunteer.links);
      }
  }

  /** A volunteer has a new socket: it knows nothing of the run's state. */
  enter(volunteerId: VolunteerId, totals: TabTotals): Presence {
    this.#newcomers.add(volunteerId);
    this.introductions.forget(volunteerId);
    return this.attendance.enter(volunteerId, totals, this.nowMs);
  }

  #judge(): void {
    this.attendance.judge(this.state.term, latestCheckpoint(this.state).round);
  }

  /** Members and those that are expected back: a restart must not look like an exodus. */
  activeCount(): number {
    return this.attendance.readyCount + this.attendance.awaited.size;
  }

  isExpectingReturns(): boolean {
    return this.attendance.awaited.size > 0 && this.nowMs < this.awaitUntilMs;
  }

  become(state: RunState, reason: string): void {
    if (this.state.state !== state || this.state.reason !== reason)
      this.write({ kind: 'state', state, reason });
  }

  /** The run is over: everybody is told and free for another run. */
  end(state: 'finished' | 'failed', reason: string): void {
    this.write({ kind: 'state', state, reason });
    this.#measureLoss();
    this.#tellProgress(this.attendance.present.keys());
    this.tellStates();
    for (const [volunteerId, presence] of this.attendance.present) {
      this.write({ kind: 'left', volunteerId, exit: 'run-finished', totals: presence.totals });
      this.freed.push({ volunteerId, exit: 'run-finished' });
    }
    this.attendance.clear();
    this.introductions.change(this.attendance.takeMoved());
  }

  tellIntroductions(): void {
    // A member that is expected back stays in everybody's list, so that a restart tears no link.
    const { groupSize: from } = this.introductions;
    const due = this.introductions.change(this.attendance.takeMoved());
    const { groupSize: to } = this.introductions;
    const because = { members: this.activeCount() };
    if (to !== from) this.decided(null, [{ round: this.roundMax, what: 'group-size', from, to, because }]);
    for (const { to: id, plane, planeCount, peers, viaCoordinator, nodes } of due)
      if (this.attendance.present.has(id) || (id === this.server?.id && this.server.isHere))
        this.tell(id, {
          type: 'introduce',
          runId: this.runId,
          plane,
          planeCount,
          peers: [...peers],
          viaCoordinator: [...viaCoordinator],
          ...(nodes === undefined ? {} : { nodes: { own: nodes.own, ofPeers: [...nodes.ofPeers] } }),
        });
  }

  /** About once a second: everybody when something changed, in a large swarm [C3] always some, who take turns. */
  tellProgressInTurn(): void {
    const { present } = this.attendance;
    const turnCount = Math.round(reportEveryMs(present.size) / PROGRESS_TURN_MS);
    const turn = this.#progressTurn++ % turnCount;
    const news = `${this.roundMax}|${present.size}|${this.state.best?.round ?? 0}`;
    if (turnCount === 1 && news === this.#newsTold && this.nowMs < this.#newsToldAtMs + NEWS_MAX_MS) return;
    this.#newsTold = news;
    this.#newsToldAtMs = this.nowMs;
    this.#measureLoss();
    this.#tellProgress(
      [...present].flatMap(([id, { arrival }]) => (arrival % turnCount === turn ? [id] : [])),
    );
  }

  #measureLoss(): void {
    const { present } = this.attendance;
    const losses = [...present.values()].flatMap(({ loss }) => (loss === null ? [] : [loss]));
    this.#loss = losses.length === 0 ? null : losses.reduce((a, b) => a + b, 0) / losses.length;
  }

  #tellProgress(ids: Iterable<VolunteerId>): void {
    const { setup, volunteers, best } = this.state;
    const { present } = this.attendance;
    for (const to of ids)
      this.tell(to, {
        type: 'progress',
        runId: this.runId,
        round: this.roundMax,
        volunteers: present.size,
        confirmedSamples: volunteers.get(to)?.confirmedSamples ?? 0,
        loss: this.#loss,
        accuracy: best?.accuracy ?? null,
        targetAccuracy: setup.manifest.training.targetAccuracy,
        reportEveryMs: reportEveryMs(present.size),
      });
  }

  /** Everybody, when it changed; else those who came since. */
  tellStates(): void {
    const { state, reason } = this.state;
    const word = `${state}|${reason}`;
    const isNews = word !== this.#stateTold;
    const to = isNews ? this.attendance.present.keys() : this.#newcomers;
    for (const { id } of this.attendance.inOrder(to))
      this.tell(id, { type: 'run-state', runId: this.runId, state, reason });
    if (isNews) this.server?.tell({ type: 'run-state', runId: this.runId, state, reason });
    // [C3] Who comes to a large swarm hears at once how often to report.
    const isLarge = reportEveryMs(this.attendance.present.size) > PROGRESS_TURN_MS;
    if (isLarge && this.#newcomers.size > 0) this.#tellProgress(this.#newcomers);
    this.#stateTold = word;
    this.#newcomers.clear();
  }
}
