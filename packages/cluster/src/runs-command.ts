/** `murmur runs`: create, list, show, watch, steer, copy, compare, take away and delete runs of a coordinator. */
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { timeText, waysText } from '@murmuration/plan';
import type { Preflight, RunOrderName, RunRequest, RunView, Training } from '@murmuration/protocol';
import { runVerb, settings, tableLines, verb, type Verb } from './api-command.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { downloadModel } from './downloads.ts';
import { followRun, isOver } from './follow-run.ts';
import { bytesText, clockText, lossInParts, percentText } from './progress-lines.ts';
import { preflightOfRunFile, readRunFile, requestOfRunFile } from './run-file.ts';

const SET = {
  kind: 'list',
  placeholder: 'KEY=VALUE',
  help: 'a training key to change, e.g. learningRate=0.01; may be given again',
} as const;
const NAME = { kind: 'text', placeholder: 'TEXT', help: 'name of the new run' } as const;
const ONE_RUN = { words: 'RUN', wordsMin: 1, wordsMax: 1 } as const;

const order = (name: RunOrderName, help: string): Verb =>
  verb({
    ...ONE_RUN,
    help,
    flags: {},
    run: async ({ client, words, say }) => {
      const run = await client.order(words[0]!, name);
      say(runLine(run));
      return run;
    },
  });

const requestOfFile = async (client: CoordinatorClient, path: string): Promise<RunRequest> =>
  requestOfRunFile(client, await readRunFile(resolve(path)));

const VERBS: Readonly<Record<string, Verb>> = {
  create: verb({
    words: 'FILE.yaml',
    wordsMin: 1,
    wordsMax: 1,
    help: 'create a run from a file; its data, and a model of `model: {file: PATH}`, are sent first',
    flags: {
      key: { kind: 'text', placeholder: 'TEXT', help: 'idempotency key: the same key is the same run' },
    },
    run: async ({ client, words, flags, say }) => {
      const request = await requestOfFile(client, words[0]!);
      const run = await client.createRun(
        request,
        flags.key === undefined ? {} : { idempotencyKey: flags.key },
      );
      say(runLine(run));
      for (const line of chosenLines(run)) say(line);
      return run;
    },
  }),
  preflight: verb({
    words: 'FILE.yaml',
    wordsMin: 1,
    wordsMax: 1,
    help: 'what a run would cost, and what would be refused; creates no run (files that it names are sent)',
    flags: {},
    run: async ({ client, words, say }) => {
      const answer = await client.preflight(
        await preflightOfRunFile(client, await readRunFile(resolve(words[0]!))),
      );
      for (const line of preflightLines(answer)) say(line);
      return answer;
    },
  }),
  list: verb({
    words: '',
    wordsMin: 0,
    wordsMax: 0,
    help: 'runs, newest first',
    flags: { state: { kind: 'choice', choices: ['open', 'over'], help: 'only these' } },
    run: async ({ client, flags, say }) => {
      const runs = [];
      for await (const run of client.allRuns(
        flags.state === undefined ? {} : { state: flags.state as 'open' },
      ))
        runs.push(run);
      const rows = runs.map((run) => [
        run.id,
        run.name,
        run.state,
        run.best?.accuracy == null ? '-' : percentText(run.best.accuracy),
        `${run.round}/${run.roundsMax}`,
        `${run.volunteersConnected}`,
        run.createdAt,
      ]);
      for (const line of tableLines(['RUN', 'NAME', 'STATE', 'BEST', 'ROUND', 'TABS', 'CREATED'], rows))
        say(line);
      return runs;
    },
  }),
  show: verb({
    ...ONE_RUN,
    help: 'a run as it stands',
    flags: {},
    run: async ({ client, words, say }) => {
      const run = await client.run(words[0]!);
      say(runLine(run));
      say(JSON.stringify(run.manifest.training));
      for (const line of chosenLines(run)) say(line);
      return run;
    },
  }),
  watch: verb({
    ...ONE_RUN,
    help: 'a line a second until the run is over',
    flags: {},
    run: async ({ client, words, say }) => {
      let last: RunView | null = null;
      for await (const { run } of followRun(client, words[0]!, AbortSignal.timeout(2 ** 31 - 1))) {
        last = run;
        say(runLine(run));
        if (isOver(run)) break;
      }
      return last;
    },
  }),
  pause: order('pause', 'volunteers keep their replicas and wait'),
  resume: order('resume', 'a paused run goes on'),
  finish: order('finish', 'measure once more, then end'),
  stop: order('stop', 'end now, with the best checkpoint there is'),
  clone: verb({
    ...ONE_RUN,
    help: 'the same configuration again, with --set changed',
    flags: { name: NAME, set: SET },
    run: async ({ client, words, flags, say }) => {
      const run = await client.cloneRun(words[0]!, changeOf(flags));
      say(runLine(run));
      return run;
    },
  }),
  fork: verb({
    ...ONE_RUN,
    help: 'a new run that begins with a checkpoint of this one',
    flags: {
      checkpoint: { kind: 'text', placeholder: 'best|latest|SHA256', help: 'which (default best)' },
      name: NAME,
      set: SET,
    },
    run: async ({ client, words, flags, say }) => {
      const run = await client.forkRun(words[0]!, {
        ...changeOf(flags),
        ...(flags.checkpoint === undefined ? {} : { checkpoint: flags.checkpoint }),
      });
      say(runLine(run));
      return run;
    },
  }),
  compare: verb({
    words: 'RUN RUN [RUN ...]',
    wordsMin: 2,
    wordsMax: 50,
    help: 'only what differs, and what came of it',
    flags: {},
    run: async ({ client, words, say }) => {
      const comparison = await client.compare(words);
      const { runs, differs } = comparison;
      const rows = [
        ...differs.map(({ key, values }) => [key, ...values.map((value) => value ?? '-')]),
        [
          'best accuracy',
          ...runs.map(({ best }) => (best?.accuracy == null ? '-' : percentText(best.accuracy))),
        ],
        ['best loss', ...runs.map(({ best }) => best?.loss?.toPrecision(4) ?? '-')],
        ['samples', ...runs.map(({ samples }) => String(samples))],
      ];
      for (const line of tableLines(['', ...runs.map(({ name }) => name)], rows)) say(line);
      return comparison;
    },
  }),
  export: verb({
    ...ONE_RUN,
    help: 'write model, metrics, manifest and card to a directory',
    flags: { out: { kind: 'text', placeholder: 'DIR', help: 'where (default: the id of the run)' } },
    run: async ({ client, words, flags, say }) => {
      const id = words[0]!;
      const directory = resolve(flags.out ?? id);
      const paths = Object.values(await downloadModel(client, id, directory)).filter((path) => path !== null);
      const { training } = (await client.run(id)).manifest;
      const parts = training.objective === 'autoencoding' ? ['encoder.keras', 'decoder.keras'] : [];
      for (const name of [
        'model.keras',
        ...parts,
        'metrics.csv',
        'metrics.json',
        'manifest.json',
        'README.md',
      ]) {
        const path = join(directory, name);
        await writeFile(path, await client.bytes(`/api/runs/${id}/export/${name}`));
        paths.push(path);
      }
      for (const path of paths) say(path);
      return paths;
    },
  }),
  delete: verb({
    ...ONE_RUN,
    help: 'a run that is over goes for good',
    flags: {},
    run: async ({ client, words, say }) => {
      await client.deleteRun(words[0]!);
      say(`${words[0]!} is deleted.`);
      return null;
    },
  }),
};

export const run = (argv: readonly string[]): Promise<number> => runVerb('runs', VERBS, argv);

function changeOf({ name, set }: { readonly name: string | undefined; readonly set: readonly string[] }) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(set.length === 0 ? {} : { training: settings(set) as Partial<Training> }),
  };
}

function runLine({
  manifest,
  state,
  reason,
  round,
  volunteersConnected,
  lossLatest,
  best,
  etaMs,
}: RunView): string {
  return [
    manifest.id,
    manifest.name,
    reason === '' ? state : `${state} (${reason})`,
    `round ${round}/${manifest.training.roundsMax}`,
    volunteersConnected === 1 ? '1 tab' : `${volunteersConnected} tabs`,
    ...(lossLatest === null ? [] : [`loss ${lossLatest.toPrecision(4)}`]),
    ...(best?.accuracy == null ? [] : [`best ${percentText(best.accuracy)}`]),
    ...(best?.parts === undefined ? [] : [`best ${lossInParts(best)}`]),
    ...(etaMs === null || etaMs[1] === 0 ? [] : [`${clockText(etaMs[0])} to ${clockText(etaMs[1])} left`]),
  ].join('  ');
}

/** With `strategy: auto`: what the plan chose, and why. */
function chosenLines({ manifest: { chosen, training } }: RunView): string[] {
  if (chosen === undefined) return [];
  const knobs = chosen.knobs.map((knob) => `${knob} ${training[knob]}`);
  return [`chosen by the plan: ${knobs.join(', ')}`, ...chosen.why.map((sentence) => `  ${sentence}`)];
}

function planLines({ plan, unplanned }: Preflight): string[] {
  if (plan === null) return unplanned === '' ? [] : [`not planned: ${unplanned}`];
  const { localSteps, codec, chosen } = plan;
  return [
    `${chosen.length > 0 ? 'the plan would choose' : 'the plan for'} ${waysText(plan)}, ${localSteps} local steps, ${codec}`,
    `  for ${plan.crowd}`,
    `  a round ${timeText(plan.roundMs)}; a tab sends ${bytesText(plan.upBytes)} in it, ${bytesText(plan.upBytesPerHour)} an hour, and holds ${bytesText(plan.tabBytes)}`,
    `  ${timeText(plan.timeMs)} to the loss, ${Math.ceil(plan.rounds)} rounds; about ${plan.tabsWorthHaving} tabs are worth having`,
    ...plan.why.map((sentence) => `  ${sentence}`),
    ...plan.assumed.map((text) => `  Assumed: ${text}.`),
  ];
}

function preflightLines(answer: Preflight): string[] {
  const { ok, refusals, warnings, estimate } = answer;
  const lines = refusals.map(({ field, message }) => `refused   ${field}: ${message}`);
  for (const { field, message } of warnings) lines.push(`warning   ${field}: ${message}`);
  if (estimate !== null)
    lines.push(
      `${estimate.parameterCount} parameters; an update takes ${bytesText(estimate.updateBytes)}`,
      `a tab of ${estimate.tabs} sends ${bytesText(estimate.bytesSentPerRound)} a round, ${bytesText(estimate.bytesSentPerHour[0])} to ${bytesText(estimate.bytesSentPerHour[1])} an hour`,
      `${bytesText(estimate.memory.totalBytes)} on a tab's device, largest buffer ${bytesText(estimate.memory.largestBufferBytes)}; ${bytesText(estimate.memory.workerBytes)} in the tab${estimate.memory.serverBytes === 0 ? '' : `, at most ${bytesText(estimate.memory.serverBytes)} in the coordinator`}`,
      `${clockText(estimate.expectedMs[0])} to ${clockText(estimate.expectedMs[1])} (${estimate.basis})`,
    );
  return [...lines, ...planLines(answer), ok ? 'It would be created.' : 'It would be refused.'];
}
