/** The coordinator as a process: started, killed with -9, started again; refused settings. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { DatasetManifest, RunView } from '@murmuration/protocol';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { ADMIN, ADMIN_TOKEN, TestSocket } from '../testing/grid.ts';
import { NO_TOTALS } from './ledger-state.ts';

vi.setConfig({ testTimeout: 120_000 });

const directory = mkdtempSync(join(tmpdir(), 'murmuration-server-'));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

function run(args: readonly string[]): ChildProcess {
  const server = fileURLToPath(new URL('./server.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', server, ...args], {
    env: { ...process.env, MURMURATION_ADMIN_TOKEN: ADMIN_TOKEN },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  return child;
}

async function start(port: number): Promise<{ child: ChildProcess; url: string }> {
  const child = run(['--port', String(port), '--data', directory, '--json']);
  for await (const line of createInterface(child.stdout!)) {
    const { url } = JSON.parse(line) as { url: string };
    return { child, url };
  }
  throw new Error('the server ended before it was ready');
}

const ended = (child: ChildProcess) =>
  new Promise<{ code: number | null; stderr: string }>((resolve) => {
    let stderr = '';
    child.stderr!.on('data', (text) => (stderr += String(text)));
    child.on('close', (code) => resolve({ code, stderr }));
  });

const post = async (url: string, body: unknown) =>
  (
    await fetch(url, {
      method: 'POST',
      headers: { ...ADMIN, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  ).json();

const FINGERPRINT = 'f'.repeat(16);

describe('the server', () => {
  it('[I-4] [W30] killed with -9 it goes on: volunteers keep their ids, results count once, nothing is founded anew', async () => {
    let { child, url } = await start(0);
    const port = Number(new URL(url).port);
    const open = () =>
      new TestSocket(new WebSocket(`${url.replace('http', 'ws')}/ws/volunteer`, { origin: url }));
    const dataset = (await post(`${url}/api/datasets`, {
      kind: 'digits',
      trainSampleCount: 1_000,
      validationSampleCount: 100,
    })) as DatasetManifest;
    const { manifest } = (await post(`${url}/api/runs`, {
      name: 'r',
      datasetId: dataset.id,
      model: 'mlp',
    })) as RunView;
    const runId = manifest.id;

    const before = open();
    await before.hello();
    const { volunteerId, secret } = await before.next('welcome');
    await before.say({ type: 'ready', runId });
    await before.next('found');
    const head = { term: 1, round: 3, fingerprint: FINGERPRINT };
    await before.say({
      type: 'report',
      runId,
      head,
      loss: 1,
      stepsPerSecond: 1,
      state: 'training',
      totals: { ...NO_TOTALS, localSteps: 30 },
    });
    const lease = async (socket: TestSocket) => {
      await socket.say({ type: 'lease-request', runId, held: 0 });
      const { shard, generation } = await socket.next('lease');
      return {
        type: 'lease-result',
        runId,
        shardIndex: shard.index,
        generation,
        sampleCount: shard.sampleCount,
      } as const;
    };
    const [first, second] = [await lease(before), await lease(before)];
    await before.say(first);
    expect(await before.next('lease-ack')).toMatchObject({ outcome: 'counted' });

    child.kill('SIGKILL');
    await before.closed;
    ({ child, url } = await start(port));

    const after = open();
    await after.hello({ resume: { volunteerId, secret }, head: { runId, head: { ...head, round: 5 } } });
    expect((await after.next('welcome')).volunteerId).toBe(volunteerId);
    expect((await after.next('assignment')).run).toEqual(manifest);
    await after.say(first);
    expect(await after.next('lease-ack')).toMatchObject({ outcome: 'duplicate' });
    await after.say(second);
    expect(await after.next('lease-ack')).toMatchObject({ outcome: 'counted' });
    const view = (await (await fetch(`${url}/api/runs/${runId}`, { headers: ADMIN })).json()) as RunView;
    expect(view).toMatchObject({ state: 'training', term: 1, volunteersConnected: 1 });
    // The two shards, whatever the data were cut into.
    expect(view.epoch * dataset.shardCount + view.shardsCounted).toBe(2);

    const other = await ended(run(['--port', '0', '--data', directory]));
    expect(other.code).toBe(3);
    expect(other.stderr).toContain(`in use by another coordinator (process ${child.pid})`);

    const end = ended(child);
    child.kill('SIGTERM');
    expect((await end).code).toBe(0);
  });

  it('[C3] a wrong setting ends it with exit code 3 and one line that names the setting', async () => {
    const { code, stderr } = await ended(run(['--port', 'many']));
    expect(code).toBe(3);
    expect(stderr.trim()).toBe('--port (MURMURATION_PORT): must be a whole number from 0 to 65535');
  });
});
