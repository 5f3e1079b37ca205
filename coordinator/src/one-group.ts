/**
 * Who exchanges with whom in a run with tiers (SPEC N1): everybody with everybody, as every tab of a node may have to speak
 * for it, up to a group's size. Who comes when it is full waits for a place. The counterpart of crews.ts. Pure.
 */
import { LIMITS, type VolunteerId } from '@murmuration/protocol';
import type { Crews, Moved } from './crews.ts';

export class OneGroup implements Pick<Crews, 'planeCount' | 'groupSize' | 'crew' | 'has' | 'change'> {
  readonly planeCount = 1;
  readonly groupSize = LIMITS.groupMaxMembers;
  readonly #seated = new Set<VolunteerId>();
  /** In order of arrival. */
  readonly #waiting = new Set<VolunteerId>();

  get seated(): readonly VolunteerId[] {
    return [...this.#seated];
  }

  /** With itself. */
  crew(id: VolunteerId): readonly VolunteerId[] {
    return this.#seated.has(id) ? [...this.#seated] : [id];
  }

  has(id: VolunteerId): boolean {
    return this.#seated.has(id) || this.#waiting.has(id);
  }

  /** Whose mates are others than before. */
  change({ gone, come }: Moved): Set<VolunteerId> {
    let isChanged = false;
    for (const id of gone) {
      this.#waiting.delete(id);
      if (this.#seated.delete(id)) isChanged = true;
    }
    for (const id of come) if (!this.#seated.has(id)) this.#waiting.add(id);
    for (const id of this.#waiting) {
      if (this.#seated.size >= LIMITS.groupMaxMembers) break;
      this.#waiting.delete(id);
      this.#seated.add(id);
      isChanged = true;
    }
    return isChanged ? new Set(this.#seated) : new Set();
  }
}
