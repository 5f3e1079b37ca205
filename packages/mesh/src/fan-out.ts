/**
 * One uplink, several receivers behind the coordinator: which message goes to whom next (SPEC T7), in a hybrid run. A frame
 * for several is one entry, in which every receiver has a place of its own; those at the same place are sent the same
 * message together, so it leaves once.
 *
 * Mental model: the group goes together, but at nobody's mercy. Who has room as a frame begins goes; then whoever has room
 * waits for those of its place that have none. While at least half of its own window is on its way, that costs nothing: its
 * line is busy. Beyond that a frame waits PATIENCE_MS in all, because readers take in bursts (a tab in the middle of a
 * step of training), and a burst that split the group would cost the uplink a copy of the rest. Then those with room go
 * on, and who is left behind follows from its own place, alone or with others that are there: a slow reader costs the
 * uplink a copy, and the others no more.
 *
 * It knows nothing of sockets and envelopes; what a receiver has not taken is told by its end, and the time comes in. Pure.
 */
import { LIMITS } from '@murmuration/protocol';
import type { QueuedFrame } from './send-queue.ts';

/** What is asked of a channel. */
export interface FanOutEnd {
  /** On their way to it and not taken, whatever they are of. */
  readonly untakenBytes: number;
}

export interface FanOutMessage<E> {
  readonly message: Uint8Array;
  /** One at least, each with room for it. */
  readonly ends: readonly E[];
}

interface Entry<E> {
  readonly frame: QueuedFrame;
  /** How many of the frame's messages were sent to each who has not had all. */
  readonly places: Map<E, number>;
  /** For how long somebody waited whose line was not busy. */
  waitedMs: number;
  /** Somebody waits like that. */
  waitsSinceMs: number | null;
}

/** A guess: longer than a step of training, and than readers' bursts; much shorter than a round that takes so many bytes. */
export const PATIENCE_MS = 250;
/** Who has less on its way has no busy line. */
const DRY_BYTES = LIMITS.relayWindowBytes / 2;

export class FanOut<E extends FanOutEnd> {
  /** In the order of sending, which is the order for each receiver. */
  readonly #entries: Entry<E>[] = [];

  /** False: more than `bytesMax` would wait for this receiver, and nothing was added. */
  add(frame: QueuedFrame, end: E, bytesMax: number): boolean {
    let bytes = this.waitingBytes(end);
    for (const message of frame.messages) bytes += message.length;
    if (bytes > bytesMax) return false;
    const last = this.#entries.at(-1);
    if (last?.frame === frame && !last.places.has(end)) last.places.set(end, 0);
    else this.#entries.push({ frame, places: new Map([[end, 0]]), waitedMs: 0, waitsSinceMs: null });
    return true;
  }

  /** It is to be sent nothing more. */
  drop(end: E): void {
    for (const { places } of this.#entries) places.delete(end);
    this.#forgetDone();
  }

  /** What waits to be sent to one receiver. */
  waitingBytes(end: E): number {
    let sum = 0;
    for (const { frame, places } of this.#entries) {
      const place = places.get(end);
      if (place !== undefined) sum += bytesFrom(frame, place);
    }
    return sum;
  }

  /** What waits for the uplink, if all receivers of a frame went together from the place of the last. */
  get backlogBytes(): number {
    return this.#entries.reduce(
      (sum, { frame, places }) => sum + bytesFrom(frame, Math.min(...places.values())),
      0,
    );
  }

  /** Takes what is to be sent now; null: nothing, until somebody has taken something or time has passed. */
  next(nowMs: number): FanOutMessage<E> | null {
    /** Who has messages of an earlier entry to come. */
    const busy = new Set<E>();
    for (const entry of this.#entries) {
      const { frame, places } = entry;
      const companies = new Map<number, E[]>();
      for (const [end, place] of places) {
        if (busy.has(end)) continue;
        busy.add(end);
        const company = companies.get(place);
        if (company === undefined) companies.set(place, [end]);
        else company.push(end);
      }
      for (const [place, company] of companies) {
        const message = frame.messages[place]!;
        const ends = company.filter((end) => hasRoom(end, message));
        if (ends.length === 0) continue;
        if (ends.length < company.length && place > 0 && mayWait(entry, ends, nowMs)) continue;
        if (entry.waitsSinceMs !== null) entry.waitedMs += nowMs - entry.waitsSinceMs;
        entry.waitsSinceMs = null;
        for (const end of ends)
          if (place + 1 < frame.messages.length) places.set(end, place + 1);
          else places.delete(end);
        this.#forgetDone();
        return { message, ends };
      }
    }
    return null;
  }

  #forgetDone(): void {
    for (let i = this.#entries.length - 1; i >= 0; i--)
      if (this.#entries[i]!.places.size === 0) this.#entries.splice(i, 1);
  }
}

/** Can those with room wait for those without? Waiting with a line that is not busy is counted from then on. */
function mayWait<E extends FanOutEnd>(entry: Entry<E>, ends: readonly E[], nowMs: number): boolean {
  if (!ends.some(({ untakenBytes }) => untakenBytes < DRY_BYTES)) return true;
  entry.waitsSinceMs ??= nowMs;
  return entry.waitedMs + nowMs - entry.waitsSinceMs < PATIENCE_MS;
}

/** A message fits beside what is on its way, and any fits alone (SPEC T3). */
const hasRoom = ({ untakenBytes }: FanOutEnd, message: Uint8Array): boolean =>
  untakenBytes === 0 || untakenBytes + message.length <= LIMITS.relayWindowBytes;

function bytesFrom({ messages }: QueuedFrame, place: number): number {
  let bytes = 0;
  for (let i = place; i < messages.length; i++) bytes += messages[i]!.length;
  return bytes;
}
