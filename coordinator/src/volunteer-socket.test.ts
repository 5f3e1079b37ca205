/** Volunteers' sockets on a real listening coordinator, good and bad (RELIABILITY 5b). */
import { createHash } from 'node:crypto';
import { CoordinatorMessageSchema, LIMITS } from '@murmuration/protocol';
import type { RunView } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN, TestCoordinator } from '../testing/grid.ts';
import type { TestSocket } from '../testing/grid.ts';
import { NO_TOTALS } from './ledger-state.ts';
import { SOCKET_LIMITS } from './volunteer-socket.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let coordinator: TestCoordinator;
let run: RunView;
beforeAll(async () => {
  coordinator = await TestCoordinator.start({ listen: true });
  run = await coordinator.createRun({ evaluateEveryRounds: 1, targetAccuracy: null });
});
afterAll(() => coordinator.stop());

const FINGERPRINT = 'f'.repeat(16);
async function enter(extra: Parameters<TestSocket['hello']>[0] = {}) {
  const socket = coordinator.open();
  await socket.hello(extra);
  const welcome = await socket.next('welcome');
  return { socket, welcome, id: welcome.volunteerId };
}
async function leave({ socket }: { socket: TestSocket }) {
  await socket.say({ type: 'leaving', reason: 'test' });
  expect((await socket.closed).code).toBe(1000);
}

describe('a volunteer', () => {
  it('is welcomed, assigned, founds, is introduced, leases and is counted', async () => {
    const first = await enter();
    const { manifest } = run;
    expect(await first.socket.next('assignment')).toEqual({ type: 'assignment', run: manifest });
    await first.socket.say({ type: 'ready', runId: manifest.id });
    expect(await first.socket.next('found')).toMatchObject({ term: 1, round: 0 });
    expect(await first.socket.next('introduce')).toMatchObject({ peers: [] });
    const second = await enter();
    await second.socket.say({ type: 'ready', runId: manifest.id });
    expect(await second.socket.next('join')).toMatchObject({ term: 1 });
    expect(await second.socket.next('introduce')).toMatchObject({ peers: [first.id] });
    expect(await first.socket.next('introduce')).toMatchObject({ peers: [second.id] });

    await first.socket.say({ type: 'lease-request', runId: manifest.id, held: 0 });
    const { shard, generation } = await first.socket.next('lease');
    const result = {
      runId: manifest.id,
      shardIndex: shard.index,
      generation,
      sampleCount: shard.sampleCount,
    };
    await first.socket.say({ type: 'lease-result', ...result });
    expect(await first.socket.next('lease-ack')).toMatchObject({ outcome: 'counted' });
    await first.socket.say({ type: 'lease-result', ...result });
    expect(await first.socket.next('lease-ack')).toMatchObject({ outcome: 'duplicate' });
    // A second may have passed while there was one volunteer.
    let progress = await first.socket.next('progress');
    if (progress.volunteers === 1) progress = await first.socket.next('progress');
    expect(progress).toMatchObject({ volunteers: 2 });

    second.socket.ws.terminate();
    expect(await first.socket.next('peer-left')).toMatchObject({ volunteerId: second.id });
    await leave(first);
  });

  it('with the duty stores a checkpoint whose bytes are checked, and nobody else may', async () => {
    const { manifest } = await coordinator.createRun({ evaluateEveryRounds: 1 });
    const other = run.manifest.id;
    await coordinator.built.app.inject({ method: 'POST', url: `/api/runs/${other}/pause`, headers: ADMIN });
    const me = await enter();
    const bystander = await enter();
    await me.socket.next('assignment');
    await me.socket.say({ type: 'ready', runId: manifest.id });
    await me.socket.next('found');
    const bytes = new Uint8Array(4 * manifest.parameterCount).fill(0);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const put = async (payload: Uint8Array, { who = me, address = sha256 } = {}) => {
      const response = await fetch(`${coordinator.url}/api/runs/${manifest.id}/checkpoints/${address}`, {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${who.id}.${who.welcome.secret}`,
          'content-type': 'application/octet-stream',
        },
        body: payload as Uint8Array<ArrayBuffer>,
      });
      return { status: response.status, code: (await response.json()).code };
    };
    expect(await put(bytes)).toEqual({ status: 403, code: 'no-duty' });
    await me.socket.say({
      type: 'report',
      runId: manifest.id,
      head: { term: 1, round: 1, fingerprint: FINGERPRINT },
      loss: 2,
      stepsPerSecond: 1,
      state: 'training',
      totals: NO_TOTALS,
    });
    const { generation } = await me.socket.next('evaluate');
    expect(await put(bytes, { who: bystander })).toEqual({ status: 403, code: 'no-duty' });
    expect(await put(bytes, { who: { ...me, id: bystander.id } })).toEqual({
      status: 401,
      code: 'unauthorised',
    });
    expect(await put(bytes.subarray(4))).toEqual({ status: 400, code: 'bad-length' });
    expect(await put(bytes, { address: '0'.repeat(64) })).toEqual({ status: 400, code: 'bad-hash' });
    const poisoned = bytes.slice();
    new DataView(poisoned.buffer).setFloat32(40, Number.NaN, true);
    const address = createHash('sha256').update(poisoned).digest('hex');
    expect(await put(poisoned, { address })).toEqual({ status: 400, code: 'not-finite' });
    expect(await put(bytes)).toEqual({ status: 201, code: undefined });
    await me.socket.say({
      type: 'evaluation',
      runId: manifest.id,
      generation,
      head: { term: 1, round: 1, fingerprint: FINGERPRINT },
      checkpointSha256: sha256,
      loss: 0.2,
      accuracy: 0.96,
      error: null,
      sampleCount: manifest.dataset.validation.sampleCount,
    });
    for (;;) if ((await me.socket.next('run-state')).state === 'finished') break;
    expect(await me.socket.next('assignment')).toEqual({ type: 'assignment', run: null });
    const view = (await (
      await fetch(`${coordinator.url}/api/runs/${manifest.id}`, { headers: ADMIN })
    ).json()) as RunView;
    expect(view).toMatchObject({ state: 'finished', reached: true, best: { sha256, accuracy: 0.96 } });
    const weights = await fetch(
      `${coordinator.url}/api/runs/${manifest.id}/export/tfjs/group1-shard1of1.bin`,
      { headers: ADMIN },
    );
    expect(new Uint8Array(await weights.arrayBuffer())).toEqual(bytes);
    await coordinator.built.app.inject({ method: 'POST', url: `/api/runs/${other}/resume`, headers: ADMIN });
    expect((await me.socket.next('assignment')).run?.id).toBe(other);
    await leave(me);
    await leave(bystander);
  });

  it('[W18] that comes back with its secret keeps its id, and its newest socket wins', async () => {
    const first = await enter();
    const resume = { volunteerId: first.id, secret: first.welcome.secret };
    const second = await enter({ resume });
    expect(second.id).toBe(first.id);
    expect((await first.socket.closed).code).toBe(4001);
    await second.socket.say({ type: 'heartbeat' });
    const forged = await enter({ resume: { ...resume, secret: 'x'.repeat(43) } });
    expect(forged.id).not.toBe(first.id);
    await leave(second);
    await leave(forged);
  });
});

describe('bad sockets', () => {
  it.each([null, 'https://evil.example', 'null'])('[W1] origin %s: 403', async (origin) => {
    await expect(coordinator.open('/ws/volunteer', origin).opened).rejects.toThrow('HTTP 403');
  });

  it('[W2] no hello in time: closed with 1008', async () => {
    const impatient = await TestCoordinator.start({
      listen: true,
      socketLimits: { ...SOCKET_LIMITS, helloMaxMs: 50 },
    });
    const socket = impatient.open();
    expect((await socket.closed).code).toBe(1008);
    await impatient.stop();
  });

  it('[W2] [W9] another message before hello, or hello twice, is refused', async () => {
    const early = coordinator.open();
    await early.say({ type: 'heartbeat' });
    expect((await early.closed).code).toBe(1008);
    const twice = await enter();
    await twice.socket.hello();
    expect(await twice.socket.next('error')).toMatchObject({ code: 'bad-state' });
    await leave(twice);
  });

  it('[W4] a message over the limit: 1009', async () => {
    const { socket } = await enter();
    await socket.send('x'.repeat(LIMITS.controlMessageMaxBytes + 1));
    expect((await socket.closed).code).toBe(1009);
  });

  it('[W5] a message in hundreds of fragments is not gathered', async () => {
    const { socket } = await enter();
    for (let i = 0; i < 300; i++) socket.ws.send('x', { fin: false });
    expect((await socket.closed).code).not.toBe(1000);
  });

  it('[W7] binary where text is expected: 1003', async () => {
    const { socket } = await enter();
    socket.ws.send(new Uint8Array(8));
    expect((await socket.closed).code).toBe(1003);
  });

  it('[W10] another protocol version is told to reload', async () => {
    const socket = coordinator.open();
    await socket.hello({ protocolVersion: 99 });
    expect(await socket.next('error')).toMatchObject({ code: 'upgrade-required' });
    expect((await socket.closed).code).toBe(1002);
  });

  it.each([
    ['W9', 'an unknown type', { type: 'give-me-everything' }],
    ['W12', 'a run that is not there', { type: 'ready', runId: `run_${'0'.repeat(26)}` }],
    ['W15', 'a capability that lies', { type: 'hello', protocolVersion: 1, adapter: { backend: 'cuda' } }],
    ['W17', 'a field that is not asked for', { type: 'heartbeat', at: 1 }],
    ['R3', 'a poisoned key', '{"type":"heartbeat","__proto__":{"x":1}}'],
    ['W28', 'JSON that is too deep', '['.repeat(1_000)],
    ['R2', 'no JSON at all', 'hello'],
  ])('[%s] %s is answered with an error and changes nothing', async (_id, _name, message) => {
    const me = await enter();
    const before = JSON.stringify(coordinator.built.grid.runs.map(({ state }) => state.eventSequence));
    await me.socket.send(message);
    const error = await me.socket.next('error');
    expect(Value.Check(CoordinatorMessageSchema, error)).toBe(true);
    expect(JSON.stringify(coordinator.built.grid.runs.map(({ state }) => state.eventSequence))).toBe(before);
    await leave(me);
  });

  it('ten messages of nonsense end the socket', async () => {
    const { socket } = await enter();
    for (let i = 0; i < SOCKET_LIMITS.strikesMax; i++) await socket.send('nonsense');
    expect((await socket.closed).code).toBe(1008);
  });

  it('[W14] [W19] messages beyond rate and burst: 1008', async () => {
    const { socket } = await enter();
    for (let i = 0; i < 2 * LIMITS.controlMessagesBurst; i++) socket.ws.send('{"type":"heartbeat"}');
    expect((await socket.closed).code).toBe(1008);
    expect(await socket.next('error')).toMatchObject({ code: 'rate-limited' });
  });

  it('a socket that answers no ping is ended, and its volunteer leaves', async () => {
    const brisk = await TestCoordinator.start({
      listen: true,
      socketLimits: { ...SOCKET_LIMITS, pingEveryMs: 30 },
    });
    const mute = brisk.open('/ws/volunteer', brisk.url, { autoPong: false });
    await mute.hello();
    await mute.next('welcome');
    expect(brisk.built.grid.volunteerCount).toBe(1);
    await mute.closed;
    // Its place is free before a newcomer is welcomed.
    const next = brisk.open();
    await next.hello();
    await next.next('welcome');
    expect(brisk.built.grid.volunteerCount).toBe(1);
    await brisk.stop();
  });
});
