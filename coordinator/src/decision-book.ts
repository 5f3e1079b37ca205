/**
 * The decisions that tabs of a run made by themselves, as they report them, and the coordinator's own: the latest of all
 * together. For people; a restart forgets them. Pure.
 */
import {
  DECISIONS_KEPT_MAX,
  type Decision,
  type DecisionView,
  type VolunteerId,
} from '@murmuration/protocol';

export class DecisionBook {
  #kept: DecisionView[] = [];
  #sequence = 0;

  /** @param atMs since the run was created @param volunteerId null: the coordinator's */
  add(volunteerId: VolunteerId | null, decisions: readonly Decision[], atMs: number): void {
    for (const decision of decisions)
      this.#kept.push({
        sequence: ++this.#sequence,
        atMs: Math.max(0, Math.round(atMs)),
        volunteerId,
        ...decision,
      });
    this.#kept.splice(0, this.#kept.length - DECISIONS_KEPT_MAX);
  }

  /** Later than this one, oldest first. */
  after(sequence: number): DecisionView[] {
    return this.#kept.filter((decision) => decision.sequence > sequence);
  }
}
