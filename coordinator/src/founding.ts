/**
 * Founding: when nobody connected holds a replica of the current term, exactly one ready volunteer starts a new term
 * from the latest checkpoint, and all others join it. A founding throws away the rounds since that checkpoint, so it
 * waits for volunteers that may come back with a replica: after a restart of the coordinator, and when the last
 * replica's socket tore.
 */
import type { VolunteerId } from '@murmuration/protocol';
import type { Desk } from './ledger-desk.ts';
import { latestCheckpoint } from './ledger-state.ts';
import type { Presence } from './presence.ts';
import type { ServerEvent, ServerSeat } from './server-seat.ts';

/** A founder fetches one checkpoint and loads it; after this another volunteer founds. */
export const FOUNDING_MAX_MS = 60_000;
/** When the last replica vanishes with work in it, a torn socket has this long to come back. */
export const HOLDER_GRACE_MS = 5_000;
/** No round for this long while stranded volunteers outnumber the replicas: the replicas are stuck. A guess. */
export const STALL_MAX_MS = 60_000;
/** After a founding that failed at once (a blob that would not load), the next try waits. */
const FOUNDING_PAUSE_MS = 5_000;

export class Founding {
  readonly #desk: Desk;
  #founder: { readonly volunteerId: VolunteerId; readonly deadlineMs: number } | null = null;
  #notBeforeMs = 0;
  #roundMovedAtMs = 0;

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  /** Somebody who held a replica may still come back. */
  isWaiting(): boolean {
    return this.#desk.isExpectingReturns() || this.#desk.nowMs < this.#notBeforeMs;
  }

  roundMoved(): void {
    this.#roundMovedAtMs = this.#desk.nowMs;
  }

  /** It has a replica of the term now. */
  stands(volunteerId: VolunteerId, presence: Presence): void {
    presence.strandedAtMs = null;
    if (this.#founder?.volunteerId === volunteerId) this.#founder = null;
  }

  /** No peer gave it a state, or its checkpoint would not load. */
  stranded(volunteerId: VolunteerId, presence: Presence): void {
    this.#desk.attendance.stand(volunteerId, null);
    this.#desk.attendance.toldToJoin(volunteerId, null);
    presence.strandedAtMs = this.#desk.nowMs;
    if (this.#founder?.volunteerId !== volunteerId) return;
    this.#founder = null;
    presence.foundingsFailed++;
    this.#notBeforeMs = this.#desk.nowMs + FOUNDING_PAUSE_MS;
  }

  left(volunteerId: VolunteerId, heldReplica: boolean, isForGood: boolean): void {
    const { roundMax, state, nowMs } = this.#desk;
    if (this.#founder?.volunteerId === volunteerId) this.#founder = null;
    const hasWorkToLose = roundMax > latestCheckpoint(state).round;
    if (heldReplica && !isForGood && hasWorkToLose && this.#desk.attendance.holderCount === 0)
      this.#notBeforeMs = nowMs + HOLDER_GRACE_MS;
  }

  tick(): void {
    if (this.#founder === null || this.#desk.nowMs < this.#founder.deadlineMs) return;
    const presence = this.#desk.attendance.present.get(this.#founder.volunteerId);
    if (presence !== undefined) presence.foundingsFailed++;
    this.#founder = null;
  }

  /** What is said of a central run's averaging server. */
  takeServer(event: Exclude<ServerEvent, { kind: 'server-decided' }>): null {
    const { server, runId, state, introductions, nowMs } = this.#desk;
    if (server === null) return null;
    const isFounder = this.#founder?.volunteerId === server.id;
    switch (event.kind) {
      case 'server-came':
        server.came();
        introductions.forget(server.id);
        server.tell({ type: 'run-state', runId, state: state.state, reason: state.reason });
        return null;
      case 'server-gone':
        server.gone();
        if (isFounder) this.#founder = null;
        return null;
      case 'server-stranded':
        server.isStranded = true;
        server.joinTold = null;
        if (!isFounder) return null;
        this.#founder = null;
        this.#notBeforeMs = nowMs + FOUNDING_PAUSE_MS;
        return null;
      case 'server-stands':
        server.head = event.head;
        if (!server.holds(state.term, 0)) return null;
        server.isStranded = false;
        if (isFounder) this.#founder = null;
        if (event.head!.round <= this.#desk.roundMax) return null;
        this.#desk.roundMax = event.head!.round;
        this.roundMoved();
        return null;
      default:
        return event satisfies never;
    }
  }

  /** [S3] The server gives everybody the state, takes it from a tab if it has none, and founds when nobody has. */
  #settleCentral(server: ServerSeat): boolean {
    const { attendance, state, runId, nowMs } = this.#desk;
    const { term } = state;
    if (!server.isHere || this.#founder !== null) return false;
    if (server.holds(term, latestCheckpoint(state).round)) {
      this.#tellJoin();
      return false;
    }
    const isStuck = server.isStranded && nowMs >= this.#roundMovedAtMs + STALL_MAX_MS;
    if (attendance.holderCount > 0 && !isStuck) {
      if (server.joinTold !== term) server.tell({ type: 'join', runId, term });
      server.joinTold = term;
      return false;
    }
    if (state.state === 'finishing' || this.isWaiting()) return false;
    this.#found(server.id);
    return true;
  }

  /** Tells strangers to join, or one of them to found. true: a new term begins. */
  settle(): boolean {
    const desk = this.#desk;
    const { attendance } = desk;
    if (desk.server !== null) return this.#settleCentral(desk.server);
    if (this.#founder !== null || (attendance.holderCount > 0 && !this.#isStuck())) {
      this.#tellJoin();
      return false;
    }
    if (desk.state.state === 'finishing' || this.isWaiting()) return false;
    const strangers = attendance.strangers();
    if (strangers.length === 0) return false;
    const founder = strangers.reduce((a, b) =>
      b.presence.foundingsFailed < a.presence.foundingsFailed ? b : a,
    );
    this.#found(founder.id);
    this.#tellJoin();
    return true;
  }

  #isStuck(): boolean {
    const { nowMs, state, attendance } = this.#desk;
    if (state.state !== 'training' || nowMs < this.#roundMovedAtMs + STALL_MAX_MS) return false;
    // Asked at every event: a look at each of thousands of newcomers would be most of the coordinator's time.
    if (attendance.strangerCount <= attendance.holderCount) return false;
    const stranded = attendance
      .strangers()
      .filter(
        ({ presence }) => presence.strandedAtMs !== null && nowMs < presence.strandedAtMs + STALL_MAX_MS,
      );
    return stranded.length > attendance.holderCount;
  }

  #tellJoin(): void {
    const { attendance, runId, state } = this.#desk;
    const { term } = state;
    for (const { id } of attendance.untold()) {
      if (id === this.#founder?.volunteerId) continue;
      attendance.toldToJoin(id, term);
      this.#desk.tell(id, { type: 'join', runId, term });
    }
  }

  #found(volunteerId: VolunteerId): void {
    const desk = this.#desk;
    const checkpoint = latestCheckpoint(desk.state);
    const term = desk.state.term + 1;
    if (desk.state.duty !== null) desk.write({ kind: 'evaluation-dropped', why: 'a new term begins' });
    desk.write({ kind: 'founded', volunteerId, term, checkpoint });
    this.#founder = { volunteerId, deadlineMs: desk.nowMs + FOUNDING_MAX_MS };
    desk.roundMax = checkpoint.round;
    this.roundMoved();
    desk.tell(volunteerId, {
      type: 'found',
      runId: desk.runId,
      term,
      round: checkpoint.round,
      checkpointSha256: checkpoint.sha256,
    });
  }
}
