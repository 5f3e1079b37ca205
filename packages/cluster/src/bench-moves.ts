/**
 * `npm run bench -- death join`: what comings and goings cost on real tabs. death: how much longer the others' round takes
 * in which a tab is killed than their rounds take usually, read off a surviving page. join: from the click on a volunteer
 * page to its first counted update, in stages, against the time in which a bare tfjs page is at its first step.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunLive, VolunteerView } from '@murmuration/protocol';
import { countRounds, takeRounds, watchRounds } from '../page/round-watch.ts';
import type { BenchSettings } from './bench.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { bareRate, median, openBenchPage, prepareBench } from './bench-tabs.ts';
import { Grid } from './grid.ts';
import type { Tab } from './tabs.ts';

const TABS = 4;
const TIMES = 5;
const WAIT_MAX_MS = 180_000;
/** Between a look and the next, in the page. */
const LOOK_MS = 10;
const ROUNDS_SEEN_MIN = 30;
const ROUNDS_AFTER = 10;

export async function measureDeath({ isQuick, seed, say }: BenchSettings): Promise<SwarmSubject> {
  const lostMs: number[] = [];
  const usualMs: number[] = [];
  await withRun(seed, say, async (grid, runId) => {
    const [watcher] = await openAll(grid, runId, TABS);
    await watcher!.page.evaluate(watchRounds, LOOK_MS);
    for (let time = 0; time < (isQuick ? 1 : TIMES); time++) {
      const victim = grid.fleet.openTabs.find((tab) => tab !== watcher)!;
      await untilRounds(watcher!, ROUNDS_SEEN_MIN);
      const atMs = await watcher!.page.evaluate(() => performance.timeOrigin + performance.now());
      await victim.kill();
      await untilRounds(watcher!, ROUNDS_AFTER);
      const seen = await watcher!.page.evaluate(takeRounds);
      const gaps = seen.slice(1).map(({ round, atMs: at }, i) => ({
        fromMs: seen[i]!.atMs,
        toMs: at,
        roundMs: (at - seen[i]!.atMs) / (round - seen[i]!.round),
      }));
      const usual = median(gaps.filter(({ toMs }) => toMs < atMs).map(({ roundMs }) => roundMs));
      // The kill takes a moment itself: the longest round that was open since then is the one that it held up.
      const held = Math.max(...gaps.filter(({ toMs }) => toMs >= atMs).map(({ roundMs }) => roundMs));
      usualMs.push(usual);
      lostMs.push(Math.max(0, held - usual));
      say(`death: a round of ${usual.toFixed(0)} ms took ${held.toFixed(0)} ms`);
      await openOne(grid, runId);
    }
  });
  const [lost, usual] = [median(lostMs), median(usualMs)];
  return {
    rows: [
      {
        what: `time that the others lose to the kill of one of ${TABS} tabs, in rounds of theirs (the longest round after it)`,
        target: 'no bound; told beside a round',
        measured: `${(lost / usual).toFixed(1)} rounds (${lost.toFixed(0)} ms in the middle of ${lostMs.length}, worst ${Math.max(...lostMs).toFixed(0)}; a round takes ${usual.toFixed(0)} ms)`,
        isMet: Number.isFinite(lost / usual),
      },
    ],
    details: { lostMs, usualMs },
  };
}

interface Stages {
  readonly joinedMs: number;
  readonly stateMs: number;
  readonly firstStepMs: number;
  readonly firstUpdateMs: number;
}

export async function measureJoining({ isQuick, seed, say }: BenchSettings): Promise<SwarmSubject> {
  const joins: Stages[] = [];
  const bareMs: number[] = [];
  await withRun(seed, say, async (grid, runId) => {
    await openAll(grid, runId, TABS - 1);
    for (let time = 0; time < (isQuick ? 1 : TIMES); time++) {
      const stages = await joinOnce(grid, runId);
      joins.push(stages.times);
      await stages.tab.close();
      const startMs = performance.now();
      const bare = await openBenchPage(grid.fleet);
      await bareRate(bare, { steps: 1 });
      bareMs.push(performance.now() - startMs);
      await bare.close();
      say(
        `join: ${JSON.stringify(stages.times)}; a bare tfjs page's first step after ${bareMs.at(-1)!.toFixed(0)} ms`,
      );
    }
  });
  const middle = (of: (stages: Stages) => number) => median(joins.map(of));
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  const ratio = middle(({ firstStepMs }) => firstStepMs) / median(bareMs);
  const parts = [
    `taken up after ${seconds(middle(({ joinedMs }) => joinedMs))}`,
    `holds the model after ${seconds(middle(({ stateMs }) => stateMs))}`,
    `first step after ${seconds(middle(({ firstStepMs }) => firstStepMs))}`,
    `first counted update after ${seconds(middle(({ firstUpdateMs }) => firstUpdateMs))}`,
  ];
  return {
    rows: [
      {
        what: 'from the click to the first step of a newcomer, against opening a bare tfjs page until its first step',
        target: 'no bound; told in stages',
        measured: `${ratio.toFixed(2)}x (${seconds(median(bareMs))}): ${parts.join(', ')}; middle of ${joins.length}, on ${TABS - 1} tabs that train`,
        isMet: joins.length > 0,
      },
    ],
    details: { joins, bareMs },
  };
}

/** Times since the click, as the coordinator's stream tells them. */
async function joinOnce(grid: Grid, runId: string): Promise<{ readonly tab: Tab; readonly times: Stages }> {
  const known = new Set((await grid.client.snapshot(runId)).volunteers.map(({ id }) => id));
  const tab = await grid.fleet.openPage(grid.url);
  await tab.page.getByRole('button', { name: /^Contribute/ }).waitFor();
  const clickedMs = performance.now();
  await tab.page.getByRole('button', { name: /^Contribute/ }).click();
  const atMs: Partial<Record<keyof Stages, number>> = {};
  const note = (stage: keyof Stages, isReached: boolean) => {
    if (isReached) atMs[stage] ??= performance.now() - clickedMs;
  };
  await until(grid, runId, ({ volunteers }) => {
    const me = volunteers.find(({ id }) => !known.has(id));
    note('joinedMs', me !== undefined);
    note('stateMs', me?.round != null);
    note('firstStepMs', (me?.totals.localSteps ?? 0) > 0);
    // A report may tell of a round before it tells of the steps in it.
    note('firstStepMs', (me?.totals.rounds ?? 0) > 0);
    note('firstUpdateMs', (me?.totals.rounds ?? 0) > 0);
    return atMs.firstUpdateMs !== undefined;
  });
  return { tab, times: atMs as Stages };
}

async function withRun(
  seed: number,
  say: BenchSettings['say'],
  work: (grid: Grid, runId: string) => Promise<void>,
): Promise<void> {
  const browser = await prepareBench(say);
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-bench-'));
  const grid = await Grid.open({
    ...{ browser, tabs: TABS, dataDirectory, logName: 'bench', coordinatorLog: 'bench/coordinator.log' },
  });
  try {
    const { manifest } = await grid.createRun(
      { kind: 'digits' },
      {
        ...{ name: 'moves', model: 'mlp', seed },
        training: { targetAccuracy: null, roundsMax: 1_000_000, evaluateEveryRounds: 10_000 },
      },
    );
    await work(grid, manifest.id);
    await grid.client.order(manifest.id, 'stop');
  } finally {
    await grid.close();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

async function openAll(grid: Grid, runId: string, count: number): Promise<Tab[]> {
  const tabs = [];
  while (tabs.length < count) tabs.push(await openOne(grid, runId));
  return tabs;
}

/** A volunteer that exchanges. */
async function openOne(grid: Grid, runId: string): Promise<Tab> {
  const isExchanging = ({ connected, totals }: VolunteerView) => connected && totals.rounds > 0;
  const tab = await grid.fleet.openVolunteer(grid.url);
  const wanted = grid.fleet.openTabs.length;
  await until(grid, runId, ({ volunteers }) =>
    wanted === 1
      ? volunteers.some(({ totals }) => totals.localSteps > 0)
      : volunteers.filter(isExchanging).length >= wanted,
  );
  return tab;
}

async function until(grid: Grid, runId: string, isSo: (live: RunLive) => boolean): Promise<void> {
  for await (const live of grid.client.live(runId, AbortSignal.timeout(WAIT_MAX_MS))) if (isSo(live)) return;
  throw new Error('the coordinator ended the stream of the run');
}

async function untilRounds({ page }: Tab, count: number): Promise<void> {
  const from = await page.evaluate(countRounds);
  await page.waitForFunction(
    (wanted) => (globalThis as unknown as { seenRounds: unknown[] }).seenRounds.length >= wanted,
    from + count,
    { timeout: WAIT_MAX_MS, polling: 50 },
  );
}
