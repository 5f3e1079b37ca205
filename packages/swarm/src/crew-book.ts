/**
 * With whom we exchange: the crews that the coordinator named. In one plane, the run is one group whose members stand on
 * one anchor. In several, the round says which crew it is for; anchors of different crews differ, and slices keep them
 * together (codec, slices.ts). Pure.
 */
import type { CoordinatorMessageOf, VolunteerId } from '@murmuration/protocol';
import type { Reach } from './leadership.ts';
import type { Peers } from './peers.ts';

export class CrewBook {
  readonly #self: VolunteerId;
  #planes: (readonly VolunteerId[])[] = [];

  constructor(self: VolunteerId) {
    this.#self = self;
  }

  /** Whether there is more than one group: anchors differ. */
  get isMixed(): boolean {
    return this.#planes.length > 1;
  }

  /** Takes an introduction. Returns everybody to hold a link with. */
  introduced({ plane, planeCount, peers }: CoordinatorMessageOf<'introduce'>): VolunteerId[] {
    if (this.#planes.length !== planeCount) this.#planes = Array.from({ length: planeCount }, () => []);
    if (plane < planeCount) this.#planes[plane] = peers;
    return [...new Set(this.#planes.flat())];
  }

  /** The crew of a round, with ourselves, ascending; null: everybody in the run. */
  crewOf(round: number): readonly VolunteerId[] | null {
    if (!this.isMixed) return null;
    return [...this.#planes[round % this.#planes.length]!, this.#self].sort();
  }

  /** Whom a member of the round's crew can count on, of all that it is linked with. */
  reach(all: Reach, peers: Peers, round: number): Reach {
    if (!this.isMixed) return all;
    const mates = (ids: ReadonlySet<VolunteerId>) => new Set([...ids].filter((id) => this.isMate(id, round)));
    const alive = mates(all.alive);
    const beyondCount = [...alive].filter((id) => peers.get(id)!.round > round).length;
    return { alive, linked: mates(all.linked), gone: all.gone, beyondCount };
  }

  /** Whether this peer's words in this round concern us. */
  isMate(peer: VolunteerId, round: number): boolean {
    return !this.isMixed || this.#planes[round % this.#planes.length]!.includes(peer);
  }
}
