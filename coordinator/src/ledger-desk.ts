/**
 * Where the parts of one ledger work together: the durable state, who is present, the time of the event at hand, and
 * the decision that is being made of it. Leases, founding and evaluation each decide their own matter on it.
 */
import type { CoordinatorMessage, Head, RunState, VolunteerId } from '@murmuration/protocol';
import { Introductions } from './introductions.ts';
import type { Exit, LedgerRecord, RunSetup } from './ledger-records.ts';
import { applyRecord, initialState } from './ledger-state.ts';
import type { LedgerState } from './ledger-state.ts';
import { latestCheckpoint } from './ledger-state.ts';
import type { Presence } from './presence.ts';

/** The event was nonsense, or not allowed now. */
export type Rejection = { readonly code: string; readonly message: string } | null;

type RecordBody = LedgerRecord extends infer R ? (R extends LedgerRecord ? Omit<R, 'atMs'> : never) : never;

export class Desk {
  readonly state: LedgerState;
  readonly present = new Map<VolunteerId, Presence>();
  /** Were here before a restart and are expected back until `awaitUntilMs`. */
  readonly awaited = new Set<VolunteerId>();
  awaitUntilMs = 0;
  readonly introductions: Introductions;
  /** The furthest round of the term that a replica reported. */
  roundMax: number;
  nowMs = 0;
  records: LedgerRecord[] = [];
  messages: { to: VolunteerId; message: CoordinatorMessage }[] = [];
  freed: { volunteerId: VolunteerId; exit: Exit }[] = [];

  constructor(setup: RunSetup, records: readonly LedgerRecord[]) {
    this.state = initialState(setup);
    this.introductions = new Introductions(setup.manifest.seed);
    for (const record of records) applyRecord(this.state, record);
    this.roundMax = this.state.round;
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
    this.records.push(record);
  }

  tell(to: VolunteerId, message: CoordinatorMessage): void {
    this.messages.push({ to, message });
  }

  get runId(): string {
    return this.state.setup.manifest.id;
  }

  /** A replica of this term, not older than the latest checkpoint: a thawed tab must not take the run back (I-5). */
  isHolder(presence: Presence): boolean {
    const { head } = presence;
    return head !== null && head.term === this.state.term && head.round >= latestCheckpoint(this.state).round;
  }

  /** Connected volunteers whose replica is of the current term, with its head. */
  holders(): { id: VolunteerId; presence: Presence; head: Head }[] {
    const holders = [];
    for (const [id, presence] of this.present)
      if (this.isHolder(presence)) holders.push({ id, presence, head: presence.head! });
    return holders;
  }

  /** Ready volunteers, in order of arrival. */
  members(): readonly VolunteerId[] {
    return [...this.present].filter(([, presence]) => presence.ready).map(([id]) => id);
  }

  /** Members and those that are expected back: a restart must not look like an exodus. */
  activeCount(): number {
    return this.members().length + this.awaited.size;
  }

  isExpectingReturns(): boolean {
    return this.awaited.size > 0 && this.nowMs < this.awaitUntilMs;
  }

  become(state: RunState, reason: string): void {
    if (this.state.state !== state || this.state.reason !== reason)
      this.write({ kind: 'state', state, reason });
  }

  /** The run is over: everybody is told and free for another run. */
  end(state: 'finished' | 'failed', reason: string): void {
    this.write({ kind: 'state', state, reason });
    this.tellProgress();
    this.tellStates();
    for (const [volunteerId, presence] of this.present) {
      this.write({ kind: 'left', volunteerId, exit: 'run-finished', totals: presence.totals });
      this.freed.push({ volunteerId, exit: 'run-finished' });
    }
    this.present.clear();
    this.awaited.clear();
    this.introductions.update([]);
  }

  tellIntroductions(): void {
    // A member that is expected back stays in everybody's list, so that a restart tears no link.
    for (const { to, plane, planeCount, peers } of this.introductions.update([
      ...this.awaited,
      ...this.members(),
    ]))
      if (this.present.has(to))
        this.tell(to, { type: 'introduce', runId: this.runId, plane, planeCount, peers: [...peers] });
  }

  tellProgress(): void {
    const { setup, volunteers, best } = this.state;
    const losses = [...this.present.values()].flatMap(({ loss }) => (loss === null ? [] : [loss]));
    const loss = losses.length === 0 ? null : losses.reduce((a, b) => a + b, 0) / losses.length;
    for (const to of this.present.keys())
      this.tell(to, {
        type: 'progress',
        runId: this.runId,
        round: this.roundMax,
        volunteers: this.present.size,
        confirmedSamples: volunteers.get(to)?.confirmedSamples ?? 0,
        loss,
        accuracy: best?.accuracy ?? null,
        targetAccuracy: setup.manifest.training.targetAccuracy,
      });
  }

  tellStates(): void {
    const { state, reason } = this.state;
    for (const [to, presence] of this.present) {
      const key = `${state}|${reason}`;
      if (presence.stateTold === key) continue;
      presence.stateTold = key;
      this.tell(to, { type: 'run-state', runId: this.runId, state, reason });
    }
  }
}
