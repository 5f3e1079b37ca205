/** Who may do what: every route of the OpenAPI document is tried with nothing, with too little, and with a stolen cookie. */
import { NewTokenSchema, SessionSchema } from '@murmuration/protocol';
import type { InjectOptions } from 'fastify';
import { Value } from 'typebox/value';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN, ADMIN_TOKEN, TestCoordinator } from '../testing/grid.ts';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly security?: Record<string, unknown>[];
  readonly responses: Record<
    string,
    { content?: Record<string, { examples?: Record<string, { value: object }> }> }
  >;
}

let nowMs = Date.UTC(2026, 0, 1);
let coordinator: TestCoordinator;
let operations: { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; url: string; operation: Operation }[];
const inject = (request: InjectOptions | string) => coordinator.built.app.inject(request);

beforeAll(async () => {
  coordinator = await TestCoordinator.start({ nowMs: () => nowMs });
  const document = (await inject('/openapi.json')).json();
  expect(document.openapi).toBe('3.1.0');
  operations = Object.entries(document.paths as Record<string, Record<string, Operation>>).flatMap(
    ([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({
        method: method.toUpperCase() as 'GET',
        url: path.replaceAll(/\{\w+\}/g, 'x'),
        operation,
      })),
  );
});
afterAll(() => coordinator.stop());

const signIn = async (token: string) => {
  const answer = await inject({ method: 'POST', url: '/api/session', payload: { token } });
  expect(answer.statusCode).toBe(200);
  const [cookie] = answer.cookies as { name: string; value: string; httpOnly?: boolean; sameSite?: string }[];
  return { cookie: cookie!, view: answer.json(), headers: { cookie: `${cookie!.name}=${cookie!.value}` } };
};
const newToken = async (request: object): Promise<{ id: string; token: string }> =>
  (await inject({ method: 'POST', url: '/api/tokens', headers: ADMIN, payload: request })).json();

describe('every route', () => {
  it('describes itself: a unique name, a sentence, a subject, and examples of its errors', () => {
    expect(operations.length).toBeGreaterThan(25);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of operations) {
      expect(operation.summary, operation.operationId).toMatch(/\.$/);
      expect(operation.tags, operation.operationId).toHaveLength(1);
      for (const [status, { content }] of Object.entries(operation.responses))
        if (Number(status) >= 400)
          for (const { value } of Object.values(content!['application/json']!.examples!))
            expect(Object.keys(value), operation.operationId).toEqual(
              expect.arrayContaining(['code', 'message']),
            );
    }
  });

  it('of the API answers nobody who shows nothing, unless it says that it is public', async () => {
    const closed = operations.filter(({ operation }) => operation.security?.length !== 0);
    expect(closed.length).toBeGreaterThan(20);
    for (const { method, url } of closed) {
      const bare = await inject({ method, url });
      expect([method, url, bare.statusCode, bare.json().code]).toEqual([method, url, 401, 'unauthorised']);
      const forged = await inject({ method, url, headers: { cookie: `murmuration=${'A'.repeat(43)}` } });
      expect([method, url, forged.statusCode]).toEqual([method, url, 401]);
    }
    const open = operations.filter(({ operation }) => operation.security?.length === 0);
    expect(open.map(({ operation }) => operation.operationId).toSorted()).toEqual([
      'blob',
      'health',
      'publicCoordinator',
      'publicIceServers',
      'publicRun',
      'publicRuns',
      'publicSamples',
      'signIn',
    ]);
  });

  it('that changes something refuses a token that may only read, and a cookie without the CSRF token', async () => {
    const { token } = await newToken({ name: 'reader', scope: 'read' });
    const session = await signIn(ADMIN_TOKEN);
    const changing = operations.filter(
      ({ method, operation }) =>
        method !== 'GET' &&
        operation.security?.length !== 0 &&
        operation.security?.[0]?.['volunteer'] === undefined,
    );
    expect(changing.length).toBeGreaterThan(10);
    for (const { method, url, operation } of changing) {
      const stolen = await inject({ method, url, headers: session.headers });
      expect([url, stolen.statusCode, stolen.json().code]).toEqual([url, 403, 'bad-csrf']);
      const guessed = await inject({ method, url, headers: { ...session.headers, 'x-csrf-token': 'guess' } });
      expect([url, guessed.json().code]).toEqual([url, 'bad-csrf']);
      // These change nothing that belongs to anybody else.
      if (['signOut', 'preflight', 'checkModel'].includes(operation.operationId)) continue;
      const reader = await inject({ method, url, headers: { authorization: `Bearer ${token}` } });
      expect([url, reader.statusCode, reader.json().code]).toEqual([url, 403, 'bad-scope']);
    }
  });
});

describe('a session', () => {
  it('is an httpOnly, SameSite=Strict cookie whose CSRF token opens what the scope allows', async () => {
    const { cookie, view, headers } = await signIn(ADMIN_TOKEN);
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    expect(Value.Check(SessionSchema, view)).toBe(true);
    expect((await inject({ method: 'GET', url: '/api/session', headers })).json()).toEqual(view);
    const made = await inject({
      method: 'POST',
      url: '/api/datasets',
      headers: { ...headers, 'x-csrf-token': view.csrfToken },
      payload: { kind: 'digits', trainSampleCount: 100, validationSampleCount: 100 },
    });
    expect(made.statusCode).toBe(201);
    const out = await inject({
      method: 'DELETE',
      url: '/api/session',
      headers: { ...headers, 'x-csrf-token': view.csrfToken },
    });
    expect(out.statusCode).toBe(204);
    expect((await inject({ method: 'GET', url: '/api/session', headers })).statusCode).toBe(401);
  });

  it('ends by itself, and with the token that it began with', async () => {
    const { id, token } = await newToken({ name: 'writer', scope: 'write' });
    const first = await signIn(token);
    expect(first.view.scope).toBe('write');
    await inject({ method: 'DELETE', url: `/api/tokens/${id}`, headers: ADMIN });
    expect((await inject({ method: 'GET', url: '/api/runs', headers: first.headers })).statusCode).toBe(401);
    const second = await signIn(ADMIN_TOKEN);
    nowMs += 15 * 86_400_000;
    expect((await inject({ method: 'GET', url: '/api/runs', headers: second.headers })).statusCode).toBe(401);
  });

  it('with the first-run token is over when the operator sets another one, and survives a restart otherwise', async () => {
    const first = await TestCoordinator.start();
    const answer = await first.built.app.inject({
      method: 'POST',
      url: '/api/session',
      payload: { token: ADMIN_TOKEN },
    });
    const { name, value } = answer.cookies[0]!;
    const headers = { cookie: `${name}=${value}` };
    await first.stop({ keepData: true });
    const again = await TestCoordinator.start({ directory: first.directory });
    expect((await again.built.app.inject({ url: '/api/runs', headers })).statusCode).toBe(200);
    await again.stop({ keepData: true });
    const other = await TestCoordinator.start({
      directory: first.directory,
      settings: { adminToken: 'another-token-of-the-operator' },
    });
    expect((await other.built.app.inject({ url: '/api/runs', headers })).statusCode).toBe(401);
    await other.stop();
  });
});

describe('an API token', () => {
  it('is shown once, kept as a hash, listed with its last use, and ends when its days are over', async () => {
    const answer = await inject({
      method: 'POST',
      url: '/api/tokens',
      headers: ADMIN,
      payload: { name: 'CI', scope: 'write', days: 2 },
    });
    const made = answer.json();
    expect([answer.statusCode, Value.Check(NewTokenSchema, made)]).toEqual([201, true]);
    const headers = { authorization: `Bearer ${made.token}` };
    expect((await inject({ url: '/api/runs', headers })).statusCode).toBe(200);
    const list = await inject({ url: '/api/tokens', headers: ADMIN });
    expect(list.payload).not.toContain(made.token);
    expect(list.json()).toContainEqual(
      expect.objectContaining({ name: 'CI', scope: 'write', lastUsedAt: new Date(nowMs).toISOString() }),
    );
    expect((await inject({ url: '/api/tokens', headers })).json().code).toBe('bad-scope');
    nowMs += 2 * 86_400_000;
    expect((await inject({ url: '/api/runs', headers })).statusCode).toBe(401);
  });
});
