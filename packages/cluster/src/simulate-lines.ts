/** What `npm run simulate` says: a run as one line, the line that replays it, the live view, the sums. Pure text. */
import {
  SITUATIONS,
  SOMETIMES,
  settingsOf,
  profileOptions,
  type Glimpse,
  type ProfileName,
  type SimulateOptions,
  type SimulateReport,
  type Situation,
} from '@murmuration/simulator';

export function runLine(profile: ProfileName, report: SimulateReport, wallMs: number): string {
  const { seed, traceHash, rounds, virtualMs, valLoss, valAccuracy, joins, departures } = report;
  return [
    `${report.passed ? 'ok' : '!!'}  ${profile} seed ${seed}`,
    `trace ${traceHash}`,
    `${rounds} rounds in ${(virtualMs / 1_000).toFixed(0)} s of its time, ${speedText(virtualMs, wallMs)} real time`,
    `loss ${valLoss?.toFixed(4) ?? '-'}, accuracy ${((valAccuracy ?? 0) * 100).toFixed(1)} %`,
    `${joins} joins, ${departures} departures, ${report.coordinatorKills} coordinator kills`,
    `${report.forks} forks, spread ${small(report.spreadMax)} at most, ${small(report.spreadEnd)} at the end`,
  ].join('; ');
}

export const speedText = (virtualMs: number, wallMs: number): string => {
  const speed = virtualMs / Math.max(wallMs, 1e-3);
  return `${speed.toFixed(speed < 10 ? 1 : 0)}x`;
};

/** The command that runs exactly this again. */
export function replayLine(profile: ProfileName, options: SimulateOptions): string {
  const settings = settingsOf(options, profileOptions(profile, { seed: options.seed }));
  const sets = settings.map((setting) => ` --set ${setting}`).join('');
  return `npm run simulate -- --profile ${profile} --seed ${options.seed}${sets}`;
}

export function brokenLines(report: SimulateReport): string[] {
  const lines = report.violations
    .slice(0, 5)
    .map(({ rule, atMs, text }) => `    broken ${rule} at ${(atMs / 1_000).toFixed(1)} s: ${text}`);
  if (!report.finished) lines.push(`    did not finish: it was ${report.state} at round ${report.rounds}`);
  return lines;
}

export function glimpseLine(glimpse: Glimpse, wallMs: number, roundsMax: number): string {
  const { nowMs, eventCount, round, loss, spread, alive, violations } = glimpse;
  return [
    `round ${round}/${roundsMax}`,
    `loss ${loss?.toFixed(4) ?? '-'}`,
    `spread ${small(spread)}`,
    `${alive} tabs alive`,
    `${(nowMs / 1_000).toFixed(0)} s of its time (${speedText(nowMs, wallMs)})`,
    `${Math.round((1_000 * eventCount) / Math.max(1, wallMs))} events/s`,
    `${violations} rules broken`,
  ].join('  ');
}

/** How often each situation was reached over all seeds, and those that never were. */
export function situationLines(
  runs: readonly Readonly<Partial<Record<Situation, number>>>[],
  never: readonly Situation[],
): string[] {
  const seeds = (situation: Situation) => runs.filter((counts) => (counts[situation] ?? 0) > 0).length;
  return [
    'Situations, in how many seeds:',
    ...SITUATIONS.map((situation) => `  ${String(seeds(situation)).padStart(5)}  ${SOMETIMES[situation]}`),
    never.length === 0
      ? 'Every situation was reached.'
      : `Never reached: ${never.map((situation) => SOMETIMES[situation]).join('; ')}.`,
  ];
}

const small = (value: number) => (value === 0 ? '0' : value.toExponential(1));
