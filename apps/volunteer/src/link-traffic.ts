/**
 * What WebRTC really moved, frames and everything around them (encryption, acknowledgements, retransmissions), from the
 * browser's own statistics of every connection. A connection that ended counts with what was last known of it.
 */
import type { Bytes } from './worker/steward.ts';

const LOOK_EVERY_MS = 5_000;

export class LinkTraffic {
  readonly #connections: () => readonly RTCPeerConnection[];
  readonly #tell: (bytes: Bytes) => void;
  readonly #known = new Map<RTCPeerConnection, Bytes>();
  readonly #beat: ReturnType<typeof setInterval>;
  #ended: Bytes = { sentBytes: 0, receivedBytes: 0 };
  #isLooking = false;

  /** `tell` hears the sum over all connections since this began. */
  constructor(connections: () => readonly RTCPeerConnection[], tell: (bytes: Bytes) => void) {
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
    for (const connection of open) {
      const bytes = await bytesOf(connection);
      if (bytes !== null) this.#known.set(connection, bytes);
    }
    for (const [connection, bytes] of this.#known)
      if (!open.includes(connection)) {
        this.#known.delete(connection);
        this.#ended = sum(this.#ended, bytes);
      }
    this.#isLooking = false;
    this.#tell([...this.#known.values()].reduce(sum, this.#ended));
  }
}

const sum = (a: Bytes, b: Bytes): Bytes => ({
  sentBytes: a.sentBytes + b.sentBytes,
  receivedBytes: a.receivedBytes + b.receivedBytes,
});

/** Null: the connection is closed, or the browser keeps no such count. */
async function bytesOf(connection: RTCPeerConnection): Promise<Bytes | null> {
  const report = await connection.getStats().catch(() => null);
  if (report === null) return null;
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
