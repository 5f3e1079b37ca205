/**
 * A bulk channel whose messages go through the coordinator in envelopes (protocol, relay-envelope.ts). Reliable and
 * ordered as the WebSockets at both ends are; the receiver says what it took, and no more than a window is ever on its
 * way, so that neither the coordinator nor the other end has to keep more than that for a slow reader. Messages that go to
 * several channels at once (fan-out.ts) share the window, and are counted apart: this channel did not queue them.
 *
 * It knows nothing of sockets, dialling or time: `post` carries its envelopes out, relay-peers.ts brings the others in.
 */
import { encodeEnvelope, LIMITS, type VolunteerId } from '@murmuration/protocol';
import type { BulkChannel, BulkListener } from './bulk-channel.ts';

/** A message for several channels is counted at the first of them as on the line, and as a copy at the others. */
export type FannedKind = 'first' | 'copy';

export class RelayChannel implements BulkChannel {
  readonly peer: VolunteerId;
  readonly number: number;
  readonly #post: (envelope: Uint8Array<ArrayBuffer>) => void;
  /** `closing`: closed at this end, but what was sent before is still leaving. */
  #state: 'connecting' | 'open' | 'closing' | 'over' = 'connecting';
  #listener: BulkListener | null = null;
  #lowWaterBytes = 0;
  /** Envelopes of messages that the window has no room for yet, in order. */
  readonly #waiting: { readonly envelope: Uint8Array<ArrayBuffer>; readonly bytes: number }[] = [];
  #waitingBytes = 0;
  /** Messages on their way that the other end has not taken, in order. */
  readonly #onWay: { bytes: number; readonly kind: 'own' | FannedKind }[] = [];
  readonly #onWayBytes = { own: 0, first: 0, copy: 0 };

  constructor(parts: {
    readonly peer: VolunteerId;
    /** As in the envelopes of both ends. */
    readonly number: number;
    readonly post: (envelope: Uint8Array<ArrayBuffer>) => void;
  }) {
    this.peer = parts.peer;
    this.number = parts.number;
    this.#post = parts.post;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }
  /** Nothing of it concerns anybody any more. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Until the other end has taken it, a message counts as not having left: the line is both lines. */
  get bufferedBytes(): number {
    return this.#waitingBytes + this.#onWayBytes.own;
  }
  get untakenBytes(): number {
    const { own, first, copy } = this.#onWayBytes;
    return own + first + copy;
  }
  /** Of messages for several, those that are counted here. */
  get fannedBytes(): number {
    return this.#onWayBytes.first;
  }

  setLowWater(bytes: number): void {
    this.#lowWaterBytes = bytes;
  }

  send(message: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    const { peer, number: channel } = this;
    this.#waiting.push({
      envelope: encodeEnvelope({ kind: 'data', peer, channel, message }),
      bytes: message.length,
    });
    this.#waitingBytes += message.length;
    this.#pump();
    return true;
  }

  close(): void {
    if (this.#state === 'over' || this.#state === 'closing') return;
    this.#state = 'closing';
    this.#closeWhenEmpty();
  }

  /** The other end takes too long to take what was sent before the close. */
  abandon(): void {
    if (this.#state === 'over') return;
    this.#waiting.length = 0;
    this.#state = 'closing';
    this.#closeWhenEmpty();
  }

  listen(listener: BulkListener): void {
    this.#listener = listener;
    if (this.#state === 'open') queueMicrotask(() => this.#state === 'open' && listener.open());
  }

  /** Both ends agreed on it. */
  opened(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#listener?.open();
  }

  /** A message came. It is handed on, and the sender told that it was taken. */
  received(message: Uint8Array): void {
    if (this.#state !== 'open') return;
    const { peer, number: channel } = this;
    this.#post(encodeEnvelope({ kind: 'taken', peer, channel, bytes: message.length }));
    this.#listener?.message(message.slice().buffer as ArrayBuffer);
  }

  /** A message for several went to this end too. */
  fanned(bytes: number, kind: FannedKind): void {
    this.#onWay.push({ bytes, kind });
    this.#onWayBytes[kind] += bytes;
  }

  /** The other end took so many bytes of ours. More than there were is a lie that would only fill its own memory. */
  taken(bytes: number): void {
    if (this.#state !== 'open' && this.#state !== 'closing') return;
    const wasHigh = this.bufferedBytes > this.#lowWaterBytes;
    for (let left = bytes; left > 0 && this.#onWay.length > 0;) {
      const first = this.#onWay[0]!;
      const taken = Math.min(left, first.bytes);
      first.bytes -= taken;
      this.#onWayBytes[first.kind] -= taken;
      left -= taken;
      if (first.bytes === 0) this.#onWay.shift();
    }
    this.#pump();
    if (this.#state === 'closing') this.#closeWhenEmpty();
    else if (wasHigh && this.bufferedBytes <= this.#lowWaterBytes) this.#listener?.low();
  }

  /** The other end closed it, or there is no way to it any more. */
  lost(): void {
    const wasClosing = this.#state === 'closing';
    if (this.#state === 'over') return;
    this.#end();
    if (!wasClosing) this.#listener?.closed();
  }

  #closeWhenEmpty(): void {
    if (this.#waiting.length > 0) return;
    this.#post(encodeEnvelope({ kind: 'close', peer: this.peer, channel: this.number, reason: 'closed' }));
    this.#end();
  }

  #pump(): void {
    while (this.#waiting.length > 0) {
      const { envelope, bytes } = this.#waiting[0]!;
      const { untakenBytes } = this;
      if (untakenBytes > 0 && untakenBytes + bytes > LIMITS.relayWindowBytes) return;
      this.#waiting.shift();
      this.#waitingBytes -= bytes;
      this.#onWay.push({ bytes, kind: 'own' });
      this.#onWayBytes.own += bytes;
      this.#post(envelope);
    }
  }

  #end(): void {
    this.#state = 'over';
    this.#waiting.length = this.#onWay.length = 0;
    this.#waitingBytes = 0;
    Object.assign(this.#onWayBytes, { own: 0, first: 0, copy: 0 });
  }
}
