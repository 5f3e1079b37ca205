/**
 * One peer, seen from here: frames go out through a bulk channel and come in from it. The link proves that both ends
 * hear each other, paces what it sends, cuts and rejoins frames, refuses nonsense and notices silence. It knows nothing
 * of WebRTC, workers or rounds, and has no clock: `nowMs` comes in with everything that happens.
 *
 * Life: proving → open → closed. A channel can lose events while it is transferred to a worker (webrtc-pc #3058), so an
 * open channel proves nothing: each end sends a 4-byte `syn` until it gets the other's `ack` (or a frame, which the
 * other sends only after our `ack`). Probes are the only messages shorter than a fragment's header; they are not
 * counted as bytes because they may be lost.
 */
import {
  decodeFrame,
  frameMaxBytes,
  isOfRun,
  LIMITS,
  Reassembler,
  type FragmentRejection,
  type Frame,
  type FrameRejection,
  type FramesOfRun,
} from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';
import type { BulkChannel } from './bulk-channel.ts';
import { SendQueue, type QueuedFrame } from './send-queue.ts';
import { TokenBucket } from './token-bucket.ts';

export type LinkRejection =
  FragmentRejection | FrameRejection | 'not-binary' | 'wrong-run' | 'flood' | 'transfer-abandoned';

export type LinkEvent =
  | { readonly kind: 'open' }
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'rejected'; readonly rejection: LinkRejection }
  /** The last event of a link. */
  | { readonly kind: 'closed'; readonly reason: PeerGone; readonly wasOpen: boolean };

/** Totals since the link began. Both ends count the same bytes: fragments with their headers. */
export interface LinkTotals {
  bytesSent: number;
  bytesReceived: number;
  /** Of the bytes sent, those of states for newcomers. */
  bytesSentState: number;
  rejectedFrames: number;
}

const SYN = Uint8Array.of(0x6d, 0x75, 0x01, 0x00);
const ACK = Uint8Array.of(0x6d, 0x75, 0x02, 0x00);

/** ICE on a slow relay takes seconds; what is not proven by then is dialled again. A guess. */
const PROVE_MAX_MS = 15_000;
/** After `connectionState` says 'disconnected' (5 to 7 s after a kill), two missed beats are enough. */
const SUSPECT_SILENCE_MAX_MS = 2 * LIMITS.peerHeartbeatMs;
/** A peer that reads nothing for this long is given up (PF29). */
const STALL_MAX_MS = LIMITS.peerTransferSilenceMaxMs;

/**
 * Bytes kept in the channel's own buffer. Nothing overtakes them there, so on a slow line they are the delay of every
 * commit and heartbeat: the bound follows the line so that draining takes between DRAIN_MIN_MS and DRAIN_MAX_MS.
 * 4 MiB was the best fixed value on a fast line (STACK D.1).
 */
const HIGH_WATER_MIN_BYTES = 128 * 1024;
const HIGH_WATER_START_BYTES = 512 * 1024;
const HIGH_WATER_MAX_BYTES = 4 * 1024 * 1024;
const DRAIN_MIN_MS = 150;
const DRAIN_MAX_MS = 500;

/** What may wait for one peer. One frame always fits beside another, however large the model is. */
export const queueMaxBytes = ({ limits }: FramesOfRun): number =>
  Math.max(LIMITS.peerQueueMaxBytes, 2 * frameMaxBytes(limits));

export class Link {
  readonly totals: LinkTotals = { bytesSent: 0, bytesReceived: 0, bytesSentState: 0, rejectedFrames: 0 };
  readonly #channel: BulkChannel;
  readonly #run: FramesOfRun;
  readonly #heartbeat: QueuedFrame;
  readonly #emit: (event: LinkEvent) => void;
  readonly #queue: SendQueue;
  readonly #bucket: TokenBucket;
  #reassembler: Reassembler;
  #phase: 'proving' | 'open' | 'closed' = 'proving';
  #isSuspect = false;
  #strikes = 0;
  #highWaterBytes = HIGH_WATER_START_BYTES;
  #bufferedBytes = 0;
  /** When the buffer was last filled to the high water; null: it is draining after no fill of ours. */
  #filledAtMs: number | null = null;
  #beganMs: number;
  #heardMs: number;
  #spokeMs: number;
  #progressMs: number;
  #transferMs: number;

  /**
   * @param heartbeat what to send when there was nothing else to say.
   * @param emit may be called from inside any method here; it must not call back into the link.
   */
  constructor(
    parts: {
      readonly channel: BulkChannel;
      readonly run: FramesOfRun;
      readonly heartbeat: QueuedFrame;
      readonly emit: (event: LinkEvent) => void;
    },
    nowMs: number,
  ) {
    this.#channel = parts.channel;
    this.#run = parts.run;
    this.#heartbeat = parts.heartbeat;
    this.#emit = parts.emit;
    const frameBytes = frameMaxBytes(parts.run.limits);
    this.#queue = new SendQueue(queueMaxBytes(parts.run));
    this.#bucket = new TokenBucket(
      { perSecond: LIMITS.peerMessagesPerSecond, burst: LIMITS.peerMessagesBurst },
      nowMs,
    );
    this.#reassembler = new Reassembler(frameBytes);
    this.#beganMs = this.#heardMs = this.#spokeMs = this.#progressMs = this.#transferMs = nowMs;
    this.#channel.setLowWater(this.#highWaterBytes / 4);
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /** Bytes waiting here, the channel's own buffer included. */
  get queuedBytes(): number {
    return this.#queue.queuedBytes + this.#channel.bufferedBytes;
  }

  /** Of these, what the channel has taken. */
  get bufferedBytes(): number {
    return this.#channel.bufferedBytes;
  }

  /** Takes a frame to send. A link that is not open takes none; a full queue closes it. */
  send(frame: QueuedFrame, nowMs: number): void {
    if (this.#phase !== 'open') return;
    if (!this.#queue.push(frame)) return this.close('clogged');
    this.#pump(nowMs);
  }

  /** Bytes of ours went to the peer beside this link's own channel, in a message for several. */
  fanned(bytes: number, nowMs: number): void {
    this.totals.bytesSent += bytes;
    this.#spokeMs = nowMs;
  }

  channelOpened(): void {
    if (this.#phase === 'proving') this.#channel.send(SYN);
  }

  channelClosed(): void {
    this.#end('closed');
  }

  /** The buffer drained to its low water. */
  channelLow(nowMs: number): void {
    if (this.#phase !== 'open') return;
    if (this.#filledAtMs !== null) {
      const drainMs = nowMs - this.#filledAtMs;
      this.#filledAtMs = null;
      if (drainMs < DRAIN_MIN_MS)
        this.#highWaterBytes = Math.min(HIGH_WATER_MAX_BYTES, this.#highWaterBytes * 2);
      else if (drainMs > DRAIN_MAX_MS)
        this.#highWaterBytes = Math.max(HIGH_WATER_MIN_BYTES, this.#highWaterBytes / 2);
      this.#channel.setLowWater(this.#highWaterBytes / 4);
    }
    this.#pump(nowMs);
  }

  /** One message of the peer; null: it was not binary. */
  channelMessage(buffer: ArrayBuffer | null, nowMs: number): void {
    if (this.#phase === 'closed') return;
    this.#heardMs = nowMs;
    if (!this.#bucket.take(nowMs)) return this.#reject('flood', 'close');
    if (buffer === null) return this.#reject('not-binary', 'strike');
    const message = new Uint8Array(buffer);
    if (sameBytes(message, SYN)) return void this.#channel.send(ACK);
    if (sameBytes(message, ACK)) return this.#proven(nowMs);
    this.totals.bytesReceived += message.length;
    if (message.length > LIMITS.peerMessageMaxBytes) return this.#reject('fragment-too-large', 'close');
    const joined = this.#reassembler.push(message, nowMs);
    if ('rejected' in joined) return this.#reject(joined.rejected, 'strike');
    // Only who heard our `ack` sends pieces of frames; its own `ack` may have been lost on the way.
    this.#proven(nowMs);
    if ('pending' in joined) {
      this.#transferMs = nowMs;
      return;
    }
    const decoded = decodeFrame(joined.frame, this.#run.limits);
    if ('rejected' in decoded) return this.#reject(decoded.rejected, 'strike');
    const { frame } = decoded;
    if (frame.kind === 'heartbeat') return;
    // No strike: a peer that has not heard of the new run yet is honest.
    if (!isOfRun(this.#run, frame)) return this.#reject('wrong-run', 'forgive');
    if (frame.kind === 'bye') return this.close('bye');
    this.#emit({ kind: 'frame', frame });
  }

  /** The browser lost touch with the peer, or found it again. */
  suspect(isSuspect: boolean): void {
    this.#isSuspect = isSuspect;
  }

  /**
   * Looks at the deadlines. To be called every half second or so.
   * @param sleptMs for how long this thread could not have noticed anything: our own sleep is not the peer's silence.
   */
  tick(nowMs: number, sleptMs: number): void {
    if (this.#phase === 'closed') return;
    this.#beganMs += sleptMs;
    this.#heardMs += sleptMs;
    this.#progressMs += sleptMs;
    this.#transferMs += sleptMs;
    if (this.#phase === 'proving') {
      if (nowMs - this.#beganMs >= PROVE_MAX_MS) this.close('failed');
      else this.#channel.send(SYN);
      return;
    }
    const silenceMaxMs = this.#isSuspect ? SUSPECT_SILENCE_MAX_MS : LIMITS.peerSilenceMaxMs;
    if (nowMs - this.#heardMs >= silenceMaxMs) return this.close('silent');
    if (this.#reassembler.reservedBytes > 0 && nowMs - this.#transferMs >= LIMITS.peerTransferSilenceMaxMs) {
      this.#reassembler = new Reassembler(frameMaxBytes(this.#run.limits));
      this.#reject('transfer-abandoned', 'strike');
      if (this.#phase !== 'open') return;
    }
    if (this.#channel.bufferedBytes < this.#bufferedBytes || this.queuedBytes === 0) this.#progressMs = nowMs;
    this.#bufferedBytes = this.#channel.bufferedBytes;
    if (nowMs - this.#progressMs >= STALL_MAX_MS) return this.close('clogged');
    if (this.queuedBytes === 0 && nowMs - this.#spokeMs >= LIMITS.peerHeartbeatMs)
      this.send(this.#heartbeat, nowMs);
  }

  /** Ends the link from this side. */
  close(reason: PeerGone): void {
    if (this.#phase === 'closed') return;
    this.#channel.close();
    this.#end(reason);
  }

  #proven(nowMs: number): void {
    if (this.#phase !== 'proving') return;
    this.#phase = 'open';
    this.#progressMs = nowMs;
    this.#emit({ kind: 'open' });
  }

  #pump(nowMs: number): void {
    while (this.#channel.bufferedBytes < this.#highWaterBytes) {
      const next = this.#queue.shift();
      if (next === null) return;
      if (!this.#channel.send(next.message)) return this.close('failed');
      this.#spokeMs = this.#progressMs = nowMs;
      this.totals.bytesSent += next.message.length;
      if (next.kind === 'state') this.totals.bytesSentState += next.message.length;
    }
    this.#filledAtMs ??= nowMs;
  }

  #reject(rejection: LinkRejection, verdict: 'forgive' | 'strike' | 'close'): void {
    this.totals.rejectedFrames += 1;
    this.#emit({ kind: 'rejected', rejection });
    if (verdict === 'forgive') return;
    this.#strikes += 1;
    if (verdict === 'close' || this.#strikes >= LIMITS.peerStrikesMax) this.close('strikes');
  }

  #end(reason: PeerGone): void {
    if (this.#phase === 'closed') return;
    const wasOpen = this.#phase === 'open';
    this.#phase = 'closed';
    this.#emit({ kind: 'closed', reason, wasOpen });
  }
}

const sameBytes = (message: Uint8Array, probe: Uint8Array): boolean =>
  message.length === probe.length && probe.every((byte, i) => message[i] === byte);
