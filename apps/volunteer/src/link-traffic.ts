/**
 * What WebRTC really moved, frames and everything around them (encryption, acknowledgements, retransmissions), and how long
 * a round trip takes, from the browser's own statistics of every connection. A connection that ended counts with what was last known of it.
 */
import type { Bytes } from './worker/steward.ts';

const LOOK_EVERY_MS = 5_000;

export interface Moved extends Bytes {
  readonly rttMs: number | null;
}

export class LinkTraffic {
  readonly #connections: () => readonly RTCPeerConnection[];
  readonly #tell: (moved: Moved) => void;
  readonly #known = new Map<RTCPeerConnection, Bytes>();
  readonly #beat: ReturnType<typeof setInterval>;
  #ended: Bytes = { sentBytes: 0, receivedBytes: 0 };
  #isLooking = false;

  /** `tell` hears the sum over all connections since this began, and the median round trip of those that are open. */
  constructor(connections: () => readonly RTCPeerConnection[], tell: (moved: Moved) => void) {
    this.#connections = connections;
    this.#tell = tell;
    this.#beat = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#beat);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const open = this.#connections();
    const roundTrips: number[] = [];
    for (const connection of open) {
      const report = await connection.getStats().catch(() => null);
      if (report === null) continue;
      const bytes = bytesIn(report);
      if (bytes !== null) this.#known.set(connection, bytes);
      roundTrips.push(...roundTripsIn(report));
    }
    for (const [connection, bytes] of this.#known)
      if (!open.includes(connection)) {
        this.#known.delete(connection);
        this.#ended = sum(this.#ended, bytes);
      }
    this.#isLooking = false;
    this.#tell({ ...[...this.#known.values()].reduce(sum, this.#ended), rttMs: medianOf(roundTrips) });
  }
}

const sum = (a: Bytes, b: Bytes): Bytes => ({
  sentBytes: a.sentBytes + b.sentBytes,
  receivedBytes: a.receivedBytes + b.receivedBytes,
});

/** Null: the browser keeps no such count. */
function bytesIn(report: RTCStatsReport): Bytes | null {
  let found: Bytes | null = null;
  report.forEach((stats: { type: string; bytesSent?: number; bytesReceived?: number }) => {
    if (stats.type !== 'transport') return;
    found = sum(found ?? { sentBytes: 0, receivedBytes: 0 }, {
      sentBytes: stats.bytesSent ?? 0,
      receivedBytes: stats.bytesReceived ?? 0,
    });
  });
  return found;
}

/** Milliseconds, of the pair of addresses that is used. */
function roundTripsIn(report: RTCStatsReport): number[] {
  const found: number[] = [];
  report.forEach((stats: { type: string; nominated?: boolean; currentRoundTripTime?: number }) => {
    if (
      stats.type === 'candidate-pair' &&
      stats.nominated === true &&
      stats.currentRoundTripTime !== undefined
    )
      found.push(1000 * stats.currentRoundTripTime);
  });
  return found;
}

const medianOf = (values: readonly number[]): number | null =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? null;
