/**
 * The coordinator's relay of frames in imaginary time: two ways of some delay, a rate for each sender and one for all. As in
 * the real one, who is beyond its rate waits and loses nothing. It carries nothing while the coordinator is away.
 */
import type { VolunteerId } from '@murmuration/protocol';

export interface RelayOptions {
  readonly relayDelayMeanMs: number;
  readonly relayVolunteerMbit: number;
  readonly relayTotalMbit: number;
  /** Share of the pairs that find no path to each other, and ask for this way. */
  readonly pathlessShare: number;
}

const BYTES_PER_MS_PER_MBIT = 125;

export class SimRelay {
  readonly #options: RelayOptions;
  readonly #senderFreeMs = new Map<VolunteerId, number>();
  #freeMs = 0;
  /** Bytes of messages that came, and that were passed on: more, where one was for several. */
  takenBytes = 0;
  passedBytes = 0;
  /** The coordinator's process runs. */
  isUp: () => boolean = () => true;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /**
   * When a message that leaves its sender at `leftMs` is at its receiver.
   * @param spread of a delay around its mean, drawn anew for each of the two ways
   * @param isCopy it came once for several receivers, of which this is not the first; rates are held against each
   */
  arrivalMs(from: VolunteerId, bytes: number, leftMs: number, spread: () => number, isCopy = false): number {
    this.passedBytes += bytes;
    if (!isCopy) this.takenBytes += bytes;
    return this.readMs(from, bytes, leftMs, spread) + this.#options.relayDelayMeanMs * spread();
  }

  /** As `arrivalMs`, but the coordinator itself is whom it is for. */
  readMs(from: VolunteerId, bytes: number, leftMs: number, spread: () => number): number {
    const { relayDelayMeanMs, relayVolunteerMbit, relayTotalMbit } = this.#options;
    const senderMs = bytes / (relayVolunteerMbit * BYTES_PER_MS_PER_MBIT);
    const takenMs =
      Math.max(leftMs + relayDelayMeanMs * spread(), this.#senderFreeMs.get(from) ?? 0) + senderMs;
    this.#senderFreeMs.set(from, takenMs);
    this.#freeMs = Math.max(takenMs, this.#freeMs) + bytes / (relayTotalMbit * BYTES_PER_MS_PER_MBIT);
    return this.#freeMs;
  }
}
