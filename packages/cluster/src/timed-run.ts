/**
 * What several subjects of `bench:swarm` need: a simulated run with the time that it took, and numbers as people read
 * them. Wall times are this machine's; everything else follows from the seed.
 */
import {
  settingsOf,
  simulate,
  type SimulateHooks,
  type SimulateOptions,
  type SimulateReport,
} from '@murmuration/simulator';

export const count = (value: number) => Math.round(value).toLocaleString('en');
export const seconds = (ms: number) => `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`;
export const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
export const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
export const rangeOf = (values: readonly number[], unit: string) =>
  `${Math.min(...values).toFixed(2)} / ${middle(values).toFixed(2)} / ${Math.max(...values).toFixed(2)} ${unit}`;

export interface Timed {
  readonly report: SimulateReport;
  readonly wallMs: number;
}
export function timed(options: SimulateOptions, hooks: SimulateHooks = {}): Timed {
  const startedAtMs = performance.now();
  const report = simulate(options, hooks);
  return { report, wallMs: performance.now() - startedAtMs };
}
/** A report without its long lists, and what it was asked to do. */
export function brief(options: SimulateOptions, { report, wallMs }: Timed): object {
  const { curve: _, story: __, sometimes: ___, violations, ...rest } = report;
  return {
    settings: settingsOf(options),
    wallMs: Math.round(wallMs),
    ...rest,
    violations: violations.slice(0, 5),
  };
}
