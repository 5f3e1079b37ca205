/**
 * A bulk channel whose RTCDataChannel stays on the page, for browsers that cannot transfer one (Firefox, 2026). The page
 * half moves messages between the RTCDataChannel and a MessagePort; the worker half looks like any other bulk channel.
 * No timers on either side: a hidden page's timers are slowed, its messages are not.
 */
import type { BulkChannel, BulkListener, DataChannel } from './bulk-channel.ts';

/** The part of a MessagePort that is needed. */
export interface Port {
  onmessage: ((event: MessageEvent) => unknown) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
  close(): void;
}

type ToPage =
  | { readonly kind: 'send'; readonly message: Uint8Array }
  | { readonly kind: 'low-water'; readonly bytes: number }
  | { readonly kind: 'close' };

type ToWorker =
  | { readonly kind: 'open' }
  | { readonly kind: 'message'; readonly buffer: ArrayBuffer | null }
  /** `takenBytes`: all that ever came from the worker. `bufferedBytes`: what of it the RTCDataChannel still holds. */
  | { readonly kind: 'taken'; readonly takenBytes: number; readonly bufferedBytes: number }
  | { readonly kind: 'closed' };

/** The page half: lives as long as the channel. */
export function pipeChannel(channel: DataChannel, port: Port): void {
  let takenBytes = 0;
  let isOver = false;
  let hasOpened = false;
  const tell = (word: ToWorker, transfer: Transferable[] = []) => port.postMessage(word, transfer);
  const tellTaken = () => tell({ kind: 'taken', takenBytes, bufferedBytes: channel.bufferedAmount });
  const tellOpen = () => {
    if (hasOpened || channel.readyState !== 'open') return;
    hasOpened = true;
    tell({ kind: 'open' });
  };
  const end = () => {
    if (isOver) return;
    isOver = true;
    tell({ kind: 'closed' });
  };
  channel.binaryType = 'arraybuffer';
  channel.onopen = tellOpen;
  channel.onclose = end;
  channel.onbufferedamountlow = tellTaken;
  channel.onmessage = ({ data }) => {
    tellOpen();
    if (data instanceof ArrayBuffer) tell({ kind: 'message', buffer: data }, [data]);
    else tell({ kind: 'message', buffer: null });
  };
  port.onmessage = ({ data }) => {
    const word = data as ToPage;
    switch (word.kind) {
      case 'send':
        takenBytes += word.message.length;
        try {
          channel.send(word.message as Uint8Array<ArrayBuffer>);
        } catch {
          // A reliable channel that lost one message is no longer one.
          channel.close();
          end();
        }
        tellTaken();
        break;
      case 'low-water':
        channel.bufferedAmountLowThreshold = word.bytes;
        break;
      case 'close':
        isOver = true;
        channel.close();
        break;
      default:
        word satisfies never;
    }
  };
  if (channel.readyState === 'closed') end();
  else tellOpen();
}

/** The worker half. */
export class PipedChannel implements BulkChannel {
  readonly #port: Port;
  #state: 'connecting' | 'open' | 'over' = 'connecting';
  #sentBytes = 0;
  #takenBytes = 0;
  #pageBufferedBytes = 0;
  #lowWaterBytes = 0;

  constructor(port: Port) {
    this.#port = port;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get bufferedBytes(): number {
    return this.#sentBytes - this.#takenBytes + this.#pageBufferedBytes;
  }

  setLowWater(bytes: number): void {
    this.#lowWaterBytes = bytes;
    this.#tell({ kind: 'low-water', bytes });
  }

  send(message: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    this.#sentBytes += message.length;
    // Not transferred: several links may be sending the same bytes.
    this.#tell({ kind: 'send', message });
    return true;
  }

  close(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#tell({ kind: 'close' });
    this.#port.close();
  }

  listen(listener: BulkListener): void {
    this.#port.onmessage = ({ data }) => {
      if (this.#state === 'over') return;
      const word = data as ToWorker;
      switch (word.kind) {
        case 'open':
          this.#state = 'open';
          listener.open();
          break;
        case 'message':
          listener.message(word.buffer);
          break;
        case 'taken': {
          const wasHigh = this.bufferedBytes > this.#lowWaterBytes;
          this.#takenBytes = word.takenBytes;
          this.#pageBufferedBytes = word.bufferedBytes;
          if (wasHigh && this.bufferedBytes <= this.#lowWaterBytes) listener.low();
          break;
        }
        case 'closed':
          this.#state = 'over';
          this.#port.close();
          listener.closed();
          break;
        default:
          word satisfies never;
      }
    };
  }

  #tell(word: ToPage): void {
    this.#port.postMessage(word, []);
  }
}
