/**
 * `npm run bench -- grid`: steps a second of 1, 2 and 4 tabs in a run, against the same number of tabs of the same browsers
 * in a bare tfjs loop with the same model and batch: what rounds, exchange, leases and reports cost. The tabs of the run
 * are paused while the bare loops have their turn.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_TRAINING } from '@murmuration/protocol';
import type { BenchSettings } from './bench.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { bareRate, median, openBenchPage, prepareBench, press, rateOfRun } from './bench-tabs.ts';
import { Grid } from './grid.ts';
import type { Tab } from './tabs.ts';

const TABS = [1, 2, 4] as const;
const RATIO_MIN = 0.9;
const CYCLES = 3;
const WINDOW_MS = 6_000;
/** Enough to see how fast the bare loop is; its shaders are compiled by then. */
const PROBE_STEPS = 10;

export async function measureOverhead({ isQuick, seed, say }: BenchSettings): Promise<SwarmSubject> {
  const browser = await prepareBench(say);
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-bench-'));
  const details = [];
  try {
    for (const tabs of TABS) {
      const grid = await Grid.open({
        ...{ browser, tabs, logName: 'bench', coordinatorLog: 'bench/coordinator.log' },
        dataDirectory: join(dataDirectory, String(tabs)),
      });
      try {
        const rates = await ratesOf(grid, { tabs, seed, cycles: isQuick ? 1 : CYCLES });
        const ratio = median(rates.map(({ run, bare }) => run / bare));
        details.push({ tabs, ratio, rates });
        say(`grid: ${tabs} tabs: ${ratio.toFixed(2)} (${JSON.stringify(rates)})`);
      } finally {
        await grid.close();
      }
    }
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
  return {
    rows: details.map(({ tabs, ratio, rates }) => ({
      what: `steps a second of ${tabs} ${tabs === 1 ? 'tab' : 'tabs'} in a run against as many bare tfjs loops`,
      target: `at least ${RATIO_MIN}`,
      measured: `${ratio.toFixed(2)} (${median(rates.map(({ run }) => run)).toFixed(1)} against ${median(rates.map(({ bare }) => bare)).toFixed(1)})`,
      isMet: ratio >= RATIO_MIN,
    })),
    details,
  };
}

async function ratesOf(
  grid: Grid,
  { tabs, seed, cycles }: { tabs: number; seed: number; cycles: number },
): Promise<{ readonly run: number; readonly bare: number }[]> {
  const { manifest } = await grid.createRun(
    { kind: 'digits' },
    {
      ...{ name: `overhead of ${tabs}`, model: 'mlp', seed },
      training: {
        ...{ targetAccuracy: null, roundsMax: 1_000_000, evaluateEveryRounds: 10_000 },
        peersMin: tabs,
      },
    },
  );
  const bare: Tab[] = [];
  for (let opened = 0; opened < tabs; opened++) bare.push(await openBenchPage(grid.fleet));
  const volunteers = [];
  for (let opened = 0; opened < tabs; opened++) volunteers.push(await grid.fleet.openVolunteer(grid.url));
  const rates: { run: number; bare: number }[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    if (cycle > 0) for (const tab of volunteers) await press(tab, 'Resume');
    const run = await rateOfRun(grid.client, manifest.id, WINDOW_MS);
    for (const tab of volunteers) await press(tab, 'Pause');
    const all = async (steps: number) => {
      const each = await Promise.all(
        bare.map((tab) => bareRate(tab, { steps, batchSize: DEFAULT_TRAINING.batchSize })),
      );
      return each.reduce((sum, rate) => sum + rate, 0);
    };
    const known = rates.at(-1)?.bare ?? (await all(PROBE_STEPS));
    rates.push({ run, bare: await all(Math.ceil((known * WINDOW_MS) / 1_000 / tabs)) });
  }
  await grid.client.order(manifest.id, 'stop');
  return rates;
}
