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

  /** Who is next; null: nobody waits. */
  next(nowMs: number): VolunteerId | null {
    for (const [id, untilMs] of this.#waiting) {
      if (nowMs < untilMs) return id;
      this.#waiting.delete(id);
    }
    return null;
  }
}
