/**
 * What came of a sweep, as places on axes: one axis a parameter and one for what is compared. Numbers stand in proportion,
 * or by their logarithm when they span much; words stand evenly. Pure.
 */
import type { SweepTable, Trial } from '@murmuration/protocol';
import { settingText } from './format.ts';

/** From here on a span is read better by its logarithm. A guess. */
const LOG_SPAN = 50;
/** Room at both ends of an axis, as a share of it: marks do not stand on the frame. */
const ROOM = 0.04;

export interface SweepAxis {
  readonly key: string;
  /** 0 (low) to 1 (high); null: this trial has no such value. */
  readonly at: (trial: Trial) => number | null;
  /** What stands along it, from low to high. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

export interface SweepPicture {
  /** The last one is what is compared. */
  readonly axes: readonly SweepAxis[];
  /** Trials with a result, worst first, so that the best is drawn on top. */
  readonly trials: readonly Trial[];
}

export function sweepPicture(
  { sweep, trials }: SweepTable,
  resultText: (value: number) => string,
): SweepPicture {
  const measured = trials
    .filter((trial) => resultOf(trial, sweep.request.metric) !== null)
    .sort((a, b) => betterBy(b, sweep.request.metric) - betterBy(a, sweep.request.metric));
  const keys = [...new Set(trials.flatMap(({ assignment }) => Object.keys(assignment)))];
  return {
    axes: [
      ...keys.map((key) => axisOf(key, measured, ({ assignment }) => assignment[key], settingText)),
      axisOf(
        sweep.request.metric,
        measured,
        (trial) => resultOf(trial, sweep.request.metric),
        (value) => resultText(value as number),
      ),
    ],
    trials: measured,
  };
}

export const resultOf = ({ best }: Trial, metric: 'accuracy' | 'loss'): number | null =>
  best === null ? null : best[metric];
/** Smaller is better. */
const betterBy = (trial: Trial, metric: 'accuracy' | 'loss'): number =>
  (metric === 'accuracy' ? -1 : 1) * resultOf(trial, metric)!;

function axisOf(
  key: string,
  trials: readonly Trial[],
  valueOf: (trial: Trial) => unknown,
  textOf: (value: unknown) => string,
): SweepAxis {
  const values = [...new Set(trials.map(valueOf).filter((value) => value !== undefined))];
  const place = (share: number) => ROOM + (1 - 2 * ROOM) * share;
  if (values.length > 0 && values.every((value) => typeof value === 'number')) {
    const sorted = values.toSorted((a, b) => a - b);
    const [low, high] = [sorted[0]!, sorted.at(-1)!];
    const bend = low > 0 && high / low >= LOG_SPAN ? Math.log : (value: number) => value;
    const span = bend(high) - bend(low);
    const at = (value: number) => place(span === 0 ? 0.5 : (bend(value) - bend(low)) / span);
    const shown = sorted.length <= 5 ? sorted : low === high ? [low] : [low, high];
    return {
      key,
      at: (trial) => {
        const value = valueOf(trial);
        return typeof value === 'number' ? at(value) : null;
      },
      ticks: shown.map((value) => ({ at: at(value), text: textOf(value) })),
    };
  }
  const words = values.map((value) => textOf(value)).sort();
  const at = (word: string) => place(words.length < 2 ? 0.5 : words.indexOf(word) / (words.length - 1));
  return {
    key,
    at: (trial) => {
      const value = valueOf(trial);
      return value === undefined ? null : at(textOf(value));
    },
    ticks: words.map((word) => ({ at: at(word), text: word })),
  };
}
