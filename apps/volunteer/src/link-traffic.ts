/**
 * What WebRTC really moved, frames and everything around them (encryption, acknowledgements, retransmissions), and how long
 * a round trip takes, from the browser's own statistics of every connection. A connection that ended counts with what was last known of it.
 */
import type { PeerConnection } from '@murmuration/mesh/page';
import type { LinkMeasure } from '@murmuration/swarm';
import type { Bytes } from './worker/steward.ts';

/** While links are new, which is when tabs find out who is near; later every fifth time. */
const LOOK_EVERY_MS = 1_000;
const NEW_LINK_LOOKS = 12;
const LATER_EVERY_LOOKS = 5;

export interface Moved extends Bytes {
  readonly rttMs: number | null;
  readonly links: readonly LinkMeasure[];
}

export class LinkTraffic {
  readonly #connections: () => readonly PeerConnection[];
  readonly #tell: (moved: Moved) => void;
  readonly #known = new Map<RTCPeerConnection, Bytes>();
  readonly #beat: ReturnType<typeof setInterval>;
  /** Looks at links that are still there. */
  #looks = new Map<RTCPeerConnection, number>();
  #beats = 0;
  #ended: Bytes = { sentBytes: 0, receivedBytes: 0 };
  #isLooking = false;

  /** `tell` hears the sum over all connections since this began, the median round trip of those that are open, and each of these. */
  constructor(connections: () => readonly PeerConnection[], tell: (moved: Moved) => void) {
    this.#connections = connections;
    this.#tell = tell;
    this.#beat = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#beat);
  }

  async #look(): Promise<void> {
    const open = this.#connections();
    const looksAt = ({ rtc }: PeerConnection) => this.#looks.get(rtc) ?? 0;
    const isDue =
      this.#beats++ % LATER_EVERY_LOOKS === 0 || open.some((each) => looksAt(each) < NEW_LINK_LOOKS);
    if (this.#isLooking || !isDue) return;
    this.#isLooking = true;
    this.#looks = new Map(open.map((each) => [each.rtc, looksAt(each) + 1]));
    const roundTrips: number[] = [];
    const links: LinkMeasure[] = [];
    for (const { rtc, measure } of open) {
      const report = await rtc.getStats().catch(() => null);
      if (report === null) continue;
      const bytes = bytesIn(report);
      if (bytes !== null) this.#known.set(rtc, bytes);
      roundTrips.push(...roundTripsIn(report));
      links.push(measure(report));
    }
    for (const [rtc, bytes] of this.#known)
      if (!this.#looks.has(rtc)) {
        this.#known.delete(rtc);
        this.#ended = sum(this.#ended, bytes);
      }
    this.#isLooking = false;
    this.#tell({ ...[...this.#known.values()].reduce(sum, this.#ended), rttMs: medianOf(roundTrips), links });
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
