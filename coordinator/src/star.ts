/**
 * Who exchanges with whom in a central run: every tab with the averaging server, and the server with every tab, up to as
 * many as it can hold links with. Who comes when it is full waits for a place. The counterpart of crews.ts. Pure.
 */
import { LIMITS, type VolunteerId } from '@murmuration/protocol';
import type { Crews, Moved } from './crews.ts';

export class Star implements Pick<Crews, 'planeCount' | 'groupSize' | 'crew' | 'has' | 'change'> {
  readonly planeCount = 1;
  readonly groupSize = LIMITS.linksMax;
  readonly #server: VolunteerId;
  readonly #seated = new Set<VolunteerId>();
  /** In order of arrival. */
  readonly #waiting = new Set<VolunteerId>();

  constructor(server: VolunteerId) {
    this.#server = server;
  }

  /** With itself. */
  crew(id: VolunteerId): readonly VolunteerId[] {
    if (id === this.#server) return [...this.#seated, id];
    return this.#seated.has(id) ? [id, this.#server] : [id];
  }

  has(id: VolunteerId): boolean {
    return id === this.#server || this.#seated.has(id) || this.#waiting.has(id);
  }

  /** Whose crew is another than before. */
  change({ gone, come }: Moved): Set<VolunteerId> {
    const changed = new Set<VolunteerId>();
    for (const id of gone) {
      this.#waiting.delete(id);
      if (this.#seated.delete(id)) changed.add(this.#server);
    }
    for (const id of come) this.#waiting.add(id);
    for (const id of this.#waiting) {
      if (this.#seated.size >= LIMITS.linksMax) break;
      this.#waiting.delete(id);
      this.#seated.add(id);
      changed.add(id).add(this.#server);
    }
    return changed;
  }
}
