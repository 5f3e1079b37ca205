/**
 * What a volunteer knows of its peers: whose link is open, who holds a replica and at which round. Pure.
 */
import type { Fingerprint, Frame, VolunteerId } from '@murmuration/protocol';
import { STRIKES_MAX } from './conduct.ts';
import type { Reach } from './leadership.ts';

export interface PeerStanding {
  /** Says that it holds a replica and takes part in rounds. */
  hasReplica: boolean;
  term: number;
  round: number;
  anchor: Fingerprint | null;
  /** It is fetching a state: it wants updates and commits although it does not take part yet. */
  loading: boolean;
  /**
   * The coordinator lost sight of it: nobody waits for it any more. Its link stays, because a torn socket is no torn
   * link, and its next frame clears the suspicion.
   */
  suspect: boolean;
  /** Violations of the protocol. */
  strikes: number;
}

/** Somebody who holds a replica, and where it stands. */
export interface Donor {
  readonly id: VolunteerId;
  readonly term: number;
  readonly round: number;
}

/** Frames whose sender has come as far as they say, and maybe further: a state may be a copy of before. */
const TELLS_ITS_ROUND: ReadonlySet<Frame['kind']> = new Set(['heartbeat', 'commit', 'update', 'state']);
/** Departures remembered: more than any group's members. */
const GONE_MAX = 256;
/** Peers whose strikes are remembered beyond their link. */
const STRUCK_MAX = 1_024;

export class Peers {
  readonly #open = new Map<VolunteerId, PeerStanding>();
  readonly #gone = new Set<VolunteerId>();
  /** A new link makes nobody a new peer. */
  readonly #strikes = new Map<VolunteerId, number>();
  /** Asked for after every event and changed by few: kept until a standing changes. */
  #reach: (Reach & { readonly term: number }) | null = null;
  #furthest: Donor | null | undefined = undefined;
  #roundsHeard = 0;

  /** Grows whenever a peer's round is another than before. */
  get roundsHeard(): number {
    return this.#roundsHeard;
  }

  #changed(): void {
    this.#reach = null;
    this.#furthest = undefined;
    this.#roundsHeard += 1;
  }

  opened(peer: VolunteerId): void {
    this.#changed();
    this.#gone.delete(peer);
    this.#open.set(peer, {
      hasReplica: false,
      term: 0,
      round: 0,
      anchor: null,
      loading: false,
      suspect: false,
      strikes: this.#strikes.get(peer) ?? 0,
    });
  }

  closed(peer: VolunteerId): boolean {
    this.#changed();
    const strikes = this.#open.get(peer)?.strikes ?? 0;
    if (strikes > 0) this.#strikes.set(peer, strikes);
    if (this.#strikes.size > STRUCK_MAX) this.#strikes.delete(this.#strikes.keys().next().value!);
    return this.#open.delete(peer);
  }

  /** [P6] It has lost its link for what it said: no link with it any more. */
  isOutcast(peer: VolunteerId): boolean {
    return (this.#strikes.get(peer) ?? 0) >= STRIKES_MAX;
  }

  /** It said goodbye: its link closes. */
  saidBye(peer: VolunteerId): void {
    this.closed(peer);
    this.#remember(peer);
  }

  /** The coordinator lost sight of it. */
  suspect(peer: VolunteerId): void {
    this.#remember(peer);
    const standing = this.#open.get(peer);
    if (standing !== undefined) standing.suspect = true;
  }

  #remember(peer: VolunteerId): void {
    this.#changed();
    this.#gone.add(peer);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= GONE_MAX) break;
      this.#gone.delete(oldest);
    }
  }

  get(peer: VolunteerId): PeerStanding | undefined {
    return this.#open.get(peer);
  }

  get openIds(): readonly VolunteerId[] {
    return [...this.#open.keys()];
  }

  entries(): IterableIterator<[VolunteerId, PeerStanding]> {
    return this.#open.entries();
  }

  /** Learns from the header of any frame of this run. */
  heard(peer: VolunteerId, frame: Frame): void {
    const standing = this.#open.get(peer);
    if (standing === undefined) return;
    if (standing.suspect || this.#gone.has(peer)) {
      standing.suspect = false;
      this.#gone.delete(peer);
      this.#changed();
    }
    if (frame.kind === 'hello') {
      this.#changed();
      standing.hasReplica = frame.hasReplica;
      standing.anchor = frame.anchor;
      standing.term = frame.term;
      standing.round = frame.round;
      standing.loading = frame.wantsUpdates;
      return;
    }
    if (frame.kind === 'state-request') standing.loading = true;
    if (TELLS_ITS_ROUND.has(frame.kind)) {
      if (frame.term > standing.term || (frame.term === standing.term && frame.round > standing.round)) {
        if (frame.term !== standing.term) this.#reach = null;
        this.#furthest = undefined;
        this.#roundsHeard += 1;
        standing.term = frame.term;
        standing.round = frame.round;
      }
    }
  }

  /** Whom a member of this term can count on. */
  reach(term: number): Reach {
    if (this.#reach?.term === term) return this.#reach;
    const linked = new Set<VolunteerId>();
    const alive = new Set<VolunteerId>();
    for (const [id, peer] of this.#open) {
      if (!peer.hasReplica || peer.term !== term) continue;
      linked.add(id);
      if (!peer.suspect) alive.add(id);
    }
    const roundOf = (id: VolunteerId) => this.#open.get(id)?.round ?? 0;
    const reach = { term, alive, linked, gone: this.#gone, beyondCount: 0, roundOf };
    this.#reach = reach;
    return reach;
  }

  /** Peers that want this term's updates: those who take part, and newcomers that are fetching the state. */
  listening(term: number): VolunteerId[] {
    return [...this.#open]
      .filter(([, peer]) => peer.loading || (peer.hasReplica && peer.term === term))
      .map(([id]) => id);
  }

  /** Holders of a replica, the furthest first. */
  donors(): readonly Donor[] {
    return [...this.#open]
      .filter(([, peer]) => peer.hasReplica && !peer.suspect)
      .map(([id, peer]) => ({ id, term: peer.term, round: peer.round }))
      .sort(furthestFirst);
  }

  /** The first of the donors. */
  get furthest(): Donor | null {
    if (this.#furthest !== undefined) return this.#furthest;
    let best: Donor | null = null;
    for (const [id, { hasReplica, suspect, term, round }] of this.#open) {
      const donor = { id, term, round };
      if (hasReplica && !suspect && (best === null || furthestFirst(donor, best) < 0)) best = donor;
    }
    return (this.#furthest = best);
  }
}

const furthestFirst = (a: Donor, b: Donor) => b.term - a.term || b.round - a.round || (a.id < b.id ? -1 : 1);
