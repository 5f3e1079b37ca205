/** The relay over real sockets: who may use it, and what it does to those who send too much or nonsense. */
import {
  decodeEnvelope,
  encodeEnvelope,
  encodeFanOut,
  ENVELOPE_HEADER_BYTES,
  LIMITS,
} from '@murmuration/protocol';
import type { Architecture, Envelope, LinkPolicy } from '@murmuration/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { EventEmitter } from 'node:events';
import { TestCoordinator } from '../testing/grid.ts';
import type { TestSocket } from '../testing/grid.ts';
import { Relay } from './relay.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import type { CoordinatorSettings } from './settings.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let coordinator: TestCoordinator;
let isStarted = false;
afterEach(async () => {
  if (isStarted) await coordinator.stop();
  isStarted = false;
});

/** Moved by hand, beside the real one that timers follow. */
let aheadMs = 0;
async function start(
  settings: Partial<CoordinatorSettings> = {},
  architecture: Architecture = 'decentralised',
): Promise<void> {
  aheadMs = 0;
  coordinator = await TestCoordinator.start({
    listen: true,
    settings,
    nowMs: () => 1_700_000_000_000 + aheadMs,
  });
  isStarted = true;
  await coordinator.createRun({ architecture });
}

interface Tab {
  readonly id: string;
  readonly token: string;
  readonly control: TestSocket;
}
async function enter(links: LinkPolicy): Promise<Tab> {
  const control = coordinator.open();
  await control.hello({ links });
  const { volunteerId: id, signalToken: token } = await control.next('welcome');
  const { run } = await control.next('assignment');
  await control.say({ type: 'ready', runId: run!.id });
  await control.next('introduce');
  return { id, token, control };
}

/** The raw end of a relay's socket. */
class Wire {
  readonly got: Envelope[] = [];
  readonly closed: Promise<number>;
  reason = '';
  readonly #socket: WebSocket;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) =>
      socket.once('close', (code, reason) => {
        this.reason = String(reason);
        resolve(code);
      }),
    );
    socket.on('message', (raw: Buffer) => {
      this.got.push(decodeEnvelope(new Uint8Array(raw))!);
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }
  static async open({ id, token }: Tab): Promise<Wire> {
    const address = `${coordinator.url.replace('http', 'ws')}/ws/relay?${new URLSearchParams({ id, token })}`;
    const socket = new WebSocket(address, { origin: coordinator.url });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('unexpected-response', (_request, { statusCode }) =>
        reject(new Error(`HTTP ${statusCode}`)),
      );
      socket.on('error', reject);
    });
    return new Wire(socket);
  }
  say(envelope: Envelope): void {
    this.#socket.send(encodeEnvelope(envelope));
  }
  raw(data: Uint8Array | string): void {
    this.#socket.send(data);
  }
  pause(): void {
    this.#socket.pause();
  }
  async next<K extends Envelope['kind']>(kind: K): Promise<Extract<Envelope, { kind: K }>> {
    for (;;) {
      const at = this.got.findIndex((envelope) => envelope.kind === kind);
      if (at >= 0) return this.got.splice(at, 1)[0] as Extract<Envelope, { kind: K }>;
      if (this.#socket.readyState === WebSocket.CLOSED) throw new Error(`closed before "${kind}" came`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

async function channel(number = 1) {
  const [a, b] = [await enter('no-peers'), await enter('no-peers')];
  await a.control.next('introduce');
  const [left, right] = [await Wire.open(a), await Wire.open(b)];
  left.say({ kind: 'open', peer: b.id, channel: number });
  expect(await right.next('open')).toEqual({ kind: 'open', peer: a.id, channel: number });
  right.say({ kind: 'accept', peer: a.id, channel: number });
  expect(await left.next('accept')).toEqual({ kind: 'accept', peer: b.id, channel: number });
  return { a, b, left, right };
}

describe('the relay', () => {
  it('[T2] opens channels between those introduced for it; others are told that nobody is there', async () => {
    await start();
    const [a, b, c] = [await enter('direct'), await enter('direct'), await enter('no-peers')];
    await a.control.next('introduce');
    const [left, right, apart] = [await Wire.open(a), await Wire.open(b), await Wire.open(c)];
    left.say({ kind: 'open', peer: b.id, channel: 1 });
    expect(await left.next('close')).toMatchObject({ peer: b.id, reason: 'absent' });
    left.say({ kind: 'open', peer: c.id, channel: 2 });
    expect(await apart.next('open')).toMatchObject({ peer: a.id, channel: 2 });

    // After both tried: a says that there is no path, and both are introduced for this way.
    const { run } = { run: coordinator.built.grid.runs[0]!.state.setup.manifest };
    await b.control.next('introduce');
    await a.control.say({ type: 'no-route', runId: run.id, peer: b.id });
    const viaOf = async (tab: Tab, peer: string) => {
      let introduction = await tab.control.next('introduce');
      while (!introduction.viaCoordinator.includes(peer)) introduction = await tab.control.next('introduce');
      return introduction.viaCoordinator;
    };
    expect(await viaOf(a, b.id)).toContain(c.id);
    expect(await viaOf(b, a.id)).toContain(c.id);
    left.say({ kind: 'open', peer: b.id, channel: 3 });
    expect(await right.next('open')).toMatchObject({ peer: a.id, channel: 3 });
  });

  it('[T1] passes a message on unread, from whom it came, and the word that it was taken back', async () => {
    await start();
    const { a, b, left, right } = await channel();
    const message = Uint8Array.from({ length: 65_536 }, (_, i) => i * 13);
    left.say({ kind: 'data', peer: b.id, channel: 1, message });
    expect(await right.next('data')).toEqual({ kind: 'data', peer: a.id, channel: 1, message });
    right.say({ kind: 'taken', peer: a.id, channel: 1, bytes: 65_536 });
    expect(await left.next('taken')).toMatchObject({ peer: b.id, bytes: 65_536 });
    expect(coordinator.built.relay.passedBytes).toBe(65_536);
  });

  it('[T3] who sends more than the window loses the channel, at both ends, and the rest is not passed on', async () => {
    await start();
    const { a, b, left, right } = await channel();
    const message = new Uint8Array(65_536);
    for (let i = 0; i < 6; i++) left.say({ kind: 'data', peer: b.id, channel: 1, message });
    expect(await left.next('close')).toMatchObject({ peer: b.id, reason: 'overrun' });
    expect(await right.next('close')).toMatchObject({ peer: a.id, reason: 'overrun' });
    expect(right.got.filter(({ kind }) => kind === 'data')).toHaveLength(LIMITS.relayWindowBytes / 65_536);
  });

  it('[T4] beyond its rate a volunteer is not read; nothing is lost, and it goes on when time has passed', async () => {
    const volunteerBytesPerSecond = 60_000;
    await start({ relay: { ...DEFAULT_SETTINGS.relay, volunteerBytesPerSecond } });
    const { a, b, left, right } = await channel();
    // The burst is two seconds' worth. The fourth message is read and puts the sender into debt; the fifth waits.
    const message = new Uint8Array(50_000);
    for (let i = 0; i < 5; i++) {
      left.say({ kind: 'data', peer: b.id, channel: 1, message: message.fill(i) });
      right.say({ kind: 'taken', peer: a.id, channel: 1, bytes: 50_000 });
    }
    for (let i = 0; i < 3; i++) expect((await right.next('data')).message[0]).toBe(i);
    const passedInTheBurst = coordinator.built.relay.passedBytes;
    expect(passedInTheBurst).toBeLessThan(250_000);
    aheadMs = 60_000;
    for (let i = 3; i < 5; i++) expect((await right.next('data')).message[0]).toBe(i);
    expect(coordinator.built.relay.passedBytes).toBe(250_000);
  });

  it('[T4] who has more here than its share is not read until that has left; nothing is lost', async () => {
    await start({ relay: { ...DEFAULT_SETTINGS.relay, volunteerInFlightMaxBytes: 100_000 } });
    const { b, left, right } = await channel();
    const { relay } = coordinator.built;
    const message = new Uint8Array(60_000);
    for (let i = 0; i < 4; i++) left.say({ kind: 'data', peer: b.id, channel: 1, message });
    for (let i = 0; i < 4; i++) await right.next('data');
    expect(relay.passedBytes).toBe(240_000);
    await vi.waitFor(() => expect(relay.inFlightBytes).toBe(0));
  });

  it('[T1] nonsense is counted, and too much of it ends the socket', async () => {
    await start();
    const { left } = await channel();
    for (let i = 0; i < 9; i++) left.raw(new Uint8Array(ENVELOPE_HEADER_BYTES));
    left.raw('text');
    expect(await left.closed).toBe(1008);
    expect(coordinator.built.relay.refusals).toEqual(new Map([['not-an-envelope', 10]]));
  });

  it('[T3] an end that goes takes its channels with it', async () => {
    await start();
    const { a, left, right } = await channel(7);
    left.raw('');
    (await Wire.open(a)).say({ kind: 'open', peer: a.id, channel: 1 });
    expect(await left.closed).toBe(4001);
    expect(await right.next('close')).toEqual({ kind: 'close', peer: a.id, channel: 7, reason: 'closed' });
  });

  it('is not there without a ticket, nor where it is switched off', async () => {
    await start({ relay: { ...DEFAULT_SETTINGS.relay, volunteerBytesPerSecond: 0 } });
    const tab = await enter('direct');
    await expect(Wire.open(tab)).rejects.toThrow('HTTP 503');
    await expect(Wire.open({ ...tab, token: `${tab.token}x` })).rejects.toThrow('HTTP 401');
  });
});

describe('[T6] a message for several of a hybrid run', () => {
  /** One tab with channels 1, 2, 3 to three others. */
  async function star(settings: Partial<CoordinatorSettings> = {}, architecture: Architecture = 'hybrid') {
    await start(settings, architecture);
    const tabs = [];
    for (let i = 0; i < 4; i++) tabs.push(await enter('no-peers'));
    const [hub, ...mates] = tabs as [Tab, Tab, Tab, Tab];
    for (let i = 0; i < 3; i++) await hub.control.next('introduce');
    const from = await Wire.open(hub);
    const to = [];
    for (const [i, mate] of mates.entries()) {
      const wire = await Wire.open(mate);
      from.say({ kind: 'open', peer: mate.id, channel: i + 1 });
      await wire.next('open');
      wire.say({ kind: 'accept', peer: hub.id, channel: i + 1 });
      await from.next('accept');
      to.push(wire);
    }
    const receivers = mates.map(({ id: peer }, i) => ({ peer, channel: i + 1 }));
    const say = (message: Uint8Array, named = receivers) =>
      from.raw(encodeFanOut({ receivers: named, message }));
    return { hub, from, to: to as [Wire, Wire, Wire], receivers, say };
  }
  const { volunteerBytesPerSecond: _, ...others } = DEFAULT_SETTINGS.relay;

  it('comes up once, and reaches each as if it had come for it alone', async () => {
    const { hub, to, say } = await star();
    const message = Uint8Array.from({ length: 65_536 }, (_byte, i) => i * 7);
    say(message);
    for (const [i, wire] of to.entries())
      expect(await wire.next('data')).toEqual({ kind: 'data', peer: hub.id, channel: i + 1, message });
    const { relay } = coordinator.built;
    expect([relay.takenBytes, relay.passedBytes]).toEqual([65_536, 3 * 65_536]);
    await vi.waitFor(() => expect(relay.inFlightBytes).toBe(0));
  });

  it('[T3] who has not taken what came before loses the channel; the others have every copy', async () => {
    const { hub, from, to, receivers, say } = await star();
    const [slow, ...quick] = to;
    const message = new Uint8Array(65_536);
    const copies = LIMITS.relayWindowBytes / 65_536 + 2;
    for (let i = 0; i < copies; i++) {
      say(message.fill(i));
      for (const wire of quick) {
        const { channel } = await wire.next('data');
        wire.say({ kind: 'taken', peer: hub.id, channel, bytes: 65_536 });
        await from.next('taken');
      }
    }
    expect(await from.next('close')).toMatchObject({ peer: receivers[0]!.peer, reason: 'overrun' });
    expect(await slow.next('close')).toMatchObject({ peer: hub.id, reason: 'overrun' });
    expect(slow.got.filter(({ kind }) => kind === 'data')).toHaveLength(LIMITS.relayWindowBytes / 65_536);
    expect(coordinator.built.relay.refusals.get('overrun')).toBe(1);
    expect(coordinator.built.relay.refusals.get('no-channel')).toBe(1);
  });

  it('[T4] each copy counts against the rate of its sender, who waits and loses nothing', async () => {
    const { to, say } = await star({ relay: { ...others, volunteerBytesPerSecond: 60_000 } });
    // The burst is two seconds' worth: three copies of the first message put the sender into debt.
    const message = new Uint8Array(50_000);
    for (let i = 0; i < 2; i++) say(message.fill(i));
    for (const wire of to) expect((await wire.next('data')).message[0]).toBe(0);
    expect(coordinator.built.relay.passedBytes).toBe(150_000);
    aheadMs = 60_000;
    for (const wire of to) expect((await wire.next('data')).message[0]).toBe(1);
    expect(coordinator.built.relay.passedBytes).toBe(300_000);
    // A socket that is not read does not hear that it is to close.
    aheadMs = 120_000;
  });

  it('[T4] each copy waits as its sender’s until it has left, and more is not read meanwhile', async () => {
    const { to, say } = await star({
      relay: { ...DEFAULT_SETTINGS.relay, volunteerInFlightMaxBytes: 100_000 },
    });
    for (let i = 0; i < 3; i++) say(new Uint8Array(60_000).fill(i));
    for (const wire of to) for (let i = 0; i < 3; i++) expect((await wire.next('data')).message[0]).toBe(i);
    expect(coordinator.built.relay.passedBytes).toBe(9 * 60_000);
    await vi.waitFor(() => expect(coordinator.built.relay.inFlightBytes).toBe(0));
  });

  it('an unknown receiver, a guessed channel and the sender itself get nothing, and are counted by name', async () => {
    const { hub, to, receivers, say } = await star();
    const stranger = { peer: `vol_${'z'.repeat(26)}`, channel: 1 };
    const guessed = { ...receivers[1]!, channel: 99 };
    say(Uint8Array.of(1), [receivers[0]!, guessed, stranger, { peer: hub.id, channel: 1 }]);
    say(Uint8Array.of(2));
    expect((await to[0].next('data')).message[0]).toBe(1);
    for (const wire of to) expect((await wire.next('data')).message[0]).toBe(2);
    expect(coordinator.built.relay.refusals).toEqual(new Map([['no-channel', 3]]));
    expect([coordinator.built.relay.takenBytes, coordinator.built.relay.passedBytes]).toEqual([2, 4]);
  });

  it('a list that names one twice, too many or too few is refused by name, and ten of these end the socket', async () => {
    const { from, receivers } = await star();
    const twice = encodeFanOut({ receivers: receivers.slice(0, 2), message: Uint8Array.of(1) });
    twice.copyWithin(2 + 34, 2, 2 + 34);
    from.raw(twice);
    const many = Array.from({ length: LIMITS.fanOutMaxReceivers + 1 }, () => receivers[0]!);
    from.raw(encodeFanOut({ receivers: many, message: Uint8Array.of(1) }));
    for (let i = 0; i < 8; i++) from.raw(encodeFanOut({ receivers: [], message: Uint8Array.of(1) }));
    expect(await from.closed).toBe(1008);
    expect(from.reason).toBe('fan-out-receiver-count');
    expect(coordinator.built.relay.refusals).toEqual(
      new Map([
        ['fan-out-not-ascending', 1],
        ['fan-out-receiver-count', 9],
      ]),
    );
  });

  it('is refused in a run that is not hybrid', async () => {
    const { from, to, receivers, say } = await star({}, 'decentralised');
    say(Uint8Array.of(1));
    from.say({ kind: 'data', ...receivers[0]!, message: Uint8Array.of(2) });
    expect((await to[0].next('data')).message[0]).toBe(2);
    expect(coordinator.built.relay.refusals).toEqual(new Map([['not-hybrid', 3]]));
  });
});

/** A socket whose other end takes nothing until told: an operating system takes megabytes before it holds a socket up. */
class HeldSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  readonly bufferedAmount = 0;
  isPaused = false;
  #held: (() => void)[] = [];
  send(_raw: Uint8Array, sent?: () => void): void {
    if (sent !== undefined) this.#held.push(sent);
  }
  take(): void {
    for (const sent of this.#held.splice(0)) sent();
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  close(): void {}
  terminate(): void {}
  ping(): void {}
}

it('[T4] [T6] when all that may wait is here nobody is read, whoever filled it, until it has left', () => {
  const limits = { ...DEFAULT_SETTINGS.relay, totalInFlightMaxBytes: 100_000 };
  const relay = new Relay(limits, { routeOf: () => 'fan-out', nowMs: () => 0 });
  const ids = ['a', 'b', 'c', 'd'].map((letter) => `vol_${letter.repeat(26)}`);
  const sockets = ids.map((id) => {
    const socket = new HeldSocket();
    relay.serve(socket as never, id, 1);
    return socket;
  });
  const say = (from: number, bytes: Uint8Array) => sockets[from]!.emit('message', Buffer.from(bytes), true);
  for (const to of [1, 2]) {
    say(0, encodeEnvelope({ kind: 'open', peer: ids[to]!, channel: to }));
    say(to, encodeEnvelope({ kind: 'accept', peer: ids[0]!, channel: to }));
  }
  for (const socket of sockets) socket.take();
  const receivers = [1, 2].map((to) => ({ peer: ids[to]!, channel: to }));
  say(0, encodeFanOut({ receivers, message: new Uint8Array(50_000) }));
  expect(relay.inFlightBytes).toBe(2 * (50_000 + ENVELOPE_HEADER_BYTES));
  expect(sockets.map(({ isPaused }) => isPaused)).toEqual([true, true, true, true]);
  sockets[1]!.take();
  expect(sockets.map(({ isPaused }) => isPaused)).toEqual([false, false, false, false]);
  for (const socket of sockets) {
    socket.take();
    socket.emit('close');
  }
  expect([relay.inFlightBytes, relay.memberCount]).toEqual([0, 0]);
});
