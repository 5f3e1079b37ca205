/**
 * `npm run bench:swarm -- plan-groups`: as `plan`, of runs with a `group`: swarms whose crews are as large as the run says (SPEC
 * R13). Settings are drawn like those of `plan`, but for tabs and group.
 */
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';
import { drawing, drawSetting, drawUsable } from './bench-swarm-plan.ts';
import {
  ascending,
  checkOf,
  checkText,
  fittedTasks,
  middle,
  percent,
  WITHIN,
  withinCount,
  withinText,
  type Check,
  type FittedTask,
  type Setting,
} from './plan-checks.ts';

const SETTINGS = 12;
const QUICK_SETTINGS = 3;

interface Details {
  readonly seeds: number;
  readonly fits: readonly FittedTask[];
  readonly checks: readonly Check[];
}

export async function measurePlanGroups({
  isQuick,
  seeds,
  say,
  keep,
  known,
}: SwarmBenchSettings): Promise<SwarmSubject> {
  const before = known as Details | undefined;
  const held: Details =
    before?.seeds === seeds ? before : { seeds, fits: fittedTasks(seeds, say), checks: [] };
  const { fits } = held;
  const checks: Check[] = [];
  await keep(held satisfies Details);
  for (let i = 0; i < (isQuick ? QUICK_SETTINGS : SETTINGS); i++) {
    const { task, learning } = fits[i % fits.length]!;
    const { setting, predicted } = drawUsable('plan of groups', i, learning, drawGrouped);
    const played = held.checks[i];
    // What was played stays, whatever is predicted of it today.
    const isSame = played !== undefined && JSON.stringify(settingOf(played)) === JSON.stringify(setting);
    const check = checkOf(task, setting, predicted, seeds, isSame ? played.runs : undefined);
    say(`plan of groups: ${i + 1}: ${checkText(check)}`);
    checks.push(check);
    await keep({ seeds, fits, checks: [...checks, ...held.checks.slice(checks.length)] } satisfies Details);
  }
  const errors = checks.map(({ error }) => error);
  const bytes = checks.map(({ predictedUpBytes, simulatedUpBytes }) =>
    Math.abs(predictedUpBytes / simulatedUpBytes - 1),
  );
  const conditions = `${checks.length} drawn settings with a group, the mean of ${seeds} runs each`;
  return {
    rows: [
      {
        what: `the plan's time to a loss, ${conditions} (8 to 48 tabs, groups of 4 to 16)`,
        target: `all within ${percent(WITHIN)}`,
        measured: withinText(errors),
        isMet: withinCount(errors) === checks.length,
      },
      {
        what: "the plan's bytes of a tab and round, the same settings",
        target: 'reported',
        measured: `median ${percent(middle(ascending(bytes)))} off, worst ${percent(Math.max(...bytes))}`,
        isMet: true,
      },
    ],
    details: { seeds, fits, checks } satisfies Details,
  };
}

const settingOf = ({ crowd, strategy, serverMbit }: Check): Setting => ({ crowd, strategy, serverMbit });

function drawGrouped(random: () => number): Setting {
  const { crowd, strategy, serverMbit } = drawSetting(random);
  const { between } = drawing(random);
  const tabs = Math.round(between(8, 48));
  const { localSteps, codec } = strategy;
  const group = Math.round(between(4, Math.min(16, tabs - 1)));
  return {
    crowd: { ...crowd, tabs },
    strategy: { architecture: 'decentralised', localSteps, codec, group },
    serverMbit,
  };
}
