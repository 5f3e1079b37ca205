/**
 * `npm run bench -- bytes`: what a peer sends until the built-in digits reach 95 %. Ours: sparse updates to every peer, all
 * that went over its data channels. Against it whole fp32 weights averaging each round, as browser federated learning does
 * today: the codec `fp32` averages just that (a mean of updates from one anchor is the mean of the weights), with the same
 * model, data, seed, local steps and optimiser, on real tabs too; counted at four bytes a parameter and round, as if each
 * tab sent its weights once to a server, which is the cheapest way to do it.
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
/** The rest is the same for both. */
const OURS = { codec: 'topk-16' } as const;
const WHOLE = { codec: 'fp32' } as const;
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
  const train = async (codec: Partial<Training>) => {
    const grid = await Grid.open({
      ...{ browser, tabs: TABS, logName: 'bench', coordinatorLog: 'bench/coordinator.log' },
      dataDirectory: join(dataDirectory, codec.codec!),
    });
    try {
      const { manifest } = await grid.createRun(
        { kind: 'digits' },
        { name: `bytes ${codec.codec}`, model: 'mlp', seed, training: { ...COMMON, ...codec } },
      );
      for (let opened = 0; opened < TABS; opened++) await grid.fleet.openVolunteer(grid.url);
      let end: RunLive | null = null;
      for await (const live of followRun(grid.client, manifest.id, AbortSignal.timeout(RUN_MAX_MS)))
        end = live;
      return figures(end!);
    } finally {
      await grid.close();
    }
  };
  try {
    const ours = await train(OURS);
    say(`bytes: ${JSON.stringify(ours)}`);
    const whole = await train(WHOLE);
    say(`bytes: ${JSON.stringify(whole)}`);
    const wholeBytes = 4 * whole.parameterCount * whole.rounds;
    const ratio = wholeBytes / ours.bytesSentEach;
    const reached = ours.reached && whole.reached;
    return {
      rows: [
        {
          what: `bytes that one of ${TABS} tabs sends until the digits reach 95 %: whole fp32 weights averaged each round, against ${OURS.codec}`,
          target: `at least ${RATIO_MIN}x`,
          measured: reached
            ? `${ratio.toFixed(0)}x (${bytesText(wholeBytes)} in ${whole.rounds} rounds against ${bytesText(ours.bytesSentEach)} in ${ours.rounds}, to all three peers)`
            : `not reached: ${ours.reached ? WHOLE.codec : OURS.codec} stands at ${(ours.reached ? whole : ours).accuracy}`,
          isMet: reached && ratio >= RATIO_MIN,
        },
      ],
      details: { common: COMMON, ours, whole, wholeBytes },
    };
  } finally {
    await rm(dataDirectory, { recursive: true, force: true });
  }
}

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
