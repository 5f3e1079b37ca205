/**
 * Who waits for a first lease, in the order of their first wish. A wish is good until the volunteer was to ask again and
 * did not: who was paused or vanished meanwhile holds nobody up. Forgotten when the coordinator dies: they all ask again.
 */
import type { VolunteerId } from '@murmuration/protocol';

export class LeaseLine {
  /** Until when each is expected to ask again; in order. */
  readonly #waiting = new Map<VolunteerId, number>();

  /** Keeps the place of who waits already. */
  wait(volunteerId: VolunteerId, untilMs: number): void {
    this.#waiting.set(volunteerId, untilMs);
  }

  leave(volunteerId: VolunteerId): void {
    this.#waiting.delete(volunteerId);
  }

  /** How many stand before the volunteer; who is not in the line would come last. Counts no further than `countMax`. */
  ahead(volunteerId: VolunteerId, nowMs: number, countMax: number): number {
    let count = 0;
    for (const [id, untilMs] of this.#waiting) {
      if (id === volunteerId || count >= countMax) break;
      if (nowMs >= untilMs) this.#waiting.delete(id);
      else count += 1;
    }
    return count;
  }
}
