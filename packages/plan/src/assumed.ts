/** What is taken for true of a task and a crowd that nobody described, with the ground for each guess. Pure. */
import type { Crowd } from './crowd.ts';
import type { Learning } from './learning.ts';

export interface KnownLaw extends Omit<Learning, 'lagRounds'> {
  readonly ground: string;
}
/**
 * How tasks of this project learn. Images: the built-in digits to 95 %, one tab with batches of 8 and of 32 (bench:grid: 890
 * and 380 steps). Text: the character model, one tab and sixteen in step with batches of 8 (bench:swarm, quality: 400 and 46).
 */
export const KNOWN_LAWS: Readonly<Record<'image' | 'text', KnownLaw>> = {
  image: { stepsMin: 210, noiseSamples: 26, ground: 'as the built-in digits to 95 %' },
  text: { stepsMin: 22, noiseSamples: 135, ground: "as this project's character model" },
};

/** A small crowd on home lines: guesses, each of which a flag or a connected tab replaces. */
export const ASSUMED_CROWD: Omit<Crowd, 'stepMs'> = {
  tabs: 8,
  uplinkMbit: 10,
  downlinkMbit: 10,
  roundTripMs: 50,
  churnPerMinute: 0.01,
  speedRatio: 2,
};
/**
 * A coordinator sees round trips before it sees lines, and they tell kinds of networks apart: Wi-Fi or cable of one house, home
 * lines, mobile ones. Guesses, on the careful side of each kind.
 */
export const ASSUMED_LINES: readonly {
  readonly roundTripMaxMs: number;
  readonly words: string;
  readonly line: Pick<Crowd, 'uplinkMbit' | 'downlinkMbit' | 'lossShare'>;
}[] = [
  {
    roundTripMaxMs: 5,
    words: 'a local network, by its round trips',
    line: { uplinkMbit: 100, downlinkMbit: 100, lossShare: 0 },
  },
  {
    roundTripMaxMs: 100,
    words: 'home lines',
    line: { uplinkMbit: ASSUMED_CROWD.uplinkMbit, downlinkMbit: ASSUMED_CROWD.downlinkMbit },
  },
  {
    roundTripMaxMs: Infinity,
    words: 'mobile lines, by their round trips',
    line: { uplinkMbit: 3, downlinkMbit: 10 },
  },
];
/** What a tab may take, device and besides. */
export const ASSUMED_TAB_BYTES_MAX = 2_048 * 1024 * 1024;
export const ASSUMED_SHARD_BYTES = 1024 * 1024;
/** An evaluation takes a tab as long as so many of its steps. */
export const ASSUMED_EVALUATION_STEPS = 5;

/** The middle of a wide range, as ratios go. */
export const middleStepMs = ([fastMs, slowMs]: readonly [number, number]): number =>
  Math.sqrt(fastMs * slowMs);

export const stepWords = ([fastMs, slowMs]: readonly [number, number]): string =>
  `a step takes ${Number(middleStepMs([fastMs, slowMs]).toPrecision(2))} ms, between a graphics card (${fastMs.toFixed(1)}) and a processor (${slowMs.toFixed(0)})`;
export const noiseWords = ({ noiseSamples, ground }: Pick<KnownLaw, 'noiseSamples' | 'ground'>): string =>
  `the critical batch is ${noiseSamples} samples, ${ground}; harder tasks and lower losses have hundreds to thousands (McCandlish et al. 2018)`;
export const stepsWords = ({ stepsMin, noiseSamples, ground }: KnownLaw, batchSize: number): string =>
  `one tab alone needs ${Math.round(stepsMin * (1 + noiseSamples / batchSize))} steps to the loss, ${ground}`;
