/**
 * Who holds links with whom. All members of a run are introduced to each other; a run has at most
 * `LIMITS.groupMaxMembers` members, because everybody sends to everybody. Whoever comes later waits for a place and is
 * introduced to nobody. Pure: it knows nothing of sockets, only who is there, in the order of arrival.
 */
import { LIMITS } from '@murmuration/protocol';
import type { VolunteerId } from '@murmuration/protocol';

export interface Admission {
  readonly members: readonly VolunteerId[];
  readonly waiting: readonly VolunteerId[];
}

/** The first `membersMax` in order of arrival are members: nobody who has a place loses it to a newcomer. */
export function admit(
  arrivals: readonly VolunteerId[],
  membersMax: number = LIMITS.groupMaxMembers,
): Admission {
  return { members: arrivals.slice(0, membersMax), waiting: arrivals.slice(membersMax) };
}

export interface Introduction {
  readonly to: VolunteerId;
  readonly peers: readonly VolunteerId[];
}

/** Remembers what each member was told, so that a change, and only a change, is told again. */
export class Introductions {
  readonly #told = new Map<VolunteerId, readonly VolunteerId[]>();

  /** The introductions that are due when exactly `members` are in the run. */
  update(members: readonly VolunteerId[]): Introduction[] {
    const due: Introduction[] = [];
    const inRun = new Set(members);
    for (const id of this.#told.keys()) if (!inRun.has(id)) this.#told.delete(id);
    const sorted = [...members].sort();
    for (const to of members) {
      const peers = sorted.filter((id) => id !== to);
      const told = this.#told.get(to);
      if (told !== undefined && told.length === peers.length && told.every((id, i) => id === peers[i]))
        continue;
      this.#told.set(to, peers);
      due.push({ to, peers });
    }
    return due;
  }

  /** Its next introduction is due even if nothing changed: it has a new socket, or it asked again. */
  forget(volunteerId: VolunteerId): void {
    this.#told.delete(volunteerId);
  }

  /** May these two exchange signalling messages? True from the moment that either was told of the other. */
  areIntroduced(a: VolunteerId, b: VolunteerId): boolean {
    return (this.#told.get(a)?.includes(b) ?? false) || (this.#told.get(b)?.includes(a) ?? false);
  }
}
