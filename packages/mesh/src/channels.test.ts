/** The transport over imagined channels: what it tells the mind and what it tells the page. */
import { fnv1a32, frameLimits, type OutgoingFrame, type VolunteerId } from '@murmuration/protocol';
import { beforeEach, expect, test } from 'vitest';
import { ChannelTransport, type MeshEvent } from './channels.ts';
import { FakeDataChannel } from './fake-data-channel.ts';
import type { LinkWish } from './link-words.ts';

const [A, B] = ['a', 'b'].map((letter): VolunteerId => `vol_${letter.repeat(26)}`) as [string, string];
const RUN = { runTag: fnv1a32('run_1'), limits: frameLimits(1_000_000, 4_000_000) };
const ANCHOR = '00000000000000ff';
const base = { runTag: RUN.runTag, term: 0, round: 0 };
const state: OutgoingFrame = {
  ...base,
  kind: 'state',
  anchor: ANCHOR,
  chunk: 0,
  bytes: new Uint8Array(900_000).fill(3),
};
const hello: OutgoingFrame = {
  ...base,
  kind: 'hello',
  hasReplica: true,
  wantsUpdates: false,
  anchor: ANCHOR,
};

interface End {
  readonly transport: ChannelTransport;
  readonly events: MeshEvent[];
  readonly wishes: LinkWish[];
}
let nowMs: number;
let left: End;
let right: End;
let number: number;

beforeEach(() => {
  nowMs = 1_000;
  number = 0;
  [left, right] = [end(), end()];
});

function end(): End {
  const events: MeshEvent[] = [];
  const wishes: LinkWish[] = [];
  const transport = new ChannelTransport({
    emit: (event) => events.push(event),
    toPage: (wish) => wishes.push(wish),
    connectRelay: () => {
      throw new Error('nobody here is reached through the coordinator');
    },
    nowMs: () => nowMs,
    random: () => 0.5,
  });
  transport.setRun(RUN);
  return { transport, events, wishes };
}

/** Hands one channel to both, as the pages do, and lets it open. */
async function link(): Promise<readonly [FakeDataChannel, FakeDataChannel]> {
  const pair = FakeDataChannel.pair();
  number += 1;
  const hand = (to: End, peer: VolunteerId, channel: FakeDataChannel) =>
    to.transport.receive({
      kind: 'link-channel',
      peer,
      link: number,
      channel: channel as unknown as RTCDataChannel,
    });
  hand(left, B, pair[0]);
  hand(right, A, pair[1]);
  pair[0].openBoth();
  await settle();
  return pair;
}

/** Until every microtask has run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const kinds = ({ events }: End) => events.map(({ kind }) => kind);
const drops = ({ wishes }: End) => wishes.filter(({ kind }) => kind === 'link-drop');

test('both ends say open; frames cross both ways; both count the same bytes', async () => {
  await link();
  expect([kinds(left), kinds(right)]).toEqual([['peer-open'], ['peer-open']]);
  left.transport.send(B, state);
  right.transport.send(A, hello);
  await settle();
  expect(right.events.at(-1)).toMatchObject({
    kind: 'peer-frame',
    peer: A,
    frame: { kind: 'state', anchor: ANCHOR },
  });
  expect(left.events.at(-1)).toMatchObject({ kind: 'peer-frame', peer: B, frame: { kind: 'hello' } });
  const [sent, got] = [left.transport.totals(), right.transport.totals()];
  expect(sent.bytesSentPeers).toBe(got.bytesReceivedPeers);
  expect(sent.bytesReceivedPeers).toBe(got.bytesSentPeers);
  expect(sent.bytesSentState).toBe(sent.bytesSentPeers);
  expect(sent.bytesSentPeers).toBeGreaterThan(900_000);
  expect(got.bytesSentState).toBe(0);
  expect(sent).toMatchObject({ peersNow: 1, peersMax: 1, rejectedFrames: 0 });
});

test('events are never told from inside a call', async () => {
  await link();
  left.transport.drop(B, 'dropped');
  expect(kinds(left)).toEqual(['peer-open']);
  await settle();
  expect(kinds(left)).toEqual(['peer-open', 'peer-closed']);
});

test('a drop is told to the mind, to the page and to the peer, once each', async () => {
  await link();
  left.transport.drop(B, 'strikes');
  left.transport.drop(B, 'strikes');
  await settle();
  expect(left.events.at(-1)).toEqual({ kind: 'peer-closed', peer: B, reason: 'strikes' });
  expect(drops(left)).toEqual([{ kind: 'link-drop', peer: B, link: 1, reason: 'strikes' }]);
  expect(right.events.at(-1)).toEqual({ kind: 'peer-closed', peer: A, reason: 'closed' });
  expect(left.transport.totals()).toMatchObject({ peersNow: 0, peersMax: 1 });
});

test('hold passes the list to the page and drops the others', async () => {
  await link();
  left.transport.hold([B]);
  await settle();
  expect(kinds(left)).toEqual(['peer-open']);
  left.transport.hold([]);
  await settle();
  expect(left.events.at(-1)).toEqual({ kind: 'peer-closed', peer: B, reason: 'dropped' });
  expect(left.wishes.filter(({ kind }) => kind === 'link-hold')).toEqual([
    { kind: 'link-hold', peers: [B] },
    { kind: 'link-hold', peers: [] },
  ]);
});

test('the newest link of a peer replaces the former, and late words about the former change nothing', async () => {
  await link();
  await link();
  expect(kinds(left)).toEqual(['peer-open', 'peer-closed', 'peer-open']);
  left.transport.receive({ kind: 'link-gone', peer: B, link: 1, reason: 'failed' });
  await settle();
  expect(left.transport.totals().peersNow).toBe(1);
  left.transport.receive({ kind: 'link-gone', peer: B, link: 2, reason: 'bye' });
  await settle();
  expect(left.events.at(-1)).toEqual({ kind: 'peer-closed', peer: B, reason: 'bye' });
});

test('[PF9] a sender that leaves in the middle of a transfer costs nothing; its bytes stay counted', async () => {
  const [near] = await link();
  left.transport.send(B, hello);
  await settle();
  near.hold(true);
  left.transport.send(B, state);
  near.close();
  await settle();
  expect(kinds(right)).toEqual(['peer-open', 'peer-frame', 'peer-closed']);
  expect(right.transport.totals()).toMatchObject({ peersNow: 0, bytesReceivedPeers: 24 + 9 + 12 });
});

test('links of another run are dropped, those of the same run stay', async () => {
  await link();
  left.transport.setRun({ ...RUN, limits: { ...RUN.limits } });
  await settle();
  expect(kinds(left)).toEqual(['peer-open']);
  left.transport.setRun({ ...RUN, runTag: 1 });
  await settle();
  expect(left.events.at(-1)).toEqual({ kind: 'peer-closed', peer: B, reason: 'dropped' });
});

test('without a run no link is taken: there is nothing to judge frames by', async () => {
  left.transport.setRun(null);
  await link();
  expect(kinds(left)).toEqual([]);
  expect(drops(left)).toEqual([{ kind: 'link-drop', peer: B, link: 1, reason: 'dropped' }]);
});

test('a link that never opened ends without a word to the mind', async () => {
  const [channel] = FakeDataChannel.pair();
  left.transport.receive({
    kind: 'link-channel',
    peer: B,
    link: 1,
    channel: channel as unknown as RTCDataChannel,
  });
  left.transport.receive({ kind: 'link-gone', peer: B, link: 1, reason: 'failed' });
  await settle();
  expect(left.events).toEqual([]);
});

test('a tick beats the page, and a late one forgives the silence that we slept through', async () => {
  await link();
  nowMs += 60_000;
  left.transport.tick();
  await settle();
  expect(kinds(left)).toEqual(['peer-open']);
  for (let i = 0; i < 16; i++) {
    nowMs += 500;
    left.transport.tick();
  }
  await settle();
  expect(left.events.at(-1)).toEqual({ kind: 'peer-closed', peer: B, reason: 'silent' });
  expect(left.wishes.filter(({ kind }) => kind === 'link-tick')).toHaveLength(17);
});

test('one frame for many peers is encoded once: the same bytes leave on every link', async () => {
  await link();
  const cutBefore = left.transport.totals().bytesSentPeers;
  left.transport.send(B, hello);
  left.transport.send(B, hello);
  await settle();
  expect(left.transport.totals().bytesSentPeers - cutBefore).toBe(2 * (24 + 9 + 12));
  expect(kinds(right)).toEqual(['peer-open', 'peer-frame', 'peer-frame']);
});
