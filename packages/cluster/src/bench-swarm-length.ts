/**
 * Of `npm run bench:swarm -- adaptive`: rounds that become as long as their exchange takes (SPEC R17), on against off, by the
 * time to a loss (simulator, study-length.ts): where the exchange shows, where it does not, and where tabs go.
 */
import { studyLength, type LengthOptions } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow } from './bench-swarm.ts';

const LOSS = 0.9;
const QUICK_LOSS = 1.4;

interface Crowd {
  readonly what: string;
  readonly options: Pick<
    LengthOptions,
    'architecture' | 'uplinkMbit' | 'roundTripMs' | 'localSteps' | 'churnPerMinute'
  >;
  /** Time with it over time without. */
  readonly ratioMax: number;
}

const crowd = (
  what: string,
  options: Partial<Crowd['options']> & Pick<LengthOptions, 'localSteps'>,
  ratioMax: number,
): Crowd => ({
  what: `${what}, H = ${options.localSteps}`,
  options: {
    ...{ architecture: 'decentralised', uplinkMbit: 10, roundTripMs: 40, churnPerMinute: 0 },
    ...options,
  },
  ratioMax,
});
const GAINS = 0.9;
const NO_LOSS = 1.02;

const CROWDS: readonly Crowd[] = [
  crowd('0.1 Mbit/s up', { uplinkMbit: 0.1, localSteps: 2 }, GAINS),
  crowd('0.1 Mbit/s up', { uplinkMbit: 0.1, localSteps: 5 }, GAINS),
  crowd(
    '0.1 Mbit/s up, 100 % of the tabs replaced a minute',
    { uplinkMbit: 0.1, localSteps: 5, churnPerMinute: 1 },
    GAINS,
  ),
  crowd('0.2 Mbit/s up', { uplinkMbit: 0.2, localSteps: 2 }, GAINS),
  crowd('0.4 Mbit/s up', { uplinkMbit: 0.4, localSteps: 2 }, NO_LOSS),
  crowd('round trips of 400 ms', { roundTripMs: 400, localSteps: 2 }, GAINS),
  crowd(
    'round trips of 400 ms, central',
    { architecture: 'central', roundTripMs: 400, localSteps: 1 },
    GAINS,
  ),
  crowd('0.1 Mbit/s up, central', { architecture: 'central', uplinkMbit: 0.1, localSteps: 1 }, GAINS),
  crowd('10 Mbit/s up', { localSteps: 5 }, NO_LOSS),
  crowd('10 Mbit/s up', { localSteps: 20 }, NO_LOSS),
  crowd('10 Mbit/s up, central', { architecture: 'central', localSteps: 5 }, NO_LOSS),
];

export function measureLengths(
  { seeds, isQuick, say }: Pick<SwarmBenchSettings, 'seeds' | 'isQuick' | 'say'>,
  details: object[],
): SwarmRow[] {
  return CROWDS.map(({ what, options, ratioMax }) => {
    const measure = (adaptive: LengthOptions['adaptive']) =>
      Array.from({ length: seeds }, (_, i) => {
        const all = { ...options, adaptive, seed: i + 1, loss: isQuick ? QUICK_LOSS : LOSS };
        const row = studyLength(all);
        details.push({ options: all, row });
        return row;
      });
    const [on, off] = [measure('on'), measure('off')];
    const meanMs = (rows: typeof on) => rows.reduce((sum, { ms }) => sum + (ms ?? Infinity), 0) / rows.length;
    const stepsARound = (rows: typeof on) =>
      rows.reduce((sum, row) => sum + row.localSteps / Math.max(1, row.rounds) / 8, 0) / rows.length;
    const ratio = meanMs(on) / meanMs(off);
    const row = {
      what: `adaptive: length of rounds, 8 tabs, ${what}: time to loss ${LOSS}, on against off`,
      target: ratioMax < 1 ? `at most ${ratioMax} times` : `at most ${ratioMax} times: it is not needed`,
      measured: `${ratio.toFixed(2)} times: ${seconds(meanMs(on))} with ${stepsARound(on).toFixed(1)} steps a round against ${seconds(meanMs(off))} with ${stepsARound(off).toFixed(1)}`,
      isMet: ratio <= ratioMax,
    };
    say(`${row.what}: ${row.measured}`);
    return row;
  });
}

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
