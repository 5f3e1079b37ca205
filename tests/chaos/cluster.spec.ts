/**
 * The cluster command as an engineer types it: a run under seeded chaos ends with exit code 0 and artifacts that say what
 * happened, and a run that proves nothing ends with 1.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT_DIRECTORY } from '@murmuration/cluster';
import { ClusterReportSchema, type ClusterReport } from '@murmuration/protocol';
import { expect, test } from '@playwright/test';
import { Value } from 'typebox/value';

const COMMAND_MAX_MS = 570_000;
const RUN = `name: chaos
data:
  kind: digits
  trainSampleCount: 5000
  validationSampleCount: 500
model: mlp
seed: 3
training:
  batchSize: 8
  learningRate: 0.0012
  evaluateEveryRounds: 20
`;

/** Each is done and over before the next, whatever the machine's speed: a fault is a matter of seconds. */
const SCRIPT = `script:
  - { fault: cut-pair, at: 1s, tab: 1, with: 2, for: 2s }
  - { fault: clog, at: 3.5s, tab: 3, strength: 4, for: 2s }
  - { fault: lose-device, at: 6s, tab: 1 }
  - { fault: sign-flip, at: 7s, tab: 2, for: 3s }
  - { fault: coordinator-kill, at: 8s, for: 1s }
`;

function cluster(...argv: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(ROOT_DIRECTORY, 'packages/cluster/bin/murmur.mjs'), 'cluster', ...argv],
      { cwd: ROOT_DIRECTORY, timeout: COMMAND_MAX_MS, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1,
          text: stdout + stderr,
        }),
    );
  });
}

let directory: string;
test.beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'murmuration-cluster-'));
});
test.afterEach(() => rm(directory, { recursive: true, force: true }));

test('faults from a seed, an assertion, exit code 0, and artifacts that tell what happened', async () => {
  // So many rounds as last half a minute on a quick machine, so that every fault strikes before the end. On a slow one half
  // of them pass while the coordinator starts again, and whoever left then must come back in the others.
  await writeFile(join(directory, 'run.yaml'), `${RUN}  targetAccuracy: null\n  roundsMax: 150\n`);
  await writeFile(join(directory, 'chaos.yaml'), SCRIPT);
  const { code, text } = await cluster(
    ...['--run', join(directory, 'run.yaml'), '--tabs', '3', '--budget', '500s', '--seed', '5'],
    ...['--chaos', join(directory, 'chaos.yaml'), '--assert', 'val_acc>0.8', '--out', join(directory, 'out')],
  );
  expect(code, text).toBe(0);
  const report = JSON.parse(await readFile(join(directory, 'out', 'report.json'), 'utf8')) as ClusterReport;
  expect(Value.Check(ClusterReportSchema, report)).toBe(true);
  expect(report.verdict).toEqual({ exitCode: 0, outcome: 'every assertion holds', emptiness: [] });
  expect(report.asserts).toEqual([{ text: 'val_acc>0.8', value: report.result.valAccuracy, holds: true }]);
  expect(report.faults.map(({ kind, outcome }) => `${kind}: ${outcome}`).toSorted()).toEqual([
    'clog: done',
    'coordinator-kill: done',
    'cut-pair: done',
    'lose-device: done',
    'sign-flip: done',
  ]);
  // Real adapters and real data channels, not words about them.
  const trained = report.tabs.filter(({ localSteps }) => localSteps > 0);
  expect(trained.length).toBeGreaterThanOrEqual(3);
  for (const tab of trained) {
    expect(tab.backend).toBe('webgpu');
    expect(tab.adapter.vendor).not.toBe('');
  }
  expect(report.figures['bytes_to_peers']).toBeGreaterThan(100_000);
  for (const [file, start] of [
    ['junit.xml', '<?xml'],
    ['metrics.csv', 'round,'],
    ['picture.svg', '<svg'],
  ] as const)
    expect((await readFile(join(directory, 'out', file), 'utf8')).startsWith(start), file).toBe(true);
});

test('tabs that cannot reach each other are no evidence: exit code 1, also when the model learned', async () => {
  await writeFile(join(directory, 'run.yaml'), `${RUN}  roundsMax: 12\n  targetAccuracy: null\n`);
  const { code, text } = await cluster(
    ...['--run', join(directory, 'run.yaml'), '--tabs', '2', '--budget', '240s', '--plant', 'no-p2p'],
    ...['--out', join(directory, 'out')],
  );
  expect(code, text).toBe(1);
  expect(text).toContain('nothing crossed a data channel');
  expect(text).toContain('FAILED');
});
