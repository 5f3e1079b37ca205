/** Signalling: PeerJS's server protocol, with the `peer` package's server as the oracle where both must agree. */
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestCoordinator, TestSocket } from '../testing/grid.ts';
import { isDataChannelOnly } from './signalling.ts';

const SDP = [
  'v=0',
  'o=- 1 2 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'a=group:BUNDLE 0',
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=sctp-port:5000',
  '',
].join('\r\n');
/** As PeerJS 1.5.5 sends them. */
const offer = (dst: string, change: object = {}) => ({
  type: 'OFFER',
  payload: {
    sdp: { type: 'offer', sdp: SDP },
    type: 'data',
    connectionId: 'dc_1',
    label: 'dc_1',
    reliable: true,
    serialization: 'raw',
    ...change,
  },
  dst,
});
const answer = (dst: string) => ({
  type: 'ANSWER',
  payload: { sdp: { type: 'answer', sdp: SDP }, type: 'data', connectionId: 'dc_1' },
  dst,
});
const candidate = (dst: string) => ({
  type: 'CANDIDATE',
  payload: {
    candidate: {
      candidate: 'candidate:1 1 udp 1 a.local 9 typ host',
      sdpMid: '0',
      sdpMLineIndex: 0,
      usernameFragment: 'x',
    },
    type: 'data',
    connectionId: 'dc_1',
  },
  dst,
});

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let coordinator: TestCoordinator;
let tabs: { id: string; token: string; signal: TestSocket; control: TestSocket }[];

const path = (id: string, token: string, key = 'peerjs') =>
  `/signal/peerjs?key=${key}&id=${id}&token=${token}&version=1.5.5`;

async function enter(isReady: boolean) {
  const control = coordinator.open();
  await control.hello();
  const { volunteerId: id, signalToken: token } = await control.next('welcome');
  const { run } = await control.next('assignment');
  if (isReady) {
    await control.say({ type: 'ready', runId: run!.id });
    await control.next('introduce');
  }
  const signal = coordinator.open(path(id, token));
  expect(await signal.nextOf('OPEN')).toEqual({ type: 'OPEN' });
  return { id, token, signal, control };
}

beforeAll(async () => {
  coordinator = await TestCoordinator.start({ listen: true });
  await coordinator.createRun();
  tabs = [await enter(true), await enter(true), await enter(false)];
});
afterAll(() => coordinator.stop());

/** Sends it, then something that certainly arrives: what did not come before that was dropped. */
async function isDropped(from: number, to: number, message: object | string): Promise<boolean> {
  await tabs[from]!.signal.send(message);
  await tabs[from]!.signal.send(candidate(tabs[to]!.id));
  await tabs[to]!.signal.nextOf('CANDIDATE');
  return tabs[to]!.signal.messages.length === 0;
}

describe('signalling', () => {
  it('carries offer, answer and candidates between introduced volunteers, with the true source', async () => {
    const [a, b] = tabs as [(typeof tabs)[0], (typeof tabs)[0]];
    await a.signal.send(offer(b.id));
    expect(await b.signal.nextOf('OFFER')).toEqual({ ...offer(b.id), src: a.id });
    await b.signal.send(answer(a.id));
    expect(await a.signal.nextOf('ANSWER')).toEqual({ ...answer(a.id), src: b.id });
    await b.signal.send(candidate(a.id));
    expect(await a.signal.nextOf('CANDIDATE')).toEqual({ ...candidate(a.id), src: b.id });
    await a.signal.send({ type: 'HEARTBEAT' });
  });

  it('says the same as PeerJS’s own server: OPEN, the transmission with its source, EXPIRE for the unknown', async () => {
    const oracle = await startOracle();
    const [x, y] = ['oracle-x', 'oracle-y'].map((id) => oracle.open(id)) as [TestSocket, TestSocket];
    expect(await x.nextOf('OPEN')).toEqual({ type: 'OPEN' });
    await y.nextOf('OPEN');
    await x.send(offer('oracle-y'));
    const theirs = await y.nextOf('OFFER');
    await x.send(offer('nobody'));
    const theirExpire = await x.nextOf('EXPIRE');
    await oracle.stop();

    const [a, b] = tabs as [(typeof tabs)[0], (typeof tabs)[0]];
    await a.signal.send(offer(b.id));
    const ours = await b.signal.nextOf('OFFER');
    expect(ours).toEqual({ ...theirs, src: a.id, dst: b.id });
    const unknown = `vol_${'z'.repeat(26)}`;
    await a.signal.send(offer(unknown));
    expect(await a.signal.nextOf('EXPIRE')).toEqual({ ...theirExpire, src: unknown, dst: a.id });
  });

  it('[W21] to somebody that it was not introduced to, or to itself: EXPIRE at once, nothing arrives, counted', async () => {
    const [a, , stranger] = tabs as [(typeof tabs)[0], (typeof tabs)[0], (typeof tabs)[0]];
    const dropped = coordinator.built.switchboard.droppedCount;
    for (const dst of [stranger.id, a.id]) {
      await a.signal.send(offer(dst));
      expect(await a.signal.nextOf('EXPIRE')).toMatchObject({ src: dst });
    }
    await stranger.signal.send(offer(a.id));
    await stranger.signal.nextOf('EXPIRE');
    expect(stranger.signal.messages).toEqual([]);
    expect(coordinator.built.switchboard.droppedCount).toBe(dropped + 3);
  });

  it.each([
    ['another serialisation', { serialization: 'binary' }],
    ['a serialisation that does not exist', { serialization: 'nonsense' }],
    ['a media call', { type: 'media' }],
    ['a video section', { sdp: { type: 'offer', sdp: `${SDP}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n` } }],
    ['no section', { sdp: { type: 'offer', sdp: 'v=0\r\n' } }],
    ['an answer dressed as an offer', { sdp: { type: 'answer', sdp: SDP } }],
    ['a description of 9 KiB', { sdp: { type: 'offer', sdp: SDP + 'a=x\r\n'.repeat(1_800) } }],
    ['an unknown field', { extra: 1 }],
  ])('[W22] drops %s', async (_name, change) => {
    expect(await isDropped(0, 1, offer(tabs[1]!.id, change))).toBe(true);
  });

  it.each([
    'not json',
    'null',
    '[]',
    '{"type":"OPEN"}',
    '{"type":"OFFER"}',
    '{"type":"OFFER","dst":"x","payload":{}}',
  ])('drops the malformed %s, which ends PeerJS’s own server', async (message) => {
    expect(await isDropped(0, 1, message)).toBe(true);
  });

  it.each([
    ['no token', (id: string) => path(id, '')],
    ['a token of another volunteer', (id: string) => path(id, tabs[1]!.token)],
    ['an expired token', (id: string) => path(id, `1.${tabs[0]!.token.split('.')[1]}`)],
    ['another key', (id: string) => path(id, tabs[0]!.token, 'other')],
    ['an id of its own choice', () => path('somebody', tabs[0]!.token)],
  ])('%s: 401', async (_name, address) => {
    await expect(coordinator.open(address(tabs[0]!.id)).opened).rejects.toThrow('HTTP 401');
  });

  it('a page from elsewhere: 403', async () => {
    const { id, token } = tabs[0]!;
    await expect(coordinator.open(path(id, token), 'https://evil.example').opened).rejects.toThrow(
      'HTTP 403',
    );
  });

  it('more than 16 KiB: 1009; the same id again replaces the socket', async () => {
    const { id, token, signal } = tabs[2]!;
    const second = coordinator.open(path(id, token));
    await second.nextOf('OPEN');
    expect((await signal.closed).code).toBe(1008);
    await second.send('x'.repeat(20_000));
    expect((await second.closed).code).toBe(1009);
  });

  it('a flood: 1008', async () => {
    const tab = await enter(false);
    for (let i = 0; i < 700; i++) tab.signal.ws.send('{"type":"HEARTBEAT"}');
    expect((await tab.signal.closed).code).toBe(1008);
  });

  it('an older token does not push out a newer one: ID-TAKEN', async () => {
    let nowMs = Date.now();
    const timed = await TestCoordinator.start({ listen: true, nowMs: () => nowMs });
    const first = timed.open();
    await first.hello();
    const old = await first.next('welcome');
    nowMs += 10_000;
    const again = timed.open();
    await again.hello({ resume: { volunteerId: old.volunteerId, secret: old.secret } });
    const fresh = await again.next('welcome');
    const newer = timed.open(path(old.volunteerId, fresh.signalToken));
    await newer.nextOf('OPEN');
    const older = timed.open(path(old.volunteerId, old.signalToken));
    expect(await older.nextOf('ID-TAKEN')).toMatchObject({ type: 'ID-TAKEN' });
    await timed.stop();
  });

  it('tells a data channel from anything else', () => {
    expect(isDataChannelOnly(SDP)).toBe(true);
    expect(isDataChannelOnly(SDP.replaceAll('\r\n', '\n'))).toBe(true);
    expect(isDataChannelOnly(SDP + SDP)).toBe(false);
    expect(isDataChannelOnly(SDP.replace('m=application', 'm=audio'))).toBe(false);
  });
});

/** The real PeerJS server. Its two timers never stop; the test's process ends them. */
async function startOracle() {
  const require = createRequire(import.meta.url);
  const { ExpressPeerServer } = require('peer') as typeof import('peer');
  const express = require('express') as () => ((request: unknown, response: unknown) => void) & {
    use: (...args: unknown[]) => void;
  };
  const app = express();
  const server = createServer(app as never);
  app.use('/signal', ExpressPeerServer(server, { path: '/', expire_timeout: 1, cleanup_out_msgs: 50 }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sockets: WebSocket[] = [];
  return {
    open: (id: string) => {
      const address = `ws://127.0.0.1:${port}/signal/peerjs?key=peerjs&id=${id}&token=t&version=1.5.5`;
      sockets.push(new WebSocket(address));
      return new TestSocket(sockets.at(-1)!);
    },
    stop: async () => {
      for (const socket of sockets) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
