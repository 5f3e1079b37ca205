/**
 * `npm run bench -- memory`: what a tab holds at its peak, GPU buffers and the worker's own memory, against what preflight
 * states for its run (protocol, model-copies.ts), by size of the model and way of training. Real tabs, fresh for every run: two
 * or three that train, of which the first gives the others their state, or the server does.
 *
 * GPU bytes are counted at WebGPU's own door (page/memory-watch.ts), the peak of every allocation; the worker's are the
 * browser's measurement, the largest of some samples, so that what lives for a moment may be missed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelSpec, Training } from '@murmuration/protocol';
import { installMemoryWatch, type MemoryWatch } from '../page/memory-watch.ts';
import { heldBytes } from '../page/visit-probes.ts';
import type { BenchSettings } from './bench.ts';
import type { SwarmRow, SwarmSubject } from './bench-swarm.ts';
import { prepareBench } from './bench-tabs.ts';
import { followRun, isOver } from './follow-run.ts';
import { Grid } from './grid.ts';
import { bytesText } from './progress-lines.ts';
import { Sentence } from './places.ts';
import type { Tab } from './tabs.ts';

/** The ways whose copies differ, and the tabs that train, by what their page's address ends in. */
const WAYS = [
  { name: 'decentralised', training: {}, tabs: ['', ''] },
  { name: 'central', training: { architecture: 'central' }, tabs: ['', ''] },
  { name: 'hybrid', training: { architecture: 'hybrid' }, tabs: ['', ''] },
  { name: 'exact updates', training: { codec: 'fp32' }, tabs: ['', ''] },
  {
    ...{ name: 'asynchronous', tabs: ['', ''] },
    training: { architecture: 'central', schedule: 'asynchronous' },
  },
  {
    ...{ name: 'two nodes in tiers', tabs: ['?node=a', '?node=a', '?node=b'] },
    training: { tiers: { insideEvery: 2, betweenEvery: 2 } },
  },
] as const satisfies readonly {
  readonly name: string;
  readonly training: Partial<Training>;
  readonly tabs: readonly string[];
}[];
type Way = (typeof WAYS)[number];
const TABS_MAX = Math.max(...WAYS.map(({ tabs }) => tabs.length));
/** Hidden units of a dense layer between 784 pixels and 10 classes: 10 thousand, 100 thousand and a million parameters. */
const HIDDEN = [12, 126, 1_258] as const;
const ROUNDS = 12;
/** Two evaluations, and as many closed rounds as large updates are kept of; on a busy machine it may stay at that. */
const ROUNDS_MIN = 8;
const RUN_MAX_MS = 5 * 60_000;
/** Between two samples of the worker: each of them makes the browser collect garbage. */
const SAMPLE_EVERY_MS = 3_000;
const MEBIBYTE = 1024 * 1024;
/**
 * What does not grow with the model. GPU: batches, uniforms, the self-test's small cases. Worker: the engine, tfjs and the
 * program (a tab with ten thousand parameters holds little else).
 */
const SLACK_BYTES = { gpu: 4 * MEBIBYTE, worker: 16 * MEBIBYTE } as const;

const modelOf = (hidden: number): ModelSpec => ({
  name: `dense-${hidden}`,
  inputShape: [28, 28, 1],
  layers: [
    { kind: 'flatten' },
    { kind: 'dense', units: hidden, activation: 'relu' },
    { kind: 'dense', units: 10, activation: 'linear' },
  ],
});

export async function measureMemory({ seed, isQuick, say }: BenchSettings): Promise<SwarmSubject> {
  const browser = await prepareBench(say);
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-memory-'));
  const grid = await Grid.open({
    ...{ browser, tabs: TABS_MAX, logName: 'bench', coordinatorLog: 'bench/coordinator.log', dataDirectory },
    workerPrelude: `(${installMemoryWatch.toString()})();`,
  });
  const rows: SwarmRow[] = [];
  const details: unknown[] = [];
  try {
    for (const hidden of isQuick ? HIDDEN.slice(0, 1) : HIDDEN)
      for (const way of WAYS) {
        const figures = await measureOne(grid, { hidden, way, seed });
        say(`memory: ${JSON.stringify(figures)}`);
        details.push(figures);
        rows.push(rowOf(figures, 'gpu'), rowOf(figures, 'worker'));
      }
  } finally {
    await grid.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
  return { rows, details };
}

type Figures = Awaited<ReturnType<typeof measureOne>>;

async function measureOne(
  grid: Grid,
  options: { readonly hidden: number; readonly way: Way; readonly seed: number },
) {
  const { hidden, way, seed } = options;
  const training = {
    ...way.training,
    localSteps: 2,
    batchSize: 8,
    peersMin: way.tabs.length,
    evaluateEveryRounds: 4,
    roundsMax: ROUNDS,
    targetAccuracy: null,
  } as const;
  const { id: datasetId } = await grid.client.createDataset({ kind: 'digits' });
  const request = {
    name: `memory ${hidden} ${way.name}`,
    datasetId,
    model: modelOf(hidden),
    seed,
    training,
  };
  const { manifest } = await grid.client.createRun(request);
  const tabs: Tab[] = [];
  for (const words of way.tabs) tabs.push(await grid.fleet.openVolunteer(`${grid.url}${words}`));
  // What is stated depends on the tabs that are there.
  const { estimate } = await grid.client.preflight(request);
  let measured = { gpu: 0, worker: 0 };
  let hasEnded = false;
  let round = 0;
  let ended = 'in time';
  const over = new AbortController();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      for (const tab of tabs) {
        const { gpu, worker } = await heldBy(tab);
        measured = { gpu: Math.max(measured.gpu, gpu), worker: Math.max(measured.worker, worker) };
      }
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_EVERY_MS));
    }
  })();
  try {
    for await (const { run } of followRun(grid.client, manifest.id, AbortSignal.timeout(RUN_MAX_MS))) {
      round = run.round;
      hasEnded = isOver(run);
      if (!hasEnded) continue;
      ended = `before it ${run.state} (${run.reason})`;
      break;
    }
  } finally {
    over.abort();
    await sampling;
    for (const tab of tabs) await tab.close();
    // The next one's tabs are to work on the next one.
    if (!hasEnded) await grid.client.order(manifest.id, 'stop');
  }
  if (round < ROUNDS_MIN)
    throw new Sentence(
      `memory: ${request.name} closed ${round} rounds ${ended}, at least ${ROUNDS_MIN} are needed`,
    );
  const { memory } = estimate!;
  const { parameterCount } = manifest;
  return {
    parameterCount,
    way: way.name,
    measured,
    stated: { gpu: memory.totalBytes, worker: memory.workerBytes },
  };
}

/** A worker that has not begun yet holds nothing. */
async function heldBy({ page }: Tab): Promise<{ gpu: number; worker: number }> {
  const [worker] = page.workers();
  if (worker === undefined) return { gpu: 0, worker: 0 };
  const { gpuPeakBytes } = await worker.evaluate(() =>
    (globalThis as unknown as { memoryWatch: MemoryWatch }).memoryWatch.read(),
  );
  return { gpu: gpuPeakBytes, worker: (await page.evaluate(heldBytes)).worker };
}

const WORDS = { gpu: 'GPU buffers at the peak', worker: "the worker's own memory" } as const;

function rowOf({ parameterCount, way, measured, stated }: Figures, side: 'gpu' | 'worker'): SwarmRow {
  const allowed = stated[side] + SLACK_BYTES[side];
  const ratio = measured[side] / allowed;
  return {
    what: `${parameterCount.toLocaleString('en')} parameters, ${way}: ${WORDS[side]} of a tab against what is stated and ${bytesText(SLACK_BYTES[side])}`,
    target: 'at most 1.0x',
    measured: `${ratio.toFixed(2)}x (${bytesText(measured[side])} of ${bytesText(stated[side])} and the slack)`,
    isMet: ratio <= 1,
  };
}
