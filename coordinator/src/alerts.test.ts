/** Webhooks: what is worth one, where they may point, and deliveries to a real server on this machine. */
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AlertSchema, DeliveryListSchema, WebhookListSchema } from '@murmuration/protocol';
import type { Alert, Delivery, WebhookView } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { afterEach, describe, expect, it } from 'vitest';
import { ADMIN, TestCoordinator } from '../testing/grid.ts';
import { alertOf, retryAfterMs } from './alert-plan.ts';
import { isPrivateAddress, urlFault } from './alert-post.ts';

describe('what is worth an alert', () => {
  const state = (word: 'finished' | 'failed' | 'degraded' | 'waiting' | 'training', reason = '') =>
    ({ kind: 'state', atMs: 1, state: word, reason }) as const;
  const trained = { trainingStartedAtMs: 1 };
  it('ends, losses that are not finite, and too few tabs once training has begun', () => {
    expect(alertOf(state('finished'), trained)).toBe('finished');
    expect(alertOf(state('failed'), trained)).toBe('failed');
    expect(alertOf(state('degraded'), trained)).toBe('too-few-peers');
    expect(alertOf(state('waiting', 'no volunteer is connected'), trained)).toBe('too-few-peers');
    expect(alertOf(state('waiting', 'no volunteer is connected'), { trainingStartedAtMs: null })).toBeNull();
    expect(alertOf(state('waiting', 'resumed by the researcher'), trained)).toBeNull();
    expect(alertOf(state('training'), trained)).toBeNull();
    const checkpoint = { round: 1, term: 1, sha256: '0'.repeat(64), loss: null, accuracy: 0.1 };
    expect(alertOf({ kind: 'evaluated', atMs: 1, volunteerId: '', checkpoint }, trained)).toBe('not-finite');
  });
  it('is tried again with growing waits, and then no more', () => {
    const waits = [1, 2, 3, 4, 5, 6].map(retryAfterMs);
    expect(waits.at(-1)).toBeNull();
    expect(waits.slice(0, -1)).toEqual(waits.slice(0, -1).toSorted((a, b) => a! - b!));
  });
});

describe('where a webhook may point', () => {
  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:a9fe:a9fe',
    '64:ff9b::7f00:1',
    '255.255.255.255',
  ])('%s is private', (address) => expect(isPrivateAddress(address)).toBe(true));
  it.each(['1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1'])('%s is public', (address) =>
    expect(isPrivateAddress(address)).toBe(false),
  );
  it.each([
    'http://127.0.0.1/hook',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'https://localhost/',
    'http://metadata.internal/',
    'ftp://example.com/',
    'https://user:secret@example.com/',
    'https://',
  ])('%s is refused', (url) => expect(urlFault(url, { arePrivateAllowed: false })).not.toBeNull());
  it('a public name is taken, a private one when the operator allows it', () => {
    expect(urlFault('https://example.com/hook', { arePrivateAllowed: false })).toBeNull();
    expect(urlFault('http://127.0.0.1:9/', { arePrivateAllowed: true })).toBeNull();
  });
});

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers with the statuses given, one after the other, then 200. */
async function listener(
  statuses: number[] = [],
): Promise<{ server: Server; url: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(pieces).toString() });
      response.writeHead(statuses.shift() ?? 200).end('an answer that nobody reads');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

describe('a delivery', () => {
  let nowMs = Date.UTC(2026, 0, 1);
  const servers: Server[] = [];
  const coordinators: TestCoordinator[] = [];
  afterEach(async () => {
    for (const coordinator of coordinators.splice(0)) await coordinator.stop();
    for (const server of servers.splice(0)) server.close();
  });
  const start = async (arePrivateWebhooksAllowed: boolean) => {
    const coordinator = await TestCoordinator.start({
      nowMs: () => nowMs,
      settings: { arePrivateWebhooksAllowed },
    });
    coordinators.push(coordinator);
    const post = (url: string, payload?: object) =>
      coordinator.built.app.inject({ method: 'POST', url, headers: ADMIN, ...(payload ? { payload } : {}) });
    return { coordinator, post };
  };

  it('is signed, says what happened, and is made once', async () => {
    const { server, url, received } = await listener();
    servers.push(server);
    const { coordinator, post } = await start(true);
    const { id, secret } = (await post('/api/webhooks', { url, events: ['finished'] })).json();
    const { manifest } = await coordinator.createRun();
    await post(`/api/runs/${manifest.id}/stop`);
    await coordinator.built.alerts.deliverDue();
    await coordinator.built.alerts.deliverDue();
    expect(received).toHaveLength(1);
    const [{ headers, body }] = received as [Received];
    const alert = JSON.parse(body) as Alert;
    expect(Value.Check(AlertSchema, alert)).toBe(true);
    expect(alert).toMatchObject({ event: 'finished', run: { id: manifest.id, state: 'finished' } });
    const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-murmuration-signature']))!;
    expect(mac).toBe(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'));
    const list = (await coordinator.inject('/api/webhooks')).json() as WebhookView[];
    expect(Value.Check(WebhookListSchema, list)).toBe(true);
    expect(list[0]).toMatchObject({ id, lastDelivery: { outcome: 'delivered', attempts: 1, detail: '200' } });
    expect(JSON.stringify(list)).not.toContain(secret);
  });

  it('is tried again after its wait, under the same id, and survives that the coordinator was restarted', async () => {
    const { server, url, received } = await listener([500]);
    servers.push(server);
    const { coordinator, post } = await start(true);
    await post('/api/webhooks', { url, events: ['finished'] });
    const { manifest } = await coordinator.createRun();
    await post(`/api/runs/${manifest.id}/stop`);
    await coordinator.built.alerts.deliverDue();
    await coordinator.built.alerts.deliverDue();
    expect(received).toHaveLength(1);
    await coordinator.stop({ keepData: true });
    coordinators.splice(0);
    nowMs += 5_000;
    const again = await TestCoordinator.start({
      nowMs: () => nowMs,
      directory: coordinator.directory,
      settings: { arePrivateWebhooksAllowed: true },
    });
    coordinators.push(again);
    await again.built.alerts.deliverDue();
    expect(received.map(({ body }) => JSON.parse(body).deliveryId)).toEqual(
      Array(2).fill(JSON.parse(received[0]!.body).deliveryId),
    );
  });

  it('of a test is made at once, signed and a single time; the last ones are listed, newest first', async () => {
    const { server, url, received } = await listener([200, 500]);
    servers.push(server);
    const { coordinator, post } = await start(true);
    const { id } = (await post('/api/webhooks', { url, events: ['failed'] })).json();
    expect((await post(`/api/webhooks/${id}/test`)).json()).toMatchObject({
      ...{ event: 'test', outcome: 'delivered', attempts: 1, detail: '200' },
    });
    nowMs += 1_000;
    expect((await post(`/api/webhooks/${id}/test`)).json().outcome).toBe('given-up');
    await coordinator.built.alerts.deliverDue();
    expect(received).toHaveLength(2);
    expect(received[0]!.headers['x-murmuration-signature']).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
    const alert = JSON.parse(received[0]!.body) as Alert;
    expect(Value.Check(AlertSchema, alert)).toBe(true);
    expect(alert).toMatchObject({ event: 'test', run: null });
    const list = (await coordinator.inject(`/api/webhooks/${id}/deliveries`)).json();
    expect(Value.Check(DeliveryListSchema, list)).toBe(true);
    expect(list.map(({ outcome }: Delivery) => outcome)).toEqual(['given-up', 'delivered']);
    const other = `hook_${'0'.repeat(26)}`;
    expect((await post(`/api/webhooks/${other}/test`)).statusCode).toBe(404);
    expect((await coordinator.inject(`/api/webhooks/${other}/deliveries`)).statusCode).toBe(404);
  });

  it('to an address inside a private network is refused when it is set up', async () => {
    const { post } = await start(false);
    const answer = await post('/api/webhooks', { url: 'http://127.0.0.1:9/hook', events: ['failed'] });
    expect([answer.statusCode, answer.json().field]).toEqual([400, 'url']);
  });
});
