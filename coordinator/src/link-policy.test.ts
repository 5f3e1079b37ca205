/** What a volunteer that hides its address is offered, over real sockets. */
import type { LinkPolicy } from '@murmuration/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestCoordinator } from '../testing/grid.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const STUN = { urls: ['stun:stun.example.org'] };
const MIXED = {
  urls: ['stun:relay.example.org', 'turns:relay.example.org:5349'],
  username: 'u',
  credential: 'c',
};

let withRelay: TestCoordinator;
let without: TestCoordinator;
beforeAll(async () => {
  withRelay = await TestCoordinator.start({
    listen: true,
    settings: {
      iceServers: [STUN, MIXED],
      turn: { url: 'turn:127.0.0.1:3478', secret: 's3cret' },
      operator: { name: 'Ada', contact: null },
    },
  });
  without = await TestCoordinator.start({ listen: true, settings: { iceServers: [STUN] } });
});
afterAll(() => Promise.all([withRelay.stop(), without.stop()]));

async function welcomed(coordinator: TestCoordinator, links?: LinkPolicy) {
  const socket = coordinator.open();
  await socket.hello(links === undefined ? {} : { links });
  return socket.next('welcome');
}
const urlsOf = ({ iceServers }: { iceServers: readonly { urls: readonly string[] }[] }) =>
  iceServers.flatMap(({ urls }) => urls);

describe('a volunteer', () => {
  it('that says nothing links directly, with all servers', async () => {
    const welcome = await welcomed(withRelay);
    expect(welcome.links).toBe('direct');
    expect(urlsOf(welcome)).toEqual([...STUN.urls, ...MIXED.urls, 'turn:127.0.0.1:3478']);
  });

  it('that wants relays only is given relays, whose credentials end, and no server that would find its address', async () => {
    const welcome = await welcomed(withRelay, 'relay-only');
    expect(welcome.links).toBe('relay-only');
    expect(urlsOf(welcome)).toEqual(['turns:relay.example.org:5349', 'turn:127.0.0.1:3478']);
    const [until, id] = welcome.iceServers.at(-1)!.username!.split(':');
    expect(id).toBe(welcome.volunteerId);
    expect(Number(until) * 1_000).toBeGreaterThan(Date.now());
  });

  it('that wants relays only where there is none has no way to peers, and is told so', async () => {
    expect(await welcomed(without, 'relay-only')).toMatchObject({ links: 'no-peers', iceServers: [] });
  });

  it('that wants no peers is given no servers', async () => {
    expect(await welcomed(withRelay, 'no-peers')).toMatchObject({ links: 'no-peers', iceServers: [] });
  });
});

describe('a stranger that checks its connection', () => {
  const servers = (coordinator: TestCoordinator) =>
    coordinator.built.app.inject({ url: '/api/public/ice-servers' });

  it('is given all servers, and credentials of the relay that end within ten minutes; nobody joined', async () => {
    const answer = await servers(withRelay);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { iceServers } = answer.json() as { iceServers: { urls: string[]; username?: string }[] };
    expect(urlsOf({ iceServers })).toEqual([...STUN.urls, ...MIXED.urls, 'turn:127.0.0.1:3478']);
    const leftMs = Number(iceServers.at(-1)!.username!.split(':')[0]) * 1_000 - Date.now();
    expect(leftMs).toBeGreaterThan(8 * 60_000);
    expect(leftMs).toBeLessThanOrEqual(10 * 60_000);
  });

  it('may not ask for ever', async () => {
    const answers = [];
    for (let i = 0; i < 8; i++) answers.push((await servers(without)).statusCode);
    expect(answers[0]).toBe(200);
    expect(answers.at(-1)).toBe(429);
  });

  it('reads who asks for its help', async () => {
    const who = async (coordinator: TestCoordinator) =>
      (await coordinator.built.app.inject({ url: '/api/public/coordinator' })).json() as unknown;
    expect(await who(withRelay)).toEqual({ operator: { name: 'Ada', contact: null } });
    expect(await who(without)).toEqual({ operator: null });
  });
});
