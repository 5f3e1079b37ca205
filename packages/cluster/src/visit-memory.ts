/**
 * `npm run visit:memory`: one tab trains at full speed for half an hour; is what it holds flat? The page and its worker
 * are asked by the browser's own measurement, the GPU process by the system. Flat: after the first minutes (caches,
 * pools) nothing grows by more than 5 %. Exit code 1 when something does.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { adapterText, findBrowser, probeBrowser } from './browser.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { parseFlags } from './flags.ts';
import { growthOf, type MemorySample } from './memory-growth.ts';
import { buildPages } from './pages.ts';
import { bytesText } from './progress-lines.ts';
import { Visit } from './visit-tab.ts';

const FLAGS = {
  minutes: { kind: 'integer', min: 1, max: 600, placeholder: 'N', help: 'length of the visit (default 30)' },
} as const;

/** Of the visit: what comes before is warming up. 5 of 30 minutes. */
const WARM_UP_SHARE = 1 / 6;
const GROWTH_MAX = 0.05;
const SAMPLES = 60;

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run visit:memory --', FLAGS, argv);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (parsed.kind !== 'flags') {
    say(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const minutes = parsed.flags.minutes ?? 30;
  const everyMs = (minutes * 60_000) / SAMPLES;
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  const load = () => `load ${loadavg()[0]!.toFixed(1)}`;
  say(
    `Browser ${browser.version}, ${adapterText(browser.adapter)}, ${availableParallelism()} cores, ${load()}`,
  );
  await buildPages({ say });
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-memory-'));
  const coordinator = new CoordinatorProcess({ port: 0, dataDirectory, logName: 'visit/memory.log' });
  let exitCode = 0;
  try {
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    const { id } = await client.createDataset({ kind: 'digits' });
    await client.createRun({
      name: 'memory',
      datasetId: id,
      model: 'mlp',
      training: { targetAccuracy: null, roundsMax: 1_000_000 },
    });
    const visit = await Visit.open(browser, `${coordinator.address.url}/`);
    try {
      await visit.contribute();
      const samples: MemorySample[] = [];
      const startedMs = performance.now();
      while (samples.length < SAMPLES) {
        await sleep(Math.max(0, startedMs + (samples.length + 1) * everyMs - performance.now()));
        const pids = await visit.gpuProcesses();
        const gpu = await Promise.all(pids.map(privateBytes));
        const held = { ...(await visit.heldBytes()), gpu: gpu.reduce((sum, bytes) => sum + bytes, 0) };
        samples.push({ atMs: performance.now() - startedMs, held });
        say(
          `${((performance.now() - startedMs) / 60_000).toFixed(1)} min  ${Object.entries(held)
            .map(([name, bytes]) => `${name} ${bytesText(bytes)}`)
            .join(', ')}`,
        );
      }
      const warmMs = minutes * 60_000 * WARM_UP_SHARE;
      for (const [name, growth] of growthOf(samples, warmMs)) {
        const isKept = growth <= GROWTH_MAX;
        if (!isKept) exitCode = 1;
        say(
          `${isKept ? 'ok' : '!!'}  ${name.padEnd(8)} ${(growth * 100).toFixed(1)} % more in the last third than in the first one after warming up (at most ${GROWTH_MAX * 100} %)`,
        );
      }
    } finally {
      await visit.close();
    }
  } finally {
    await coordinator.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
  say(`${load()} at the end`);
  return exitCode;
}

/** Private memory of a process, where the system tells (Linux); else 0, which counts as flat and says so by its figure. */
async function privateBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024;
}
