/**
 * Two joined RTCDataChannels of the imagination, for rules that are checked where there is no WebRTC: reliable,
 * ordered, a message arrives in a later microtask. `hold` makes one end keep what it was given in its buffer, as a
 * network does that takes nothing.
 */
import type { DataChannel } from './bulk-channel.ts';

export class FakeDataChannel implements DataChannel {
  readyState: RTCDataChannelState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  binaryType: BinaryType = 'blob';
  onopen: ((event: Event) => unknown) | null = null;
  onmessage: ((event: MessageEvent) => unknown) | null = null;
  onbufferedamountlow: ((event: Event) => unknown) | null = null;
  onclose: ((event: Event) => unknown) | null = null;
  #other: FakeDataChannel | null = null;
  #isHeld = false;
  readonly #waiting: (ArrayBuffer | string)[] = [];

  static pair(): readonly [FakeDataChannel, FakeDataChannel] {
    const [left, right] = [new FakeDataChannel(), new FakeDataChannel()];
    left.#other = right;
    right.#other = left;
    return [left, right];
  }

  /** Opens both ends, now, telling whoever listens. */
  openBoth(): void {
    const ends = [this, this.#other!];
    for (const end of ends) end.readyState = 'open';
    for (const end of ends) end.onopen?.(new Event('open'));
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#deliver();
  }

  send(data: Uint8Array<ArrayBuffer> | string): void {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError');
    const copy = typeof data === 'string' ? data : data.slice().buffer;
    this.bufferedAmount += sizeBytes(copy);
    this.#waiting.push(copy);
    queueMicrotask(() => this.#deliver());
  }

  close(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closing';
    queueMicrotask(() => {
      for (const end of [this, this.#other!]) {
        if (end.readyState === 'closed') continue;
        end.readyState = 'closed';
        end.onclose?.(new Event('close'));
      }
    });
  }

  #deliver(): void {
    while (!this.#isHeld && this.#waiting.length > 0) {
      const data = this.#waiting.shift()!;
      const wasHigh = this.bufferedAmount > this.bufferedAmountLowThreshold;
      this.bufferedAmount -= sizeBytes(data);
      if (wasHigh && this.bufferedAmount <= this.bufferedAmountLowThreshold)
        this.onbufferedamountlow?.(new Event('bufferedamountlow'));
      if (this.#other!.readyState === 'open') this.#other!.onmessage?.(new MessageEvent('message', { data }));
    }
  }
}

const sizeBytes = (data: ArrayBuffer | string): number =>
  typeof data === 'string' ? data.length : data.byteLength;
