/**
 * `npm run bench -- bytes`: what a peer sends until the built-in digits reach 95 %. Ours: sparse updates to every peer, all
 * that went over its data channels. Against it whole fp32 weights averaging each round, as browser federated learning does
 * today: `exchange: parameters` in fp32 averages just that, with the same model, data, seed, local steps and optimiser, on real
 * tabs too; counted at four bytes a parameter and round, as if each tab sent its weights once to a server, which is the
 * cheapest way to do it. Once more with our rule of the mean (the root of n behind it), which no other has: it learns in
 * fewer rounds. And ours through a server, where a tab sends an update once, as those who send whole weights do.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunLive, Training } from '@murmuration/protocol';
import type { BenchSettings } from './bench.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { prepareBench } from './bench-tabs.ts';
import { batchSizeFor } from './example-run.ts';
import { followRun, isOver } from './follow-run.ts';
import { Grid } from './grid.ts';
import { bytesText } from './progress-lines.ts';

const TABS = 4;
const TARGET = 0.95;
const RATIO_MIN = 100;
const RUN_MAX_MS = 8 * 60_000;
/** The rest is the same for all. */
const WAYS = {
  peers: { codec: 'topk-16' },
  server: { codec: 'topk-16', architecture: 'central' },
  whole: { codec: 'fp32', exchange: 'parameters' },
  furtherWhole: { codec: 'fp32' },
} as const satisfies Record<string, Partial<Training>>;
type Way = keyof typeof WAYS;
const COMMON = {
  localSteps: 10,
  batchSize: batchSizeFor(TABS),
  targetAccuracy: TARGET,
  evaluateEveryRounds: 4,
  roundsMax: 5_000,
  peersMin: TABS,
  optimiser: 'rmsprop-floored',
} as const satisfies Partial<Training>;

export async function measureBytes({ seed, say }: BenchSettings): Promise<SwarmSubject> {
  const browser = await prepareBench(say);
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-bench-'));
  const train = async (way: Way) => {
    const grid = await Grid.open({
      ...{ browser, tabs: TABS, logName: 'bench', coordinatorLog: 'bench/coordinator.log' },
      dataDirectory: join(dataDirectory, way),
    });
    try {
      const { manifest } = await grid.createRun(
        { kind: 'digits' },
        { name: `bytes ${way}`, model: 'mlp', seed, training: { ...COMMON, ...WAYS[way] } },
      );
      for (let opened = 0; opened < TABS; opened++) await grid.fleet.openVolunteer(grid.url);
      let end: RunLive | null = null;
      for await (const live of followRun(grid.client, manifest.id, AbortSignal.timeout(RUN_MAX_MS)))
        end = live;
      const measured = figures(end!);
      say(`bytes: ${way}: ${JSON.stringify(measured)}`);
      return measured;
    } finally {
      await grid.close();
    }
  };
  try {
    const peers = await train('peers');
    const whole = await train('whole');
    const server = await train('server');
    const furtherWhole = await train('furtherWhole');
    const row = (others: Figures, ours: Figures, how: { readonly what: string; readonly whom: string }) => {
      const wholeBytes = 4 * others.parameterCount * others.rounds;
      const ratio = wholeBytes / ours.bytesSentEach;
      const isReached = ours.reached && others.reached;
      return {
        what: `bytes that one of ${TABS} tabs sends until the digits reach 95 %: ${how.what}, against ${ours.codec}, ${how.whom}`,
        target: `at least ${RATIO_MIN}x`,
        measured: isReached
          ? `${ratio.toFixed(0)}x (${bytesText(wholeBytes)} in ${others.rounds} rounds against ${bytesText(ours.bytesSentEach)} in ${ours.rounds})`
          : `not reached: ${ours.reached ? others.codec : ours.codec} stands at ${(ours.reached ? others : ours).accuracy}`,
        isMet: isReached && ratio >= RATIO_MIN,
      };
    };
    const what = 'whole fp32 weights averaged each round';
    const further = 'the same with the root of n behind the mean, as ours has it';
    return {
      rows: [
        row(whole, peers, { what, whom: 'to all three peers' }),
        row(furtherWhole, peers, { what: further, whom: 'to all three peers' }),
        row(whole, server, { what, whom: 'once, to a server' }),
      ],
      details: { common: COMMON, peers, server, whole, furtherWhole },
    };
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

type Figures = ReturnType<typeof figures>;

function figures({ run, volunteers }: RunLive) {
  const sent = volunteers.reduce((sum, { totals }) => sum + totals.bytesSentPeers - totals.bytesSentState, 0);
  return {
    codec: run.manifest.training.codec,
    reached: isOver(run) && run.reached,
    accuracy: run.best?.accuracy ?? null,
    rounds: run.round,
    samples: run.samples,
    parameterCount: run.manifest.parameterCount,
    bytesSentEach: Math.round(sent / volunteers.length),
  };
}
