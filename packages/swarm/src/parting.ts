/** [R15] [K3] How long who wants to leave stays: until it owes nobody anything, and no longer than it is asked to. Pure. */

export interface Debts {
  /** A commit counted everything that was trained here, or nobody is there to count it. */
  readonly isHandedOver: boolean;
  /** Others hold the replica too, or a checkpoint of it is stored, or there is nobody to store it. */
  readonly isSaved: boolean;
  /** That checkpoint is being made. */
  readonly isSaving: boolean;
}

export const owesCheckpoint = ({ isHandedOver, isSaved }: Debts) => isHandedOver && !isSaved;

export class Parting {
  readonly #untilMs: number;
  readonly #checkpointUntilMs: number;
  #deadlineMs: number;

  /** As in `VolunteerEvent`. */
  constructor({ untilMs, checkpointUntilMs }: { untilMs: number; checkpointUntilMs: number }) {
    this.#untilMs = untilMs;
    this.#checkpointUntilMs = checkpointUntilMs;
    this.#deadlineMs = untilMs;
  }

  /** When `mayGo` is to be asked again at the latest. */
  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  mayGo({ isHandedOver, isSaved, isSaving }: Debts, nowMs: number): boolean {
    if (isHandedOver && isSaved) return true;
    if (nowMs < this.#untilMs) return false;
    if (!isSaving || nowMs >= this.#checkpointUntilMs) return true;
    this.#deadlineMs = this.#checkpointUntilMs;
    return false;
  }
}
