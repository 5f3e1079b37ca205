/** Sentences about how curves are looked at and about runs beside one another. */
import type { Axis, Metric } from './view.ts';

export const viewStrings = {
  legend: 'How the curves are drawn',
  metric: 'Curve',
  metrics: {
    loss: 'Training loss',
    valLoss: 'Validation loss',
    valAccuracy: 'Validation accuracy',
    valError: 'Validation error',
    valReconstruction: 'Validation reconstruction',
    valKl: 'Validation KL divergence',
  } satisfies Readonly<Record<Metric, string>>,
  axis: 'Along',
  axes: { time: 'time', round: 'rounds' } satisfies Readonly<Record<Axis, string>>,
  smoothing: 'Smoothing',
  smoothingValue: (percent: string) => (percent === '0' ? 'none' : `${percent} %`),
  linked: 'The address of this page holds the view; share it as it is.',
} as const;

export const compareStrings = {
  heading: 'Compare runs',
  link: 'Compare',
  linkCount: (count: number) => (count === 1 ? 'Compare one run' : `Compare ${count} runs`),
  pick: (name: string) => `Pick ${name} for comparison`,
  picked: (count: number, most: number) => `${count} of at most ${most} picked`,
  clear: 'Pick none',
  none: 'Pick two or more runs in the list, then press Compare.',
  toList: 'Pick runs',
  change: 'Pick other runs',
  curves: 'Curves',
  summary: (metric: string, runs: string) => `${metric} of ${runs}.`,
  noCurve: (metric: string) => `None of these runs has measured it yet: ${metric.toLowerCase()}.`,
  scrubber: 'Read the curves at',
  at: {
    time: (clock: string) => `${clock} after the first point`,
    round: (count: string) => `Round ${count}`,
  },
  readingOf: (name: string, value: string) => `${name} ${value}`,
  outcome: 'What came of it',
  differs: 'What differs in the configuration',
  same: 'Nothing: these runs were asked for the same.',
  key: 'Key',
  remove: (name: string) => `Take ${name} out of the comparison`,
  removeWord: 'Take out',
  rows: {
    state: 'State',
    accuracy: 'Best accuracy',
    error: 'Best error',
    loss: 'Best loss',
    round: 'At round',
    samples: 'Samples',
    training: 'Training time',
  },
  points: (count: string, curves: string) => `${count} points of ${curves} curves were sent.`,
} as const;
