/**
 * Who is in the run: connected volunteers, those that are expected back after a restart, and what follows for each of
 * them: ready or not, a holder of today's replica or a stranger to it.
 *
 * The ledger asks these questions after every event, and of ten thousand volunteers an event concerns one. So every
 * answer is kept up to date where something changes (`ready` and `head` of a presence change only here) instead of
 * being looked up in all of them. What counts as today's replica is the ledger's word (`judge`); when that moves, and
 * only then, everybody is judged anew.
 */
import type { Head, TabTotals, VolunteerId } from '@murmuration/protocol';
import { newPresence } from './presence.ts';
import type { Presence } from './presence.ts';

type Changeable = { -readonly [K in keyof Presence]: Presence[K] };
/** How a presence was counted last; null round: it holds no replica of today. */
interface Standing {
  readonly ready: boolean;
  readonly holderRound: number | null;
}
const ABSENT: Standing = { ready: false, holderRound: null };

export interface Attendee {
  readonly id: VolunteerId;
  readonly presence: Presence;
}

export class Attendance {
  readonly #present = new Map<VolunteerId, Presence>();
  readonly #awaited = new Set<VolunteerId>();
  readonly #standings = new Map<VolunteerId, Standing>();
  /** Ready, and no holder. */
  readonly #strangers = new Set<VolunteerId>();
  /** Strangers that were not told to join this term. */
  readonly #untold = new Set<VolunteerId>();
  /** Holders by the round at which they stand. */
  readonly #holdersAt = new Map<number, number>();
  #holderCount = 0;
  /** Holders that are about to leave. */
  readonly #partingHolders = new Set<VolunteerId>();
  #readyCount = 0;
  #term = 0;
  #roundMin = 0;
  #arrivals = 0;
  /** Members as `takeMoved` handed them out last, and who may have changed since. */
  readonly #members = new Set<VolunteerId>();
  readonly #moved = new Set<VolunteerId>();

  get present(): ReadonlyMap<VolunteerId, Presence> {
    return this.#present;
  }
  /** Were here before a restart and may come back. */
  get awaited(): ReadonlySet<VolunteerId> {
    return this.#awaited;
  }
  /** Connected volunteers that can hold a replica. */
  get readyCount(): number {
    return this.#readyCount;
  }
  get holderCount(): number {
    return this.#holderCount;
  }
  /** [K3] Whoever holds today's replica is about to leave. */
  get isLastParting(): boolean {
    return this.#holderCount > 0 && this.#partingHolders.size === this.#holderCount;
  }
  /** The furthest round at which a holder stands; 0: there is none. */
  get front(): number {
    return Math.max(0, ...this.#holdersAt.keys());
  }

  /** A replica of this term, not older than the latest checkpoint: a thawed tab must not take the run back (I-5). */
  isHolder({ head }: Presence): boolean {
    return head !== null && head.term === this.#term && head.round >= this.#roundMin;
  }

  /** In order of arrival. */
  holders(): (Attendee & { readonly head: Head })[] {
    const holders = [];
    for (const [id, presence] of this.#present)
      if (this.isHolder(presence)) holders.push({ id, presence, head: presence.head! });
    return holders;
  }
  strangers(): Attendee[] {
    return this.inOrder(this.#strangers);
  }
  get strangerCount(): number {
    return this.#strangers.size;
  }
  untold(): Attendee[] {
    return this.#untold.size === 0 ? [] : this.inOrder(this.#untold);
  }
  /** Those of them that are connected, in order of arrival. */
  inOrder(ids: Iterable<VolunteerId>): Attendee[] {
    const found: Attendee[] = [];
    for (const id of ids) {
      const presence = this.#present.get(id);
      if (presence !== undefined) found.push({ id, presence });
    }
    return found.sort((a, b) => a.presence.arrival - b.presence.arrival);
  }

  /** What counts as today's replica: of this term, and of this round or later. */
  judge(term: number, roundMin: number): void {
    if (term === this.#term && roundMin === this.#roundMin) return;
    this.#term = term;
    this.#roundMin = roundMin;
    for (const id of this.#present.keys()) this.#count(id);
  }

  expect(id: VolunteerId): void {
    this.#awaited.add(id);
    this.#moved.add(id);
  }

  /** It connected, perhaps again: with nothing, until it says what it has. */
  enter(id: VolunteerId, totals: TabTotals, nowMs: number): Presence {
    const arrival = this.#present.get(id)?.arrival ?? this.#arrivals++;
    const presence = newPresence({ totals, nowMs, arrival });
    this.#awaited.delete(id);
    this.#present.set(id, presence);
    this.#count(id);
    return presence;
  }

  /** False: it was neither here nor expected. */
  leave(id: VolunteerId): boolean {
    const wasAwaited = this.#awaited.delete(id);
    if (!this.#present.delete(id) && !wasAwaited) return false;
    this.#count(id);
    return true;
  }

  clear(): void {
    for (const id of [...this.#present.keys(), ...this.#awaited]) this.leave(id);
  }

  becomeReady(id: VolunteerId): void {
    this.#change(id, (presence) => (presence.ready = true));
  }
  stand(id: VolunteerId, head: Head | null): void {
    this.#change(id, (presence) => (presence.head = head));
  }
  parts(id: VolunteerId): void {
    this.#change(id, (presence) => (presence.isParting = true));
  }
  /** @param term null: it is to be told again. */
  toldToJoin(id: VolunteerId, term: number | null): void {
    this.#change(id, (presence) => (presence.joinTold = term));
  }

  /** Who has become a member, and who is none any more, since the last call. Members are the ready and the awaited. */
  takeMoved(): { readonly gone: VolunteerId[]; readonly come: VolunteerId[] } {
    const gone: VolunteerId[] = [];
    const come: VolunteerId[] = [];
    for (const id of this.#moved) {
      const isMember = this.#awaited.has(id) || this.#present.get(id)?.ready === true;
      if (isMember === this.#members.has(id)) continue;
      (isMember ? come : gone).push(id);
      if (isMember) this.#members.add(id);
      else this.#members.delete(id);
    }
    this.#moved.clear();
    return { gone, come };
  }

  #change(id: VolunteerId, change: (presence: Changeable) => void): void {
    const presence = this.#present.get(id);
    if (presence === undefined) return;
    change(presence);
    this.#count(id);
  }

  /** Brings every count and set in line with what is known of this volunteer now. */
  #count(id: VolunteerId): void {
    const presence = this.#present.get(id);
    const before = this.#standings.get(id) ?? ABSENT;
    const ready = presence?.ready ?? false;
    const holderRound = presence !== undefined && this.isHolder(presence) ? presence.head!.round : null;
    if (presence === undefined) this.#standings.delete(id);
    else this.#standings.set(id, { ready, holderRound });
    this.#readyCount += Number(ready) - Number(before.ready);
    if (before.holderRound !== holderRound) {
      this.#addHolder(before.holderRound, -1);
      this.#addHolder(holderRound, 1);
    }
    put(this.#partingHolders, id, holderRound !== null && presence!.isParting);
    const isStranger = ready && holderRound === null;
    put(this.#strangers, id, isStranger);
    put(this.#untold, id, isStranger && presence!.joinTold !== this.#term);
    this.#moved.add(id);
  }

  #addHolder(round: number | null, count: 1 | -1): void {
    if (round === null) return;
    this.#holderCount += count;
    const there = (this.#holdersAt.get(round) ?? 0) + count;
    if (there === 0) this.#holdersAt.delete(round);
    else this.#holdersAt.set(round, there);
  }
}

function put(set: Set<VolunteerId>, id: VolunteerId, isIn: boolean): void {
  if (isIn) set.add(id);
  else set.delete(id);
}
