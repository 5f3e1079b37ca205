/**
 * `npm run bench -- scale`: how much sooner more tabs come to the same loss, on home links, in imaginary time. The
 * production mind, codec, wire and ledger; a small classifier that really learns. Every tab brings its own samples, so a step
 * of the swarm stands on more of them, and each number of tabs has the best of three learning rates.
 *
 * The exchange's cost is shown beside it: the same run on links that cost nothing.
 */
import { profileOptions, type SimulateOptions } from '@murmuration/simulator';
import type { BenchSettings } from './bench.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { count, seconds, timed } from './timed-run.ts';

/** And rounds enough for the loss below. */
const SIZES = [
  { tabs: 1, rounds: 300 },
  { tabs: 4, rounds: 100 },
  { tabs: 16, rounds: 60 },
  { tabs: 64, rounds: 45 },
  { tabs: 256, rounds: 40 },
  { tabs: 1_024, rounds: 30 },
] as const;
const QUICK_SIZES = SIZES.slice(0, 3);
/** What a home gives: Mbit/s up, and one way of a path between two homes. */
const HOME = { uplinkMinMbit: 5, uplinkMaxMbit: 40, delayMeanMs: 25 } as const;
const FREE = { uplinkMinMbit: 10_000, uplinkMaxMbit: 10_000, delayMeanMs: 0 } as const;
/** A step of one tab: what a middling network takes on a laptop's GPU with 8 samples. */
const WORK = { model: 'mlp', batchSize: 8, stepMs: 200, localSteps: 5, evaluateEveryRounds: 1 } as const;
/** From 2.47 at the beginning; a single tab takes about a thousand steps. */
const LOSS = 1;
/** Each number of tabs has the best of these: more samples behind a step bear a larger one. */
const RATES = [0.004, 0.012, 0.036] as const;

interface Point {
  readonly tabs: number;
  /** Imaginary; null: the loss was not reached. */
  readonly homeMs: number | null;
  readonly freeMs: number | null;
  readonly learningRate: number;
  readonly tried: readonly object[];
}

export function measureSpeedUp({ seed, isQuick, say }: BenchSettings): Promise<SwarmSubject> {
  const points: Point[] = [];
  for (const size of isQuick ? QUICK_SIZES : SIZES) {
    const tried = RATES.map((learningRate) => ({
      learningRate,
      ...timeToLoss({ ...size, seed, learningRate, ...HOME }),
    }));
    const best = tried.reduce((one, other) => ((other.ms ?? Infinity) < (one.ms ?? Infinity) ? other : one));
    const free = timeToLoss({ ...size, seed, learningRate: best.learningRate, ...FREE });
    points.push({
      tabs: size.tabs,
      learningRate: best.learningRate,
      homeMs: best.ms,
      freeMs: free.ms,
      tried,
    });
    say(
      `scale: ${size.tabs} tabs: loss ${LOSS} after ${textOf(best.ms)} on home links (rate ${best.learningRate}), ${textOf(free.ms)} on links that cost nothing; simulated in ${seconds(free.wallMs + tried.reduce((sum, { wallMs }) => sum + wallMs, 0))}`,
    );
  }
  const alone = points[0]!;
  return Promise.resolve({
    rows: points.slice(1).map(({ tabs, homeMs, freeMs }) => {
      const speedUp = alone.homeMs === null || homeMs === null ? null : alone.homeMs / homeMs;
      const cost = homeMs === null || freeMs === null ? null : homeMs / freeMs - 1;
      return {
        what: `simulated time to loss ${LOSS}, 1 tab against ${count(tabs)} on home links (5 to 40 Mbit/s up, 25 ms one way), each with the best of three rates`,
        target: 'sooner than alone',
        measured:
          speedUp === null
            ? 'the loss was not reached'
            : `${speedUp.toFixed(1)}x sooner (${textOf(alone.homeMs)} against ${textOf(homeMs)}); the links cost ${cost === null ? 'unknown' : `${(100 * cost).toFixed(0)} %`} of it`,
        isMet: speedUp !== null && speedUp > 1,
      };
    }),
    details: { work: WORK, home: HOME, loss: LOSS, points },
  });
}

const textOf = (ms: number | null) => (ms === null ? 'never' : seconds(ms));

/** To the second: the run is looked at once an imaginary second. */
function timeToLoss(settings: Partial<SimulateOptions>): {
  readonly ms: number | null;
  readonly wallMs: number;
} {
  const { report, wallMs } = timed(profileOptions('clean', { ...WORK, ...settings }));
  const reached = report.curve.find(({ loss }) => loss !== null && loss <= LOSS);
  return { ms: reached?.atMs ?? null, wallMs };
}
