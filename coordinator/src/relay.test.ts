/** The relay over real sockets: who may use it, and what it does to those who send too much or nonsense. */
import { decodeEnvelope, encodeEnvelope, ENVELOPE_HEADER_BYTES, LIMITS } from '@murmuration/protocol';
import type { Envelope, LinkPolicy } from '@murmuration/protocol';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestCoordinator } from '../testing/grid.ts';
import type { TestSocket } from '../testing/grid.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import type { CoordinatorSettings } from './settings.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let coordinator: TestCoordinator;
afterEach(() => coordinator.stop());

/** Moved by hand, beside the real one that timers follow. */
let aheadMs = 0;
async function start(settings: Partial<CoordinatorSettings> = {}): Promise<void> {
  aheadMs = 0;
  coordinator = await TestCoordinator.start({
    listen: true,
    settings,
    nowMs: () => 1_700_000_000_000 + aheadMs,
  });
  await coordinator.createRun();
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
  readonly #socket: WebSocket;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
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
    expect(coordinator.built.relay.droppedCount).toBe(10);
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
