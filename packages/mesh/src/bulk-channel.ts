/**
 * The door between a link and what carries its messages. Behind it stands an RTCDataChannel that lives in this thread
 * (`DirectChannel`) or one that lives on the page (`piped-channel.ts`); a link cannot tell which.
 *
 * A bulk channel is reliable, ordered, binary and does its own buffering, which the link keeps small. It knows nothing
 * of frames, peers or time. Both adapters pass the rules of `bulk-channel.acceptance.ts`.
 */

/** What a channel reports. Never called from inside a call to the channel. */
export interface BulkListener {
  /** Once, also when the channel was open before anybody listened. */
  open(): void;
  /** `null`: a message that is not an ArrayBuffer (text, Blob). The buffer belongs to the listener. */
  message(buffer: ArrayBuffer | null): void;
  /** The bytes waiting here fell to the low water or below it. */
  low(): void;
  /** Once, when the channel ends otherwise than by our own `close`. */
  closed(): void;
}

export interface BulkChannel {
  readonly isOpen: boolean;
  /** Bytes taken by `send` that have not left this end. */
  readonly bufferedBytes: number;
  setLowWater(bytes: number): void;
  /** The bytes are copied. False: the channel is not open, or refused; nothing was sent. */
  send(message: Uint8Array): boolean;
  /** What was sent before still leaves. No event follows. */
  close(): void;
  /** To be called once. Messages that came before it may be lost: see the probe in link.ts. */
  listen(listener: BulkListener): void;
}

/** The part of an RTCDataChannel that is needed, so that rules can be checked where there is no WebRTC. */
export interface DataChannel {
  readonly readyState: RTCDataChannelState;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  binaryType: BinaryType;
  onopen: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onbufferedamountlow: ((event: Event) => unknown) | null;
  onclose: ((event: Event) => unknown) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

/** An RTCDataChannel of this thread: transferred to the worker, or used where it was made. */
export class DirectChannel implements BulkChannel {
  readonly #channel: DataChannel;
  #told: 'nothing' | 'open' | 'end' = 'nothing';

  constructor(channel: DataChannel) {
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  get bufferedBytes(): number {
    return this.#channel.bufferedAmount;
  }

  setLowWater(bytes: number): void {
    this.#channel.bufferedAmountLowThreshold = bytes;
  }

  send(message: Uint8Array): boolean {
    if (!this.isOpen) return false;
    try {
      // Frames never live in shared memory; the type does not say so.
      this.#channel.send(message as Uint8Array<ArrayBuffer>);
      return true;
    } catch {
      // Closing in this very moment, or the browser's own queue (16 MiB in Chromium) is full.
      return false;
    }
  }

  close(): void {
    this.#told = 'end';
    this.#channel.close();
  }

  listen(listener: BulkListener): void {
    const channel = this.#channel;
    const tellOpen = () => {
      if (this.#told !== 'nothing' || !this.isOpen) return;
      this.#told = 'open';
      listener.open();
    };
    const tellClosed = () => {
      if (this.#told === 'end') return;
      this.#told = 'end';
      listener.closed();
    };
    channel.onopen = tellOpen;
    channel.onclose = tellClosed;
    channel.onbufferedamountlow = () => listener.low();
    channel.onmessage = ({ data }) => {
      tellOpen();
      if (this.#told === 'open') listener.message(data instanceof ArrayBuffer ? data : null);
    };
    // The events of both may have been lost while the channel was on its way to this thread (webrtc-pc #3058).
    queueMicrotask(() => (channel.readyState === 'closed' ? tellClosed() : tellOpen()));
  }
}
