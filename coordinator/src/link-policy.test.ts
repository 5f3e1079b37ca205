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
    settings: { iceServers: [STUN, MIXED], turn: { url: 'turn:127.0.0.1:3478', secret: 's3cret' } },
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
