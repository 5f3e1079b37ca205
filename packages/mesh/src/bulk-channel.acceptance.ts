/**
 * The rules that every adapter of `BulkChannel` keeps. Run over imagined channels in Node and over real ones in
 * Chromium (tests/e2e/mesh.spec.ts). A rule throws when it is broken and never ends when something awaited does not
 * come: the runner's timeout is the clock.
 */
import type { BulkChannel, BulkListener } from './bulk-channel.ts';

/** Two joined ends. `open` lets them open; adapters whose channel opens by itself do nothing there. */
export interface ChannelPair {
  readonly left: BulkChannel;
  readonly right: BulkChannel;
  open(): void;
}

export interface ChannelRule {
  readonly title: string;
  check(makePair: () => Promise<ChannelPair>): Promise<void>;
}

export const BULK_CHANNEL_RULES: readonly ChannelRule[] = [
  {
    title: '[BC1] each end says open once, and takes nothing before',
    async check(makePair) {
      const pair = await makePair();
      const [left, right] = [new Ear(pair.left), new Ear(pair.right)];
      if (!pair.left.isOpen) demand(!pair.left.send(new Uint8Array(20)), 'sent before open');
      pair.open();
      await Promise.all([left.until(() => left.openCount > 0), right.until(() => right.openCount > 0)]);
      demand(pair.left.isOpen && pair.right.isOpen, 'told open, but not open');
      await exchange(pair, left, right);
      demand(left.openCount === 1 && right.openCount === 1, 'told open more than once');
    },
  },
  {
    title:
      '[BC2] messages of 1 to 65,536 bytes arrive whole, in order and unchanged, and the sender keeps its bytes',
    async check(makePair) {
      const { pair, right } = await openPair(makePair);
      const sent: Uint8Array[] = [];
      for (let i = 0; i < 60; i++) {
        const message = new Uint8Array(i === 0 ? 65_536 : 1 + ((i * 7_919) % 65_536)).map(
          (_, at) => at * 31 + i,
        );
        sent.push(message);
        demand(pair.left.send(message), `message ${i} was refused`);
      }
      await right.until(() => right.messages.length === sent.length);
      sent.forEach((message, i) => {
        const got = new Uint8Array(right.messages[i]!);
        demand(
          got.length === message.length && message.every((byte, at) => got[at] === byte),
          `message ${i} differs`,
        );
      });
    },
  },
  {
    title:
      '[BC3] what was sent counts as buffered at once; low is told when it fell to the low water, then to nothing',
    async check(makePair) {
      const { pair, left, right } = await openPair(makePair);
      pair.left.setLowWater(100_000);
      const message = new Uint8Array(60_000);
      for (let i = 1; i <= 20; i++) {
        pair.left.send(message);
        demand(pair.left.bufferedBytes > 0, 'sent bytes are not counted');
      }
      demand(pair.left.bufferedBytes <= 20 * message.length, 'more is buffered than was sent');
      await left.until(() => left.lowCount > 0);
      demand(pair.left.bufferedBytes <= 100_000, 'low was told above the low water');
      await right.until(() => right.messages.length === 20);
      pair.left.setLowWater(0);
      pair.left.send(message);
      await left.until(() => left.lowCount > 1);
      demand(pair.left.bufferedBytes === 0, 'bytes are left over');
    },
  },
  {
    title:
      '[BC4] an end that closes hears nothing more; the other is told once; neither takes anything after',
    async check(makePair) {
      const { pair, left, right } = await openPair(makePair);
      pair.left.send(new Uint8Array(40));
      await right.until(() => right.messages.length === 1);
      pair.left.close();
      await right.until(() => right.closedCount > 0);
      demand(
        !pair.left.send(new Uint8Array(40)) && !pair.right.send(new Uint8Array(40)),
        'a closed end took bytes',
      );
      pair.right.close();
      demand(right.closedCount === 1 && left.closedCount === 0, 'closed was told wrongly');
    },
  },
  {
    title: '[BC5] what was sent before a close still arrives, and then the other end is told',
    async check(makePair) {
      const { pair, right } = await openPair(makePair);
      for (let i = 0; i < 20; i++) pair.left.send(new Uint8Array(60_000).fill(i));
      pair.left.close();
      demand(!pair.left.isOpen, 'open after its close');
      await right.until(() => right.closedCount > 0);
      demand(right.messages.length === 20, `${right.messages.length} of 20 messages came`);
      demand(new Uint8Array(right.messages[19]!)[0] === 19, 'the last message is not the last');
    },
  },
];

/** Keeps what a channel said. */
class Ear implements BulkListener {
  openCount = 0;
  lowCount = 0;
  closedCount = 0;
  readonly messages: ArrayBuffer[] = [];
  #wake: (() => void) | null = null;

  constructor(channel: BulkChannel) {
    channel.listen(this);
  }

  open(): void {
    this.openCount += 1;
    this.#wake?.();
  }

  message(buffer: ArrayBuffer | null): void {
    demand(buffer !== null, 'a binary message came as text');
    this.messages.push(buffer!);
    this.#wake?.();
  }

  low(): void {
    this.lowCount += 1;
    this.#wake?.();
  }

  closed(): void {
    this.closedCount += 1;
    this.#wake?.();
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

async function openPair(makePair: () => Promise<ChannelPair>) {
  const pair = await makePair();
  const [left, right] = [new Ear(pair.left), new Ear(pair.right)];
  pair.open();
  await Promise.all([left.until(() => left.openCount > 0), right.until(() => right.openCount > 0)]);
  return { pair, left, right };
}

/** One message each way. */
async function exchange(pair: ChannelPair, left: Ear, right: Ear): Promise<void> {
  pair.left.send(new Uint8Array(20));
  pair.right.send(new Uint8Array(20));
  await Promise.all([
    left.until(() => left.messages.length > 0),
    right.until(() => right.messages.length > 0),
  ]);
}

function demand(isTrue: boolean, otherwise: string): void {
  if (!isTrue) throw new Error(otherwise);
}
