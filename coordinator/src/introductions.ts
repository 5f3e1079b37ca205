/**
 * Who holds links with whom: every member of a run is told of its crew-mates in each plane (crews.ts), and only of
 * those. Pure: it knows nothing of sockets, only who is there.
 */
import type { VolunteerId } from '@murmuration/protocol';
import { Crews } from './crews.ts';

export { Crews } from './crews.ts';
export { drawPlanes, type Plane } from './planes.ts';

export interface Introduction {
  readonly to: VolunteerId;
  readonly plane: number;
  readonly planeCount: number;
  /** Without the one who is told, ascending. */
  readonly peers: readonly VolunteerId[];
}

interface Told {
  readonly planeCount: number;
  /** By plane. */
  readonly peers: readonly (readonly VolunteerId[])[];
}

/** Remembers what each member was told, so that a change, and only a change, is told again. */
export class Introductions {
  readonly #crews: Crews;
  readonly #told = new Map<VolunteerId, Told>();
  /** To be told again whatever they were told. */
  readonly #forgotten = new Set<VolunteerId>();

  constructor(seed: number) {
    this.#crews = new Crews(seed);
  }

  get planeCount(): number {
    return this.#crews.planeCount;
  }

  /** The introductions that are due when exactly `members` are in the run. */
  update(members: readonly VolunteerId[]): Introduction[] {
    const changed = this.#crews.update(members);
    for (const id of this.#forgotten) changed.add(id);
    const due: Introduction[] = [];
    const inRun = changed.size > 0 ? new Set(members) : null;
    if (inRun !== null) for (const id of this.#told.keys()) if (!inRun.has(id)) this.#told.delete(id);
    const { planeCount } = this.#crews;
    for (const to of changed) {
      if (!inRun!.has(to)) continue;
      this.#forgotten.delete(to);
      const told = this.#told.get(to);
      const peers = Array.from({ length: planeCount }, (_, plane) =>
        [...this.#crews.crew(to, plane)].filter((id) => id !== to).sort(),
      );
      this.#told.set(to, { planeCount, peers });
      for (const [plane, list] of peers.entries()) {
        const before = told?.planeCount === planeCount ? told.peers[plane]! : null;
        if (before === null || !isEqual(before, list)) due.push({ to, plane, planeCount, peers: list });
      }
    }
    return due;
  }

  /** Its next introduction is due even if nothing changed: it has a new socket, or it asked again. */
  forget(volunteerId: VolunteerId): void {
    this.#told.delete(volunteerId);
    this.#forgotten.add(volunteerId);
  }

  /** It left: there is nothing to tell it any more. */
  left(volunteerId: VolunteerId): void {
    this.#told.delete(volunteerId);
    this.#forgotten.delete(volunteerId);
  }

  /** May these two exchange signalling messages? True from the moment that either was told of the other. */
  areIntroduced(a: VolunteerId, b: VolunteerId): boolean {
    return this.#wasTold(a, b) || this.#wasTold(b, a);
  }

  #wasTold(a: VolunteerId, b: VolunteerId): boolean {
    return this.#told.get(a)?.peers.some((list) => list.includes(b)) ?? false;
  }
}

const isEqual = (a: readonly VolunteerId[], b: readonly VolunteerId[]) =>
  a.length === b.length && a.every((id, i) => id === b[i]);
