/** One link against imagined channels and time. PF ids: the catalogue of bad peer frames (SECURITY.md). */
import {
  encodeFrame,
  fragment,
  FRAGMENT_HEADER_BYTES,
  frameLimits,
  frameMaxBytes,
  LIMITS,
  type Frame,
  type OutgoingFrame,
} from '@murmuration/protocol';
import { array, assert, property, uint8Array } from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BulkChannel, BulkListener } from './bulk-channel.ts';
import { Link, type LinkEvent } from './link.ts';
import type { QueuedFrame } from './send-queue.ts';

const RUN_TAG = 7;
const LIMITS_OF_RUN = frameLimits(200_000, 3_000_000);
const AUTHOR = `vol_${'a'.repeat(26)}`;
const ANCHOR = '0123456789abcdef';
const SYN = [0x6d, 0x75, 1, 0];
const ACK = [0x6d, 0x75, 2, 0];

/** A channel that keeps what it is given until the test drains it. */
class SlowChannel implements BulkChannel {
  isOpen = true;
  bufferedBytes = 0;
  lowWaterBytes = 0;
  readonly sent: Uint8Array[] = [];
  setLowWater(bytes: number): void {
    this.lowWaterBytes = bytes;
  }
  send(message: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.bufferedBytes += message.length;
    this.sent.push(message);
    return true;
  }
  close(): void {
    this.isOpen = false;
  }
  listen(_listener: BulkListener): void {}
}

let channel: SlowChannel;
let link: Link;
let events: LinkEvent[];
let transferId: number;

const base = { runTag: RUN_TAG, term: 1, round: 2 };
const heartbeat: OutgoingFrame = { ...base, kind: 'heartbeat' };
const update = (bytes: number): OutgoingFrame => ({
  ...base,
  kind: 'update',
  author: AUTHOR,
  sampleCount: 32,
  stepCount: 1,
  trainMs: 5,
  loss: 1.5,
  anchor: ANCHOR,
  slice: new Uint8Array(0),
  encoded: new Uint8Array(bytes).map((_, i) => i * 13),
});
const state = (bytes: number): OutgoingFrame => ({
  ...base,
  kind: 'state',
  anchor: ANCHOR,
  chunk: 0,
  bytes: new Uint8Array(bytes),
});
const pull: OutgoingFrame = { ...base, kind: 'pull', author: AUTHOR };
const cut = (frame: OutgoingFrame): QueuedFrame => ({
  kind: frame.kind,
  messages: fragment(encodeFrame(frame), ++transferId),
});
const take = (message: Uint8Array | readonly number[], nowMs = 0) =>
  link.channelMessage(Uint8Array.from(message).buffer, nowMs);
const takeFrame = (frame: OutgoingFrame, nowMs = 0) => {
  for (const message of cut(frame).messages) take(message, nowMs);
};
const framesOf = (all: readonly LinkEvent[]): Frame[] =>
  all.flatMap((event) => (event.kind === 'frame' ? [event.frame] : []));
const rejections = () => events.flatMap((event) => (event.kind === 'rejected' ? [event.rejection] : []));
const closedBy = () => events.flatMap((event) => (event.kind === 'closed' ? [event.reason] : []));
const kindsSent = () =>
  channel.sent.map((message) =>
    message.length <= 4 ? 'probe' : message.length < 60_000 ? 'small' : 'large',
  );

beforeEach(() => {
  transferId = 0;
  channel = new SlowChannel();
  events = [];
  link = new Link(
    {
      channel,
      run: { runTag: RUN_TAG, limits: LIMITS_OF_RUN },
      heartbeat: cut(heartbeat),
      emit: (event) => events.push(event),
    },
    0,
  );
});

const opened = () => {
  take(ACK);
  events.length = 0;
  channel.sent.length = 0;
  channel.bufferedBytes = 0;
};

describe('proving that both ends hear each other', () => {
  test('an open channel proves nothing: the link opens with the ack', () => {
    link.channelOpened();
    expect(channel.sent.map((probe) => [...probe])).toEqual([SYN]);
    expect(events).toEqual([]);
    take(ACK);
    take(ACK);
    expect(events).toEqual([{ kind: 'open' }]);
  });

  test('a syn lost in the transfer is sent again with every tick', () => {
    link.tick(500, 0);
    link.tick(1_000, 0);
    expect(channel.sent).toHaveLength(2);
  });

  test('every syn is answered, also when the link is open', () => {
    opened();
    take(SYN);
    expect([...channel.sent[0]!]).toEqual(ACK);
  });

  test('a frame proves as much as an ack: the peer sends frames only after our ack', () => {
    takeFrame(pull);
    expect(events.map(({ kind }) => kind)).toEqual(['open', 'frame']);
  });

  test('what is not proven in time has failed, and was never open', () => {
    link.tick(14_999, 0);
    expect(closedBy()).toEqual([]);
    link.tick(15_000, 0);
    expect(events).toEqual([{ kind: 'closed', reason: 'failed', wasOpen: false }]);
  });

  test('nothing is sent on a link that is not open', () => {
    link.send(cut(pull), 0);
    expect(channel.sent).toEqual([]);
  });
});

describe('frames', () => {
  beforeEach(opened);

  test('a frame of many pieces arrives once, decoded, with its bytes its own', () => {
    const frame = update(150_000);
    const messages = cut(frame).messages;
    expect(messages.length).toBe(3);
    for (const message of messages) take(message);
    const [got] = framesOf(events);
    expect(events).toHaveLength(1);
    expect(got).toMatchObject({ kind: 'update', author: AUTHOR, loss: 1.5 });
    expect(got?.kind === 'update' && got.encoded).toEqual(frame.kind === 'update' && frame.encoded);
  });

  test('[PF7] pieces in any order, and a repeated one, make the same frame', () => {
    const [a, b, c] = cut(update(150_000)).messages;
    for (const message of [c!, a!, c!, b!]) take(message);
    expect(framesOf(events)).toHaveLength(1);
    expect(rejections()).toEqual([]);
  });

  test('a heartbeat is heard and not told', () => {
    takeFrame(heartbeat);
    expect(events).toEqual([]);
  });

  test('[PF10] a frame of another run is refused and counted, without a strike', () => {
    for (let i = 0; i < 10; i++) takeFrame({ ...pull, runTag: 8 });
    expect(rejections()).toEqual(Array(10).fill('wrong-run'));
    expect(link.totals.rejectedFrames).toBe(10);
    expect(closedBy()).toEqual([]);
  });

  test('[N2] in a run with tiers it may be of a node, which the mind knows', () => {
    const run = { runTag: RUN_TAG, limits: LIMITS_OF_RUN, hasNodes: true };
    link = new Link({ channel, run, heartbeat: cut(heartbeat), emit: (event) => events.push(event) }, 0);
    takeFrame({ ...pull, runTag: 8 });
    expect(rejections()).toEqual([]);
    expect(framesOf(events)).toMatchObject([{ kind: 'pull', runTag: 8 }]);
  });

  test('bye ends the link', () => {
    takeFrame({ ...base, kind: 'bye' });
    expect(events).toEqual([{ kind: 'closed', reason: 'bye', wasOpen: true }]);
    expect(channel.isOpen).toBe(false);
  });
});

/** A message whose fragment header tells `frameBytes` and `offset`, with a body. */
function forged(
  header: { transferId: number; frameBytes: number; offset: number },
  body: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(FRAGMENT_HEADER_BYTES + body.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, header.transferId, true);
  view.setUint32(4, header.frameBytes, true);
  view.setUint32(8, header.offset, true);
  message.set(body, FRAGMENT_HEADER_BYTES);
  return message;
}
const wrapped = (frame: Uint8Array) => forged({ transferId: 9, frameBytes: frame.length, offset: 0 }, frame);
const damaged = (at: number, value: number) => {
  const frame = encodeFrame(pull).slice();
  frame[at] = value;
  return wrapped(frame);
};

describe('nonsense', () => {
  beforeEach(opened);

  const cases: [string, Uint8Array | number[], string][] = [
    ['[PF1] an empty message', [], 'fragment-too-short'],
    ['[PF1] a message shorter than its header', [1, 2, 3], 'fragment-too-short'],
    ['[PF1] a frame shorter than its header', wrapped(new Uint8Array(23)), 'too-short'],
    ['[PF1] trailing bytes', wrapped(Uint8Array.of(...encodeFrame(pull), 0)), 'bad-length'],
    ['[PF2] wrong magic', damaged(0, 0), 'bad-magic'],
    ['[PF2] wrong version', damaged(2, 9), 'bad-version'],
    ['[PF2] unknown kind', damaged(3, 99), 'bad-kind'],
    [
      '[PF3] a payload length of 2^32-1',
      (() => {
        const frame = encodeFrame(pull).slice();
        new DataView(frame.buffer).setUint32(16, 0xffff_ffff, true);
        return wrapped(frame);
      })(),
      'too-large',
    ],
    [
      '[PF3] a frame length of 2^32-1 is refused before anything is reserved',
      forged({ transferId: 1, frameBytes: 0xffff_ffff, offset: 0 }, new Uint8Array(10)),
      'frame-too-large',
    ],
    [
      '[PF3] a frame length of 0',
      forged({ transferId: 1, frameBytes: 0, offset: 0 }, new Uint8Array(10)),
      'fragment-out-of-range',
    ],
    ['[PF5] the five bytes that freeze binarypack', [0xdd, 0xff, 0xff, 0xff, 0xff], 'fragment-too-short'],
    [
      '[PF31] a PeerJS control message',
      new TextEncoder().encode('{"__peerData":{"type":"close"}}'),
      'frame-too-large',
    ],
    ['a payload whose checksum does not fit', damaged(40, 0xff), 'bad-checksum'],
  ];
  for (const [title, message, rejection] of cases)
    test(`${title}: ${rejection}, a strike; the third closes`, () => {
      take(message);
      expect(rejections()).toEqual([rejection]);
      expect(closedBy()).toEqual([]);
      takeFrame(pull);
      expect(framesOf(events)).toHaveLength(1);
      take(message);
      take(message);
      expect(closedBy()).toEqual(['strikes']);
      expect(channel.isOpen).toBe(false);
      take(message);
      expect(link.totals.rejectedFrames).toBe(LIMITS.peerStrikesMax);
    });

  test('[PF4] text is a strike', () => {
    for (let i = 0; i < LIMITS.peerStrikesMax; i++) link.channelMessage(null, 0);
    expect(rejections()).toEqual(['not-binary', 'not-binary', 'not-binary']);
    expect(closedBy()).toEqual(['strikes']);
  });

  test('[PF6] a message larger than any honest one closes at once', () => {
    take(new Uint8Array(LIMITS.peerMessageMaxBytes + 1));
    expect(rejections()).toEqual(['fragment-too-large']);
    expect(closedBy()).toEqual(['strikes']);
  });

  test('[PF7] another total on the second piece drops the transfer', () => {
    const body = new Uint8Array(1_000);
    take(forged({ transferId: 3, frameBytes: 5_000, offset: 0 }, body));
    take(forged({ transferId: 3, frameBytes: 6_000, offset: 1_000 }, body));
    expect(rejections()).toEqual(['fragment-inconsistent']);
  });

  test('[PF8] a fifth transfer at once is refused; an abandoned one is freed after 30 s, with a strike', () => {
    const body = new Uint8Array(1_000);
    for (let id = 0; id <= LIMITS.peerTransfersMax; id++)
      take(forged({ transferId: id, frameBytes: 5_000, offset: 0 }, body));
    expect(rejections()).toEqual(['too-many-transfers']);
    // The peer stays alive by heartbeats, which are no progress of a transfer.
    for (let nowMs = 2_000; nowMs < 30_000; nowMs += 2_000) {
      takeFrame(heartbeat, nowMs);
      link.tick(nowMs, 0);
    }
    expect(rejections()).toHaveLength(1);
    link.tick(30_000, 0);
    expect(rejections()).toEqual(['too-many-transfers', 'transfer-abandoned']);
    takeFrame(update(150_000), 30_000);
    expect(framesOf(events)).toHaveLength(1);
  });

  test('[PF32] a flood of valid small frames closes; the allowed rate does not', () => {
    const message = cut(pull).messages[0]!;
    for (let ms = 0; ms < 10_000; ms += 10) {
      for (let i = 0; i < LIMITS.peerMessagesPerSecond / 100; i++) take(message, ms);
    }
    expect(closedBy()).toEqual([]);
    for (let i = 0; i < LIMITS.peerMessagesBurst + 20; i++) take(message, 10_000);
    expect(rejections()).toEqual(['flood']);
    expect(closedBy()).toEqual(['strikes']);
  });

  test('any bytes at all are either refused or a frame, and never more than three times', () => {
    assert(
      property(array(uint8Array({ maxLength: 90 }), { maxLength: 30 }), (messages) => {
        const seen: LinkEvent[] = [];
        const fuzzed = new Link(
          {
            channel: new SlowChannel(),
            run: { runTag: RUN_TAG, limits: LIMITS_OF_RUN },
            heartbeat: cut(heartbeat),
            emit: (event) => seen.push(event),
          },
          0,
        );
        for (const message of messages) fuzzed.channelMessage(message.slice().buffer, 0);
        expect(framesOf(seen)).toEqual([]);
        expect(seen.filter(({ kind }) => kind === 'rejected').length).toBeLessThanOrEqual(
          LIMITS.peerStrikesMax,
        );
      }),
      { seed: 20_241_120, numRuns: 300 },
    );
  });
});

describe('sending', () => {
  beforeEach(opened);
  const drainTo = (bytes: number, nowMs: number) => {
    channel.bufferedBytes = bytes;
    link.channelLow(nowMs);
  };

  test('[PF29] no more than the high water is given to the channel; the rest waits for low', () => {
    link.send(cut(state(2_000_000)), 0);
    const first = channel.sent.length;
    expect(channel.bufferedBytes).toBeGreaterThanOrEqual(512 * 1024);
    expect(channel.bufferedBytes).toBeLessThan(512 * 1024 + LIMITS.peerMessageMaxBytes);
    expect(link.queuedBytes).toBeGreaterThan(2_000_000);
    link.send(cut(state(100_000)), 1);
    expect(channel.sent).toHaveLength(first);
    for (let nowMs = 300; link.queuedBytes > channel.bufferedBytes; nowMs += 300) drainTo(0, nowMs);
    expect(link.totals.bytesSent).toBe(channel.sent.reduce((sum, message) => sum + message.length, 0));
    expect(link.totals.bytesSentState).toBe(link.totals.bytesSent);
  });

  test('a control frame overtakes the bulk that waits, between two pieces of one frame', () => {
    link.send(cut(state(2_000_000)), 0);
    link.send(cut(update(150_000)), 0);
    link.send(cut(pull), 0);
    const before = channel.sent.length;
    drainTo(0, 300);
    expect(kindsSent().slice(before, before + 2)).toEqual(['small', 'large']);
    const other = new Reader();
    for (let nowMs = 600; link.queuedBytes > channel.bufferedBytes; nowMs += 300) drainTo(0, nowMs);
    expect(other.read(channel.sent)).toEqual(['pull', 'state', 'update']);
  });

  test('the buffer follows the line: it shrinks until it drains in half a second, and grows on a fast one', () => {
    link.send(cut(state(2_900_000)), 0);
    const filled = () => {
      const bytes = channel.bufferedBytes;
      return Math.floor(bytes / (128 * 1024)) * 128;
    };
    expect(filled()).toBe(512);
    drainTo(100_000, 2_000);
    expect(filled()).toBe(256);
    drainTo(50_000, 4_000);
    drainTo(20_000, 6_000);
    expect(filled()).toBe(128);
    for (let i = 1; i <= 3; i++) drainTo(0, 6_000 + i * 10);
    expect(filled()).toBe(1_024);
    expect(channel.lowWaterBytes).toBe(256 * 1024);
  });

  test('more than the queue may hold is clogged, and closes', () => {
    const frame = cut(state(2_900_000));
    for (let i = 0; i < 23; i++) link.send(frame, 0);
    expect(closedBy()).toEqual([]);
    link.send(frame, 0);
    expect(closedBy()).toEqual(['clogged']);
  });

  test('[PF29] a peer that takes nothing for 30 s is clogged, even while it talks', () => {
    link.send(cut(state(2_000_000)), 0);
    for (let nowMs = 500; nowMs < 30_000; nowMs += 500) {
      takeFrame(heartbeat, nowMs);
      link.tick(nowMs, 0);
    }
    expect(closedBy()).toEqual([]);
    link.tick(30_000, 0);
    expect(closedBy()).toEqual(['clogged']);
  });

  test('a slow line is not clogged: each byte that leaves is progress', () => {
    link.send(cut(state(2_000_000)), 0);
    for (let nowMs = 500; nowMs < 120_000; nowMs += 500) {
      takeFrame(heartbeat, nowMs);
      channel.bufferedBytes -= 100;
      link.tick(nowMs, 0);
    }
    expect(closedBy()).toEqual([]);
  });

  test('a channel that refuses a message has failed', () => {
    channel.isOpen = false;
    link.send(cut(pull), 0);
    expect(closedBy()).toEqual(['failed']);
  });
});

/** The other end's view of what was sent. */
class Reader {
  read(messages: readonly Uint8Array[]): string[] {
    const seen: LinkEvent[] = [];
    const other = new Link(
      {
        channel: new SlowChannel(),
        run: { runTag: RUN_TAG, limits: LIMITS_OF_RUN },
        heartbeat: cut(heartbeat),
        emit: (event) => seen.push(event),
      },
      0,
    );
    for (const message of messages) other.channelMessage(message.slice().buffer, 0);
    return framesOf(seen).map(({ kind }) => kind);
  }
}

describe('silence', () => {
  beforeEach(opened);

  test('a heartbeat is sent when nothing else was for 2 s', () => {
    link.tick(1_999, 0);
    expect(channel.sent).toHaveLength(0);
    link.tick(2_000, 0);
    expect(channel.sent).toHaveLength(1);
    channel.bufferedBytes = 0;
    link.send(cut(pull), 3_500);
    channel.bufferedBytes = 0;
    link.tick(4_000, 0);
    expect(channel.sent).toHaveLength(2);
  });

  test('a peer that says nothing for 8 s is silent', () => {
    takeFrame(heartbeat, 1_000);
    link.tick(8_999, 0);
    expect(closedBy()).toEqual([]);
    link.tick(9_000, 0);
    expect(closedBy()).toEqual(['silent']);
  });

  test('a suspect gets half of that, until it is found again', () => {
    link.suspect(true);
    link.suspect(false);
    link.tick(4_000, 0);
    expect(closedBy()).toEqual([]);
    link.suspect(true);
    link.tick(4_500, 0);
    expect(closedBy()).toEqual(['silent']);
  });

  test('our own sleep is not the silence of the peer', () => {
    link.tick(60_000, 60_000);
    expect(closedBy()).toEqual([]);
    link.tick(67_999, 0);
    expect(closedBy()).toEqual([]);
    link.tick(68_000, 0);
    expect(closedBy()).toEqual(['silent']);
  });

  test('a closed link says nothing more', () => {
    link.channelClosed();
    link.channelClosed();
    link.close('dropped');
    link.tick(60_000, 0);
    takeFrame(pull);
    expect(events).toEqual([{ kind: 'closed', reason: 'closed', wasOpen: true }]);
  });
});

test('the frame bound of these tests is what the protocol says', () => {
  expect(frameMaxBytes(LIMITS_OF_RUN)).toBe(3_000_036);
});
