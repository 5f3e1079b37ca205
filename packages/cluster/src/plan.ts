/**
 * `murmur plan`: which way of training fits a crowd, what it will take, and how many tabs are worth having. Nothing is
 * started and nobody is asked: the plan is worked out from what is typed here (packages/plan), and says what it had to assume.
 */
import { DEFAULT_SETTINGS } from '@murmuration/coordinator';
import {
  ASSUMED_CROWD,
  ASSUMED_TAB_BYTES_MAX,
  choose,
  returnsOf,
  waysText,
  type CoordinatorLimits,
  type Crowd,
  type Task,
  type Wishes,
} from '@murmuration/plan';
import {
  ARCHITECTURES,
  CODECS,
  contradictionIn,
  DEFAULT_TRAINING,
  GROUP_MAX,
  GROUP_MIN,
  LIMITS,
  SCHEDULES,
} from '@murmuration/protocol';
import { parseFlags, type FlagTable, type Flags } from './flags.ts';
import { NOT_PLANNED, planLines, type PlanText } from './plan-lines.ts';
import { measuredFault, plannedModel, taskOf, type Assumption } from './plan-task.ts';

const MEBIBYTE = 1024 * 1024;
const MBIT = { min: 0.01, max: 100_000, placeholder: 'MBIT' } as const;

export const PLAN_FLAGS = {
  model: {
    kind: 'text',
    placeholder: 'NAME|N',
    help: 'a built-in model (mlp, cnn, resnet, gru, gpt, vae), or a number of parameters (default mlp)',
  },
  input: {
    kind: 'text',
    placeholder: 'AxBxC',
    help: 'shape of one sample (default 28x28x1; 64 tokens for text)',
    refuse: (text) =>
      /^[1-9]\d{0,4}(x[1-9]\d{0,4}){0,3}$/.test(text)
        ? null
        : `write up to four whole numbers from 1 with x between them, for example 28x28x1, not "${text}"`,
  },
  outputs: {
    kind: 'integer',
    min: 1,
    max: LIMITS.vocabularyMax,
    placeholder: 'N',
    help: 'classes, values, or the vocabulary (default 10; 256 for text)',
  },
  'batch-size': {
    kind: 'integer',
    min: 1,
    max: LIMITS.batchMax,
    placeholder: 'N',
    help: `samples of a step (default ${DEFAULT_TRAINING.batchSize})`,
  },
  tabs: {
    kind: 'integer',
    min: 1,
    max: 10_000,
    placeholder: 'N',
    help: 'tabs that take part at a time (default 8)',
  },
  uplink: {
    kind: 'number',
    ...MBIT,
    help: 'uplink of the slowest line that is to keep up, Mbit/s (default 10)',
  },
  downlink: { kind: 'number', ...MBIT, help: 'and its downlink (default: as the uplink)' },
  rtt: {
    kind: 'number',
    min: 0,
    max: 10_000,
    placeholder: 'MS',
    help: 'round trip between two tabs, ms (default 50)',
  },
  churn: {
    kind: 'number',
    min: 0,
    max: 100,
    placeholder: 'PERCENT',
    help: 'tabs that leave in a minute and are replaced, in percent (default 1)',
  },
  'without-peers': {
    kind: 'number',
    min: 0,
    max: 100,
    placeholder: 'PERCENT',
    help: 'tabs whose only way to the others is the coordinator, in percent (default 0)',
  },
  'step-ms': {
    kind: 'number',
    min: 0.01,
    max: 3_600_000,
    placeholder: 'MS',
    help: "the fastest tab's step (default: assumed from the model)",
  },
  'speed-ratio': {
    kind: 'number',
    min: 1,
    max: 100,
    placeholder: 'X',
    help: "the slowest tab's step takes so many times the fastest's (default 2)",
  },
  'steps-alone': {
    kind: 'integer',
    min: 1,
    max: 100_000_000,
    placeholder: 'N',
    help: 'steps that one tab alone needs to the loss you have in mind (default: assumed)',
  },
  'critical-batch': {
    kind: 'number',
    min: 0.1,
    max: 100_000_000,
    placeholder: 'N',
    help: 'samples behind one step, of all tabs together, beyond which more hardly help (default: assumed)',
  },
  measured: {
    kind: 'list',
    placeholder: 'tabs=8,rounds=120',
    help: 'a run that came to that loss, instead of the two above (also localSteps=, codec=, architecture=, group=); once for each run',
    refuse: measuredFault,
  },
  architecture: { kind: 'choice', choices: ARCHITECTURES, help: 'who averages: plan with this one only' },
  schedule: {
    kind: 'choice',
    choices: SCHEDULES,
    help: 'with rounds or without: plan with this one only; asynchronous is central',
  },
  'local-steps': {
    kind: 'integer',
    min: 1,
    max: LIMITS.localStepsMax,
    placeholder: 'N',
    help: 'steps between two exchanges: plan with so many only',
  },
  codec: {
    kind: 'choice',
    choices: CODECS,
    help: 'how updates are made small (docs/codec.md): plan with this one only',
  },
  group: {
    kind: 'text',
    placeholder: 'N|auto',
    help: `members of a group, ${GROUP_MIN} to ${GROUP_MAX}: plan with so many only; auto: as the number of tabs says`,
    refuse: (text) =>
      text === 'auto' || (/^\d{1,2}$/.test(text) && Number(text) >= GROUP_MIN && Number(text) <= GROUP_MAX)
        ? null
        : `needs a whole number from ${GROUP_MIN} to ${GROUP_MAX}, or auto, not "${text}"`,
  },
  'memory-mib': {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    placeholder: 'N',
    help: 'memory that a tab may take, GPU included (default 2048)',
  },
  'relay-volunteer-mbit': {
    kind: 'number',
    ...MBIT,
    help: 'what the coordinator passes on for one tab in central and hybrid runs, as its flag of that name says (default 20)',
  },
  'relay-total-mbit': { kind: 'number', ...MBIT, help: 'and for all tabs together (default 200)' },
  'averaging-mib': {
    kind: 'integer',
    min: 0,
    max: 1_000_000,
    placeholder: 'N',
    help: 'memory of the coordinator for averaging, as its flag of that name says (default 1024)',
  },
  json: { kind: 'switch', help: 'the plan as JSON' },
} as const satisfies FlagTable;
export type PlanFlags = Flags<typeof PLAN_FLAGS>;

export function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('murmur plan', PLAN_FLAGS, argv);
  const say = (stream: NodeJS.WriteStream, text: string, exitCode: number) => {
    stream.write(`${text}\n`);
    return Promise.resolve(exitCode);
  };
  if (parsed.kind === 'help') return say(process.stdout, `${parsed.text}\n\n${HELP}`, 0);
  if (parsed.kind === 'wrong') return say(process.stderr, parsed.message, 2);
  const { flags } = parsed;
  const planned = plan(flags);
  if ('refused' in planned)
    return say(
      process.stderr,
      [
        'No strategy fits. Left out were:',
        ...planned.refused.map((reason) => `- ${reason}`),
        'Leave more to choose (without --architecture, --codec, --group, --local-steps), allow more memory, or make the model smaller.',
      ].join('\n'),
      1,
    );
  return say(
    process.stdout,
    flags.json ? JSON.stringify(planned, null, 2) : planLines(planned).join('\n'),
    0,
  );
}

const HELP = [
  '  murmur plan --model cnn --tabs 30 --uplink 5',
  '  murmur plan --model 2000000 --tabs 12 --step-ms 80 --measured tabs=1,rounds=900 --measured tabs=8,rounds=160',
  '',
  'A plan is as good as what it is told. What a tab and a line give is seen on the run page; how a task learns is seen in runs',
  'that were made: two with --measured, of different numbers of tabs, fit both numbers to your own. Times are to the same loss in',
  'all rows. A run with "strategy: auto" is planned like this when it is created, for the tabs that are there. How well times were',
  'met in the simulator: docs/strategies.md (npm run bench:swarm -- plan).',
  '',
  NOT_PLANNED,
].join('\n');

/** @throws Sentence: the model does not fit its shapes */
export function plan(flags: PlanFlags): PlanText | { readonly refused: readonly string[] } {
  const assumed: Assumption[] = [];
  const model = plannedModel(flags);
  const { uplink = ASSUMED_CROWD.uplinkMbit } = flags;
  const crowd: Crowd = {
    tabs: flags.tabs ?? ASSUMED_CROWD.tabs,
    uplinkMbit: uplink,
    downlinkMbit: flags.downlink ?? uplink,
    roundTripMs: flags.rtt ?? ASSUMED_CROWD.roundTripMs,
    churnPerMinute: flags.churn === undefined ? ASSUMED_CROWD.churnPerMinute : flags.churn / 100,
    stepMs: flags['step-ms'] ?? model.assumedStepMs(assumed),
    speedRatio: flags['speed-ratio'] ?? ASSUMED_CROWD.speedRatio,
    pathlessShare: (flags['without-peers'] ?? 0) / 100,
  };
  const { relay, averaging } = DEFAULT_SETTINGS;
  const mbit = (bytesPerSecond: number) => (8 * bytesPerSecond) / 1e6;
  const limits: CoordinatorLimits = {
    volunteerMbit: flags['relay-volunteer-mbit'] ?? mbit(relay.volunteerBytesPerSecond),
    totalMbit: flags['relay-total-mbit'] ?? mbit(relay.totalBytesPerSecond),
    averagingBytes:
      flags['averaging-mib'] === undefined ? averaging.memoryMaxBytes : flags['averaging-mib'] * MEBIBYTE,
  };
  const wishes: Wishes = {
    ...(flags.architecture === undefined ? {} : { architecture: flags.architecture }),
    ...(flags.schedule === undefined ? {} : { schedule: flags.schedule }),
    ...(flags['local-steps'] === undefined ? {} : { localSteps: flags['local-steps'] }),
    ...(flags.codec === undefined ? {} : { codec: flags.codec }),
    ...(flags.group === undefined ? {} : { group: flags.group === 'auto' ? null : Number(flags.group) }),
    contradictionIn: (strategy) => {
      const found = contradictionIn({ ...DEFAULT_TRAINING, ...strategy });
      return found === null ? null : `${waysText(strategy)}, because ${found.message}`;
    },
    tabBytesMax: flags['memory-mib'] === undefined ? ASSUMED_TAB_BYTES_MAX : flags['memory-mib'] * MEBIBYTE,
  };
  const task: Task = taskOf(flags, model, crowd, limits, assumed);
  const choice = choose(task, crowd, wishes, limits);
  if (!('best' in choice)) return choice;
  const returns = returnsOf(task, crowd, wishes, limits)!;
  return { modelName: model.name, task, crowd, choice, returns, assumed: assumed.map(({ text }) => text) };
}
