/**
 * A hybrid run's updates over a real coordinator and real sockets: one transport with three peers behind the coordinator.
 * What is counted are the bytes that the sender's own operating system was given.
 */
import { fnv1a32, frameLimits, type OutgoingFrame, type VolunteerId } from '@murmuration/protocol';
import { ChannelTransport, type MeshEvent, type RelayTicket } from '@murmuration/mesh';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestCoordinator } from '../../coordinator/testing/grid.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const RUN = { runTag: fnv1a32('run_1'), limits: frameLimits(2_000_000, 4_000_000) };
const base = { runTag: RUN.runTag, term: 1, round: 3 };
const ENCODED_BYTES = 1_000_000;
const updateOf = (author: VolunteerId, round = 3): OutgoingFrame => ({
  ...base,
  round,
  kind: 'update',
  author,
  sampleCount: 80,
  stepCount: 5,
  trainMs: 900,
  loss: 0.5,
  anchor: '0123456789abcdef',
  slice: new Uint8Array(0),
  encoded: new Uint8Array(ENCODED_BYTES).map((_, i) => i * 7 + round),
});

let coordinator: TestCoordinator;
const tabs: Tab[] = [];
afterEach(async () => {
  for (const tab of tabs.splice(0)) tab.leave();
  await coordinator.stop();
});

class Tab {
  readonly id: VolunteerId;
  readonly events: MeshEvent[] = [];
  readonly transport: ChannelTransport;
  readonly sockets: WebSocket[] = [];
  #beneath: Socket | null = null;

  private constructor({ id, token }: RelayTicket, fansOut: boolean) {
    this.id = id;
    this.transport = new ChannelTransport({
      emit: (event) => this.events.push(event),
      toPage: () => undefined,
      connectRelay: (ticket) => {
        const address = `${coordinator.url.replace('http', 'ws')}/ws/relay?${new URLSearchParams({ ...ticket })}`;
        const socket = new WebSocket(address, { origin: coordinator.url });
        this.sockets.push(socket);
        socket.once('upgrade', ({ socket: beneath }) => (this.#beneath = beneath));
        return socket as never;
      },
      nowMs: () => performance.now(),
      random: Math.random,
    });
    this.transport.setRun({ ...RUN, fansOut });
    this.transport.welcome({ id, token });
  }

  static async enter(fansOut: boolean): Promise<Tab> {
    const control = coordinator.open();
    await control.hello({ links: 'no-peers' });
    const { volunteerId: id, signalToken: token } = await control.next('welcome');
    const { run } = await control.next('assignment');
    await control.say({ type: 'ready', runId: run!.id });
    await control.next('introduce');
    const tab = new Tab({ id, token }, fansOut);
    tabs.push(tab);
    return tab;
  }

  get uplinkBytes(): number {
    return this.#beneath!.bytesWritten;
  }
  updates(): { round: number; bytes: Uint8Array }[] {
    return this.events.flatMap((event) =>
      event.kind === 'peer-frame' && event.frame.kind === 'update'
        ? [{ round: event.frame.round, bytes: event.frame.encoded }]
        : [],
    );
  }
  leave(): void {
    this.transport.close();
  }
}

/** Looks again after each turn of the loop; what it waits for comes over sockets. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    for (const { transport } of tabs) transport.tick();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** One hub with links to three mates, all through the coordinator. */
async function star(architecture: 'hybrid' | 'decentralised') {
  coordinator = await TestCoordinator.start({ listen: true });
  await coordinator.createRun({ architecture });
  const fansOut = architecture === 'hybrid';
  const hub = await Tab.enter(fansOut);
  const mates = [await Tab.enter(fansOut), await Tab.enter(fansOut), await Tab.enter(fansOut)] as const;
  for (const mate of mates) mate.transport.hold([hub.id], [hub.id]);
  await until(() => coordinator.built.relay.memberCount === 3);
  const ids = mates.map(({ id }) => id);
  hub.transport.hold(ids, ids);
  await until(() => hub.transport.totals().peersNow === 3);
  const say = (frame: OutgoingFrame) => ids.forEach((id) => hub.transport.send(id, frame));
  return { hub, mates, say, before: hub.uplinkBytes };
}

describe('an update to three peers behind the coordinator', () => {
  it('[T6] leaves a tab of a hybrid run once, and each peer has it bit for bit', async () => {
    const { hub, mates, say, before } = await star('hybrid');
    const update = updateOf(hub.id);
    say(update);
    await until(() => mates.every((mate) => mate.updates().length === 1));
    for (const mate of mates)
      expect(
        Buffer.from(mate.updates()[0]!.bytes).equals(
          Buffer.from((update as { encoded: Uint8Array }).encoded),
        ),
      ).toBe(true);
    const { relay } = coordinator.built;
    expect(hub.uplinkBytes - before).toBeLessThan(1.02 * ENCODED_BYTES);
    expect(relay.passedBytes).toBeGreaterThan(3 * ENCODED_BYTES);
    expect(relay.takenBytes).toBeLessThan(1.02 * ENCODED_BYTES);
    expect(relay.refusals.size).toBe(0);
    // The transport's own count is of what left, and by link of what the peer got.
    const totals = hub.transport.totals();
    expect(totals.routes.coordinator.bytesSent).toBeLessThan(1.02 * ENCODED_BYTES);
    for (const [i, { bytesSent }] of totals.peers.entries())
      expect(bytesSent).toBe(
        mates.find(({ id }) => id === totals.peers[i]!.peer)!.transport.totals().bytesReceivedPeers,
      );
    await until(() => hub.transport.totals().line.waitingBytes === 0);
    expect(hub.transport.totals().line.leftBytes).toBe(totals.bytesSentPeers);
  });

  it('[T1] leaves a tab of any other run once for each', async () => {
    const { hub, mates, say, before } = await star('decentralised');
    say(updateOf(hub.id));
    await until(() => mates.every((mate) => mate.updates().length === 1));
    expect(hub.uplinkBytes - before).toBeGreaterThan(3 * ENCODED_BYTES);
    const { takenBytes, passedBytes } = coordinator.built.relay;
    expect(takenBytes).toBe(passedBytes);
  });

  it('[T7] a peer that reads nothing holds nobody up, and has both updates when it reads again', async () => {
    const { hub, mates, say } = await star('hybrid');
    const [slow, ...quick] = mates;
    slow.sockets[0]!.pause();
    say(updateOf(hub.id, 3));
    say(updateOf(hub.id, 4));
    await until(() => quick.every((mate) => mate.updates().length === 2));
    expect(slow.updates()).toEqual([]);
    expect(hub.transport.totals().line.waitingBytes).toBeGreaterThan(ENCODED_BYTES);
    slow.sockets[0]!.resume();
    await until(() => slow.updates().length === 2);
    for (const mate of mates) expect(mate.updates().map(({ round }) => round)).toEqual([3, 4]);
    expect(coordinator.built.relay.refusals.size).toBe(0);
  });

  it('[T6] a peer that is lost on the way costs the others nothing', async () => {
    const { hub, mates, say } = await star('hybrid');
    const [lost, ...others] = mates;
    say(updateOf(hub.id));
    await until(() => lost.transport.totals().bytesReceivedPeers > 100_000);
    lost.sockets[0]!.terminate();
    await until(() => others.every((mate) => mate.updates().length === 1));
    await until(() => hub.events.some(({ kind }) => kind === 'peer-closed'));
    expect(hub.transport.totals().rejectedFrames).toBe(0);
  });
});
