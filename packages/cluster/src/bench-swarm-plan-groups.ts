/**
 * `npm run bench:swarm -- plan-groups`: as `plan`, of runs with a `group`: swarms whose crews are as large as the run says (SPEC
 * R13). Settings are drawn like those of `plan`, but for tabs and group. And where the plan chooses a group itself, that is played
 * against what it would have chosen without one.
 */
import { choose, type Crowd } from '@murmuration/plan';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';
import { drawing, drawSetting, drawUsable } from './bench-swarm-plan.ts';
import {
  ascending,
  checkOf,
  checkText,
  fittedTasks,
  limitsOf,
  mean,
  middle,
  percent,
  planned,
  predictionOf,
  WITHIN,
  withinCount,
  withinText,
  type Check,
  type FittedTask,
  type Setting,
} from './plan-checks.ts';

const SETTINGS = 12;
const QUICK_SETTINGS = 3;
/** Tabs among peers, and ms of their fastest step, where the plan chooses groups. */
const THIN = [
  [24, 200],
  [30, 200],
  [30, 400],
] as const;
/** About ten steps are between two evaluations of each that is played. */
const EVALUATED_STEPS = 10;
const SERVER_MBIT = 100;
const THIN_CROWD: Omit<Crowd, 'tabs' | 'stepMs'> = {
  uplinkMbit: 0.1,
  downlinkMbit: 0.4,
  roundTripMs: 50,
  churnPerMinute: 0.02,
  speedRatio: 1.5,
};

interface Details {
  readonly seeds: number;
  readonly fits: readonly FittedTask[];
  readonly checks: readonly Check[];
  /** Of each thin crowd: with the group that was chosen, and without. */
  readonly choices?: readonly (readonly [Check, Check])[];
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
  const playedOf = (before: Check | undefined, setting: Setting) =>
    // What was played stays, whatever is predicted of it today.
    before !== undefined && JSON.stringify(settingOf(before)) === JSON.stringify(setting)
      ? before.runs
      : undefined;
  await keep(held satisfies Details);
  for (let i = 0; i < (isQuick ? QUICK_SETTINGS : SETTINGS); i++) {
    const { task, learning } = fits[i % fits.length]!;
    const { setting, predicted } = drawUsable('plan of groups, anew', i, learning, drawGrouped);
    const check = checkOf(task, setting, predicted, seeds, playedOf(held.checks[i], setting));
    say(`plan of groups: ${i + 1}: ${checkText(check)}`);
    checks.push(check);
    await keep({ ...held, checks: [...checks, ...held.checks.slice(checks.length)] } satisfies Details);
  }
  const choices: [Check, Check][] = [];
  for (const [i, [tabs, stepMs]] of (isQuick ? THIN.slice(0, 1) : THIN).entries()) {
    const { task, learning } = fits[i % fits.length]!;
    const crowd = { ...THIN_CROWD, tabs, stepMs };
    const chosen = choiceFor(crowd, learning);
    if (chosen === null) {
      say(`plan of groups: none is chosen for ${tabs} tabs with steps of ${stepMs} ms`);
      continue;
    }
    const pair = chosen.map((setting, at) => {
      const played = playedOf(held.choices?.[choices.length]?.[at], setting);
      const check = checkOf(task, setting, predictionOf(setting, learning), seeds, played);
      say(`plan of groups: ${at === 0 ? 'chosen' : 'without'}: ${checkText(check)}`);
      return check;
    });
    choices.push(pair as [Check, Check]);
    await keep({ seeds, fits, checks, choices } satisfies Details);
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
      choiceRow(choices, seeds),
    ],
    details: { seeds, fits, checks, choices } satisfies Details,
  };
}

/** Among peers, with the group that the plan chooses and without any; null: it chooses none. */
function choiceFor(crowd: Crowd, learning: FittedTask['learning']): readonly [Setting, Setting] | null {
  const anyStrategy = { architecture: 'decentralised', localSteps: EVALUATED_STEPS, codec: 'int8' } as const;
  const wishes = { tabBytesMax: Infinity, architecture: 'decentralised' } as const;
  const settingWith = (strategy: Setting['strategy']): Setting => ({
    crowd,
    strategy,
    serverMbit: SERVER_MBIT,
  });
  const choice = choose(planned(anyStrategy, learning), crowd, wishes, limitsOf(settingWith(anyStrategy)));
  if (!('best' in choice) || choice.ungrouped == null) return null;
  return [settingWith(choice.best.strategy), settingWith(choice.ungrouped.strategy)];
}

function choiceRow(choices: readonly (readonly [Check, Check])[], seeds: number): SwarmRow {
  const simulatedMs = ({ runs }: Check) => mean(runs.map(({ ms }) => ms ?? Infinity));
  const ratios = choices.map(([grouped, plain]) => simulatedMs(grouped) / simulatedMs(plain));
  const foretold = choices.map(([grouped, plain]) => grouped.predictedMs / plain.predictedMs);
  const text = (values: readonly number[]) => values.map((value) => value.toFixed(2)).join(', ');
  return {
    what: `where the plan chooses a group, among peers (${THIN_CROWD.uplinkMbit} Mbit/s up; ${choices.map(([{ crowd }]) => `${crowd.tabs} tabs with steps of ${crowd.stepMs} ms`).join(', ')}; the mean of ${seeds} runs each): its time against the best without`,
    target: 'under 1 in each',
    measured: `${text(ratios)}; foretold ${text(foretold)}`,
    isMet: ratios.length > 0 && ratios.every((ratio) => ratio < 1),
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
