/**
 * Channels through a real coordinator: the same rules as every bulk channel, and links of the production transport whose
 * frames take this way. Everything but the frames' meaning is real: ledger, introductions, sockets, relay.
 */
import { fnv1a32, frameLimits, type OutgoingFrame, type VolunteerId } from '@murmuration/protocol';
import {
  ChannelTransport,
  RelayPeers,
  type EnvelopeSocket,
  type MeshEvent,
  type RelayTicket,
} from '@murmuration/mesh';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestCoordinator, type TestSocket } from '../../coordinator/testing/grid.ts';
import { BULK_CHANNEL_RULES, type ChannelPair } from '../../packages/mesh/src/bulk-channel.acceptance.ts';
import type { RelayChannel } from '../../packages/mesh/src/relay-channel.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let coordinator: TestCoordinator;
let left: RelayTicket;
let right: RelayTicket;
const controls: TestSocket[] = [];

async function enter(): Promise<RelayTicket> {
  const control = coordinator.open();
  controls.push(control);
  await control.hello({ links: 'no-peers' });
  const { volunteerId: id, signalToken: token } = await control.next('welcome');
  const { run } = await control.next('assignment');
  await control.say({ type: 'ready', runId: run!.id });
  await control.next('introduce');
  return { id, token };
}

beforeAll(async () => {
  coordinator = await TestCoordinator.start({ listen: true });
  await coordinator.createRun();
  // The smaller id dials; the order of arrival is chance.
  const tickets = [await enter(), await enter()].sort((a, b) => (a.id < b.id ? -1 : 1));
  [left, right] = tickets as [RelayTicket, RelayTicket];
});
afterAll(() => coordinator.stop());

const connect = ({ id, token }: RelayTicket): EnvelopeSocket => {
  const address = `${coordinator.url.replace('http', 'ws')}/ws/relay?${new URLSearchParams({ id, token })}`;
  return new WebSocket(address, { origin: coordinator.url }) as unknown as EnvelopeSocket;
};

/** Until it is so. What it waits for comes over sockets, so it looks again after each turn of the loop. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

describe('a channel through the coordinator', () => {
  const open = new Set<RelayPeers>();
  const used: RelayChannel[] = [];

  async function pair(): Promise<ChannelPair> {
    for (const channel of used.splice(0)) channel.close();
    for (const peers of open) peers.receive({ kind: 'link-hold', peers: [] });
    open.clear();
    await until(() => coordinator.built.relay.memberCount === 0);
    const channels = new Map<VolunteerId, RelayChannel>();
    let nowMs = 0;
    const peersOf = (ticket: RelayTicket) => {
      const peers = new RelayPeers({
        connect,
        begin: ({ peer, link }, channel) => {
          channels.set(ticket.id, channel);
          used.push(channel);
          const close = channel.close.bind(channel);
          // As the transport does: whoever ends a link says so to the one that made its channel.
          channel.close = () => {
            channel.close = close;
            close();
            peers.receive({ kind: 'link-drop', peer, link, reason: 'closed' });
          };
        },
        fanned: () => undefined,
        nowMs: () => nowMs,
        random: Math.random,
      });
      open.add(peers);
      peers.welcome(ticket);
      return peers;
    };
    // The called end is there before it is called: a call that comes too early is made again much later.
    const called = peersOf(right);
    called.receive({ kind: 'link-hold', peers: [left.id] });
    await until(() => coordinator.built.relay.memberCount === 1);
    peersOf(left).receive({ kind: 'link-hold', peers: [right.id] });
    await until(() => {
      nowMs += 1;
      return channels.size === 2;
    });
    return { left: channels.get(left.id)!, right: channels.get(right.id)!, open: () => undefined };
  }

  for (const rule of BULK_CHANNEL_RULES)
    it(`${rule.title} (through the coordinator)`, async () => {
      await expect(rule.check(pair)).resolves.toBeUndefined();
    });
});

describe('links of the transport through the coordinator', () => {
  const RUN = { runTag: fnv1a32('run_1'), limits: frameLimits(1_000_000, 4_000_000) };
  const state: OutgoingFrame = {
    runTag: RUN.runTag,
    term: 0,
    round: 0,
    kind: 'state',
    anchor: '00000000000000ff',
    chunk: 0,
    bytes: new Uint8Array(3_000_000).map((_, i) => i * 7),
  };

  it('[T3] [T4] frames of 3 MB cross both ways, ends count the same bytes, and a lost socket is replaced', async () => {
    const start = performance.now();
    const nowMs = () => performance.now() - start;
    const events = { left: [] as MeshEvent[], right: [] as MeshEvent[] };
    const sockets: EnvelopeSocket[] = [];
    const ends = { left, right };
    const transportOf = (side: 'left' | 'right') => {
      const transport = new ChannelTransport({
        emit: (event) => events[side].push(event),
        toPage: () => undefined,
        connectRelay: (ticket) => {
          const socket = connect(ticket);
          sockets.push(socket);
          return socket;
        },
        nowMs,
        random: Math.random,
      });
      transport.setRun(RUN);
      transport.welcome(ends[side]);
      return transport;
    };
    const [a, b] = [transportOf('left'), transportOf('right')];
    a.hold([right.id], [right.id]);
    b.hold([left.id], [left.id]);
    const has = (side: 'left' | 'right', kind: MeshEvent['kind'], count = 1) =>
      events[side].filter((event) => event.kind === kind).length >= count;
    const ticking = async (isSo: () => boolean) =>
      until(() => {
        a.tick();
        b.tick();
        return isSo();
      });
    await ticking(() => has('left', 'peer-open') && has('right', 'peer-open'));
    a.send(right.id, state);
    b.send(left.id, state);
    await ticking(() => has('left', 'peer-frame') && has('right', 'peer-frame'));
    for (const side of ['left', 'right'] as const) {
      const got = events[side].find((event) => event.kind === 'peer-frame')!;
      expect(
        got.frame.kind === 'state' && Buffer.from(got.frame.bytes).equals(Buffer.from(state.bytes)),
      ).toBe(true);
    }
    await ticking(() => a.totals().bytesSentPeers === b.totals().bytesReceivedPeers);
    const { routes } = a.totals();
    expect(routes.coordinator.links).toBe(1);
    expect(routes.coordinator.bytesSent).toBeGreaterThan(state.bytes.length);
    expect(routes.coordinator.bytesReceived).toBeGreaterThan(state.bytes.length);
    expect([routes.direct, routes.relayed]).toEqual([
      { links: 0, bytesSent: 0, bytesReceived: 0 },
      { links: 0, bytesSent: 0, bytesReceived: 0 },
    ]);
    expect(coordinator.built.relay.passedBytes).toBeGreaterThan(2 * state.bytes.length);

    sockets[0]!.close();
    await ticking(() => has('left', 'peer-closed') && has('right', 'peer-closed'));
    await ticking(() => has('left', 'peer-open', 2) && has('right', 'peer-open', 2));
    a.close();
    b.close();
    await ticking(() => coordinator.built.relay.memberCount === 0);
    expect(coordinator.built.relay.inFlightBytes).toBe(0);
  });
});
