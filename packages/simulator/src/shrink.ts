/**
 * A failing run made small: faults are taken away one kind at a time, links made plain, tabs and rounds halved, and the
 * time in which faults strike is narrowed from both ends, as long as the run still breaks the same rule. What is left is
 * a short story. Pure; whoever calls it runs the attempts.
 */
import { DEFAULT_OPTIONS, FAULTS, type SimulateOptions } from './options.ts';
import type { SimulateReport } from './simulate.ts';
import { shortStory } from './story.ts';

/** Runs that a shrinking may take; the smallest found so far stands when they are used up. */
const ATTEMPTS_MAX = 80;
/** The time of the faults is not narrowed below this. */
const WINDOW_MIN_MS = 500;
/** What is set to its default when it may be, and what is halved down to its least. */
const PLAIN = ['lossShare', 'delayMeanMs', 'uplinkMinMbit', 'uplinkMaxMbit', 'speedRatio'] as const;
const HALVED = [
  ['tabs', 2],
  ['rounds', 4],
] as const;
const STORY_LINES = 24;

/** What a failed run failed by: its first broken rule, or that it did not finish. Null: it passed. */
export const failureOf = (report: SimulateReport): string | null =>
  report.passed ? null : (report.violations[0]?.rule ?? 'unfinished');

export interface Shrunk {
  readonly options: SimulateOptions;
  readonly report: SimulateReport;
  readonly attempts: number;
}

export function shrink(
  options: SimulateOptions,
  report: SimulateReport,
  run: (options: SimulateOptions) => SimulateReport,
): Shrunk {
  const rule = failureOf(report);
  let best = { options, report };
  let attempts = 0;
  /** Keeps the change if the run still fails by the same rule. */
  const keeps = (change: Partial<SimulateOptions>): boolean => {
    if (attempts >= ATTEMPTS_MAX) return false;
    attempts += 1;
    const changed = { ...best.options, ...change };
    const attempt = run(changed);
    if (failureOf(attempt) !== rule) return false;
    best = { options: changed, report: attempt };
    return true;
  };
  /** Tries every simplification once. False: none of them keeps the failure. */
  const pass = (): boolean => {
    let isSmaller = false;
    for (const fault of FAULTS) if (best.options[fault] > 0 && keeps({ [fault]: 0 })) isSmaller = true;
    for (const name of PLAIN)
      if (best.options[name] !== DEFAULT_OPTIONS[name] && keeps({ [name]: DEFAULT_OPTIONS[name] }))
        isSmaller = true;
    for (const [name, min] of HALVED)
      while (best.options[name] > min && keeps({ [name]: Math.max(min, best.options[name] >> 1) }))
        isSmaller = true;
    return isSmaller;
  };
  while (pass());
  narrow(best.report.virtualMs, keeps);
  return { ...best, attempts };
}

/** Bisects the end, then the beginning of the time in which faults strike. */
function narrow(virtualMs: number, keeps: (change: Partial<SimulateOptions>) => boolean): void {
  let [from, until] = [0, virtualMs];
  for (let low = 0; until - low > WINDOW_MIN_MS;) {
    const middle = Math.round((low + until) / 2);
    if (keeps({ faultsUntilMs: middle })) until = middle;
    else low = middle;
  }
  for (let high = until; high - from > WINDOW_MIN_MS;) {
    const middle = Math.round((from + high) / 2);
    if (keeps({ faultsFromMs: middle })) from = middle;
    else high = middle;
  }
}

/** What happened, up to the first broken rule: at most thirty lines. */
export function storyOf(report: SimulateReport): string[] {
  const [first] = report.violations;
  const lines = shortStory(report.story, { countMax: STORY_LINES, aroundMs: first?.atMs ?? null });
  if (first !== undefined)
    lines.push(`${(first.atMs / 1_000).toFixed(3).padStart(9)} s  BROKEN ${first.rule}: ${first.text}`);
  else if (!report.finished)
    lines.push(
      `the run did not finish: it was ${report.state} at round ${report.rounds} when its time was up`,
    );
  return lines;
}
