/**
 * The grid as a whole: real tabs on a WebGPU adapter train the digits together over data channels, stay bit-identical,
 * reach the target, and the model that comes out loads elsewhere with the same accuracy.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { downloadModel, reportOf, reportText } from '@murmuration/cluster';
import type { RunLive } from '@murmuration/protocol';
import { safetensorsAccuracy, tfjsAccuracy } from './elsewhere.ts';
import { expect, test, volunteerOf } from './fixtures.ts';

const TABS = 3;
const TARGET = 0.9;
const TRAIN_MAX_MS = 400_000;
/** The bound: bytes per parameter, exchange and peer. */
const BYTES_PER_PARAMETER_MAX = 1.1;

test('real tabs on the WebGPU adapter train one model peer to peer, without drifting apart, and it loads elsewhere', async ({
  grid,
}) => {
  const { manifest } = await grid.createRun(
    { kind: 'digits', trainSampleCount: 4_000, validationSampleCount: 500 },
    {
      name: 'grid',
      model: 'mlp',
      seed: 3,
      training: { targetAccuracy: TARGET, peersMin: 2, evaluateEveryRounds: 5 },
    },
  );
  const opened = await grid.openVolunteers(manifest.id, TABS);
  const end = await grid.until(
    manifest.id,
    `the run ends`,
    TRAIN_MAX_MS,
    ({ run }) => run.state === 'finished',
  );
  const { run, volunteers } = end;

  expect(run.reached, run.reason).toBe(true);
  expect(run.best?.accuracy).toBeGreaterThanOrEqual(TARGET);
  // Replicas report a fingerprint of all their parameters each round; a difference in one bit is a divergence.
  expect(run.divergences).toBe(0);
  expect(run.round).toBeGreaterThanOrEqual(5);
  expect(volunteers).toHaveLength(TABS);
  for (const { id, tab } of opened) {
    const { adapter, totals } = volunteerOf(end, id);
    // Never green on a silent fallback to the CPU: the backend is WebGPU, and its adapter has a name.
    expect(adapter.backend).toBe('webgpu');
    expect(adapter.vendor).not.toBe('');
    expect(totals.localSteps).toBeGreaterThan(0);
    expect(totals.peersMax).toBe(TABS - 1);
    expect(totals.bytesSentPeers).toBeGreaterThan(0);
    expect(totals.bytesReceivedPeers).toBeGreaterThan(totals.rounds * manifest.parameterCount);
    // A round more than committed may have been sent; states for newcomers are counted apart.
    const exchangesMax = (totals.rounds + 1) * totals.peersMax;
    expect(
      (totals.bytesSentPeers - totals.bytesSentState) / manifest.parameterCount / exchangesMax,
    ).toBeLessThanOrEqual(BYTES_PER_PARAMETER_MAX);
    expect(tab.consoleErrors).toEqual([]);
  }

  const directory = await mkdtemp(join(tmpdir(), 'murmuration-model-'));
  try {
    const saved = await downloadModel(grid.client, manifest.id, directory);
    const { sha256, sampleCount } = manifest.dataset.validation;
    const samples = {
      bytes: await grid.client.bytes(`/blobs/${sha256}`),
      sampleCount,
      sampleShape: manifest.dataset.sampleShape,
    };
    // Another machine's rounding may tip a sample that stood on the edge.
    const edge = 1.5 / sampleCount;
    const reported = run.best!.accuracy!;
    expect(Math.abs((await tfjsAccuracy(saved.tfjs, samples)) - reported)).toBeLessThan(edge);
    expect(Math.abs((await safetensorsAccuracy(saved.safetensors, samples)) - reported)).toBeLessThan(edge);
    // The report checks itself against its schema.
    expect(reportText(reportOf({ run, volunteers, exports: saved }))).toContain(manifest.id);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('[N2] [N6] tabs of one machine find each other and average exactly inside their node', async ({
  grid,
}) => {
  const { manifest } = await grid.createRun(
    { kind: 'digits', trainSampleCount: 1_000, validationSampleCount: 100 },
    {
      name: 'node',
      model: 'mlp',
      seed: 4,
      training: {
        targetAccuracy: null,
        roundsMax: 100_000,
        evaluateEveryRounds: 50,
        peersMin: 2,
        tiers: { insideEvery: 2, betweenEvery: 4 },
      },
    },
  );
  const opened = await grid.openVolunteers(manifest.id, 2);
  const viewsOf = (live: RunLive) => opened.map(({ id }) => volunteerOf(live, id));
  const met = await grid.until(
    manifest.id,
    'both are of one node',
    TRAIN_MAX_MS,
    (live) => new Set(viewsOf(live).map(({ node }) => node)).size === 1,
  );
  const before = viewsOf(met).map(({ totals }) => totals);
  const exact = 4 * manifest.parameterCount;
  const end = await grid.until(manifest.id, 'both have averaged inside and between', TRAIN_MAX_MS, (live) =>
    viewsOf(live).every(
      ({ totals }, i) =>
        totals.rounds >= before[i]!.rounds + 2 &&
        totals.bytesReceivedPeers >= before[i]!.bytesReceivedPeers + 8 * exact,
    ),
  );
  for (const { totals } of viewsOf(end)) expect(totals.rejectedFrames).toBe(0);
  expect(end.run.divergences).toBe(0);
  for (const { tab } of opened) expect(tab.consoleErrors).toEqual([]);
  await grid.client.order(manifest.id, 'stop');
});
