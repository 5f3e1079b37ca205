/**
 * What waits to go to one peer, as data-channel messages. Two lanes: control (a heartbeat, a commit, a question) goes
 * before bulk (updates, states), also between two pieces of one bulk frame. Inside a lane the order is kept, so at most
 * two frames are under way at once: the receiver's bound on open transfers is never met by an honest sender.
 */
import type { FrameKind } from '@murmuration/protocol';

export interface QueuedFrame {
  readonly kind: FrameKind;
  /** Cut by protocol `fragment`. May be shared between queues; nobody writes to it. */
  readonly messages: readonly Uint8Array[];
}

export interface QueuedMessage {
  readonly kind: FrameKind;
  readonly message: Uint8Array;
}

const isBulk = (kind: FrameKind): boolean => kind === 'update' || kind === 'state';

export class SendQueue {
  #bytesMax: number;
  #queuedBytes = 0;
  readonly #control: QueuedFrame[] = [];
  readonly #bulk: QueuedFrame[] = [];
  /** Messages of the first frame of each lane that have left. */
  #controlSent = 0;
  #bulkSent = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** False: it would hold more than its bound, and nothing was added. */
  push(frame: QueuedFrame): boolean {
    let bytes = 0;
    for (const message of frame.messages) bytes += message.length;
    if (this.#queuedBytes + bytes > this.#bytesMax) return false;
    this.#queuedBytes += bytes;
    (isBulk(frame.kind) ? this.#bulk : this.#control).push(frame);
    return true;
  }

  /** Takes the message that goes next. */
  shift(): QueuedMessage | null {
    const control = this.#control[0];
    const frame = control ?? this.#bulk[0];
    if (frame === undefined) return null;
    const index = control === undefined ? this.#bulkSent++ : this.#controlSent++;
    const message = frame.messages[index]!;
    if (index + 1 === frame.messages.length) {
      if (control === undefined) {
        this.#bulk.shift();
        this.#bulkSent = 0;
      } else {
        this.#control.shift();
        this.#controlSent = 0;
      }
    }
    this.#queuedBytes -= message.length;
    return { kind: frame.kind, message };
  }
}
