/**
 * `npm run cluster`: a run from a file on real tabs and a real coordinator, faults from a seed, and a verdict. It is never
 * green on nothing (evidence.ts). Read downwards: flags, set-up, the run under chaos, verdict and artifacts.
 *
 * Exit codes: 0 passed; 1 an assertion failed, or the run proves nothing; 2 wrong use; 3 the environment lacks something;
 * 4 the budget ran out; 130 interrupted.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type ClusterReport, type RunFile } from '@murmuration/protocol';
import { metricsCsv, junitText, runPicture } from './artifacts.ts';
import { FIGURES, judge, parseAssertion, type Assertion } from './asserts.ts';
import { adapterText, findBrowser, probeBrowser, type GpuBrowser } from './browser.ts';
import {
  CHAOS_PROFILES,
  chaosPlan,
  faultText,
  withChurn,
  type ChaosName,
  type ChaosProfile,
} from './chaos.ts';
import { parseChaosFile } from './chaos-file.ts';
import { ChaosHands } from './chaos-hands.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { downloadModel } from './downloads.ts';
import { emptiness, figuresOf } from './evidence.ts';
import { parseFlags, type Flags } from './flags.ts';
import { followRun, isOver, RunHistory } from './follow-run.ts';
import { LiveScreen } from './live-screen.ts';
import { buildPages } from './pages.ts';
import { freshDirectory, Sentence } from './places.ts';
import { progressLines } from './progress-lines.ts';
import { reportOf } from './report.ts';
import { datasetOfRunFile, readRunFile } from './run-file.ts';
import { Seats } from './seats.ts';
import { PLANTS, TabFleet } from './tabs.ts';
import { clusterReportText, verdictOf, type Ending } from './verdict.ts';

const FLAGS = {
  run: { kind: 'text', placeholder: 'FILE.yaml', help: 'the run (default examples/digits.yaml)' },
  tabs: { kind: 'integer', min: 1, max: 64, placeholder: 'N', help: 'volunteer tabs (default 4)' },
  budget: {
    kind: 'text',
    placeholder: '240s',
    help: 'give up so long after the tabs are opened: 240s or 4m (default 240s)',
    refuse: (text: string) =>
      budgetOf(text) === null ? `must read seconds or minutes, for example 240s or 4m, not "${text}"` : null,
  },
  assert: {
    kind: 'list',
    placeholder: '"val_acc>0.9"',
    help: 'what must be true at the end; may be given again; --assert help lists the figures',
    refuse: (text: string) => {
      const parsed = text === 'help' ? null : parseAssertion(text);
      return typeof parsed === 'string' ? parsed : null;
    },
  },
  chaos: {
    kind: 'text',
    placeholder: 'none|light|storm|FILE.yaml',
    help: 'faults a minute: a profile, or a file of `kind: number` (default none)',
  },
  churn: {
    kind: 'text',
    placeholder: '0.3',
    help: 'this share of the tabs leaves in every minute and is replaced, half killed, half closed',
    refuse: (text: string) =>
      Number(text) >= 0 && Number(text) <= 10 ? null : `must be a share a minute from 0 to 10, not "${text}"`,
  },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of the faults (default 1)',
  },
  report: { kind: 'text', placeholder: 'FILE.json', help: 'write the report to this file too' },
  out: {
    kind: 'text',
    placeholder: 'DIR',
    help: 'report.json, junit.xml, metrics.csv, picture.svg, models and logs (default .murmuration/cluster-N)',
  },
  'allow-backend': {
    kind: 'choice',
    choices: ['cpu'],
    help: 'train on the processor instead of WebGPU; the verdict says so',
  },
  plant: {
    kind: 'choice',
    choices: PLANTS,
    help: 'break something on purpose, to see this command fail: no WebGPU adapter, or no peer links',
  },
  headed: { kind: 'switch', help: 'show the browsers' },
} as const;

const COMMAND = 'npm run cluster --';
const OUTPUTS_KEPT = 10;
const TABS_DEFAULT = 4;

/** Milliseconds; null: not a time. */
function budgetOf(text: string): number | null {
  const match = /^(\d{1,5})(s|m)$/.exec(text);
  return match === null || Number(match[1]) === 0
    ? null
    : Number(match[1]) * (match[2] === 's' ? 1_000 : 60_000);
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(COMMAND, FLAGS, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  if (parsed.flags.assert.includes('help')) {
    for (const [name, meaning] of Object.entries(FIGURES))
      process.stdout.write(`${name.padEnd(22)} ${meaning}\n`);
    return 0;
  }
  let plan: Plan;
  try {
    plan = await planOf(parsed.flags, argv);
  } catch (error) {
    if (!(error instanceof Sentence)) throw error;
    process.stdout.write(`${error.message}\n`);
    return 2;
  }
  return new Cluster(plan).run();
}

/** Everything that was asked for, read and checked. */
interface Plan {
  readonly command: string;
  readonly file: RunFile;
  readonly tabs: number;
  readonly budgetMs: number;
  readonly asserts: readonly Assertion[];
  readonly chaosName: string;
  readonly profile: ChaosProfile;
  readonly seed: number;
  readonly out: string;
  readonly flags: Flags<typeof FLAGS>;
}

async function planOf(flags: Flags<typeof FLAGS>, argv: readonly string[]): Promise<Plan> {
  const tabs = flags.tabs ?? TABS_DEFAULT;
  const chaosName = flags.chaos ?? 'none';
  const profile: ChaosProfile = Object.hasOwn(CHAOS_PROFILES, chaosName)
    ? CHAOS_PROFILES[chaosName as ChaosName]
    : await parseChaosFile(chaosName);
  const churn = Number(flags.churn ?? 0);
  const file = await readRunFile(resolve(flags.run ?? join('examples', 'digits.yaml')));
  const out = flags.out === undefined ? await freshDirectory('cluster', OUTPUTS_KEPT) : resolve(flags.out);
  await mkdir(out, { recursive: true });
  if (flags.report !== undefined) await mkdir(dirname(resolve(flags.report)), { recursive: true });
  return {
    command: [COMMAND, ...argv.map((word) => (/[\s<>!]/.test(word) ? `"${word}"` : word))].join(' '),
    file,
    tabs,
    budgetMs: budgetOf(flags.budget ?? '240s')!,
    asserts: flags.assert.map((text) => parseAssertion(text) as Assertion),
    chaosName: churn > 0 ? `${chaosName} and churn ${churn}` : chaosName,
    profile: withChurn(profile, churn, tabs),
    seed: flags.seed ?? 1,
    out,
    flags,
  };
}

class Cluster {
  readonly #plan: Plan;
  readonly #screen = new LiveScreen(process.stdout);
  readonly #interrupted = new AbortController();
  readonly #history = new RunHistory();
  #coordinator: CoordinatorProcess | null = null;
  #fleet: TabFleet | null = null;
  #chaos: ChaosHands | null = null;
  /** When the run's training began, on the clock of the run. */
  #trainingFromMs = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  async run(): Promise<number> {
    const interrupt = () => this.#interrupted.abort();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
    try {
      let browser: GpuBrowser;
      try {
        browser = await this.#prepare();
      } catch (error) {
        if (!(error instanceof Sentence)) throw error;
        this.#screen.say(error.message);
        return 3;
      }
      return await this.#play(browser);
    } finally {
      await this.#fleet?.closeAll();
      await this.#coordinator?.stop();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    }
  }

  /** @throws Sentence: what the environment lacks, and how to get it. */
  async #prepare(): Promise<GpuBrowser> {
    const say = (line: string) => this.#screen.say(line);
    const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
    say(`Browser      ${browser.executablePath} ${browser.version} (${browser.source})`);
    say(`Adapter      ${adapterText(browser.adapter)}`);
    await buildPages({ say });
    this.#coordinator = new CoordinatorProcess({
      port: 0,
      dataDirectory: join(this.#plan.out, 'data'),
      logName: join(this.#plan.out, 'logs', 'coordinator.log'),
    });
    await this.#coordinator.start();
    return browser;
  }

  async #play(browser: GpuBrowser): Promise<number> {
    const { file, tabs, budgetMs, profile, seed, chaosName, out, flags } = this.#plan;
    const say = (line: string) => this.#screen.say(line);
    const coordinator = this.#coordinator!;
    const client = new CoordinatorClient(coordinator.address);
    const { id: datasetId } = await datasetOfRunFile(client, this.#plan.file);
    const { name, model, seed: runSeed, training } = file;
    const { manifest } = await client.createRun({
      name,
      model,
      datasetId,
      ...(runSeed === undefined ? {} : { seed: runSeed }),
      ...(training === undefined ? {} : { training }),
    });
    say(
      `Run          ${manifest.id}: ${manifest.model.name}, ${manifest.parameterCount} parameters, seed ${manifest.seed}`,
    );
    const faults = chaosPlan(profile, { seed, seatCount: tabs, endMs: budgetMs });
    say(
      `Chaos        ${chaosName}, seed ${seed}: ${faults.length === 0 ? 'no faults' : `${faults.length} faults planned in ${budgetMs / 1_000} s`}`,
    );
    const browserCount = Math.min(availableParallelism(), tabs);
    say(
      `Tabs         opening ${tabs} in ${browserCount} ${browserCount === 1 ? 'browser' : 'browsers'}, budget ${budgetMs / 1_000} s`,
    );

    const budget = AbortSignal.timeout(budgetMs);
    this.#fleet = await TabFleet.launch({
      browser,
      browserCount,
      logName: join(out, 'logs'),
      headed: flags.headed,
      sabotage: true,
      plant: flags.plant,
    });
    const asked = flags['allow-backend'] === undefined ? '' : `?backend=${flags['allow-backend']}`;
    const seats = new Seats(this.#fleet, `${coordinator.address.url}/${asked}`);
    this.#chaos = new ChaosHands({ seats, coordinator, say });
    const stop = AbortSignal.any([budget, this.#interrupted.signal]);
    const opening = (async () => {
      for (let seat = 1; seat <= tabs && !stop.aborted; seat++) await seats.take(seat);
    })();
    // A page that cannot be opened must not be lost while the run is watched.
    const opened = opening.then(
      () => null,
      (error: unknown) => error,
    );
    await this.#watch(client, manifest.id, stop, faults);
    const broken = await opened;
    const ending: Ending =
      this.#history.run !== null && isOver(this.#history.run)
        ? 'over'
        : this.#interrupted.signal.aborted
          ? 'interrupted'
          : 'budget';
    await this.#chaos.stop();
    if (broken !== null && ending !== 'interrupted') say(`A tab could not be opened: ${String(broken)}`);
    return this.#conclude(client, browser, ending);
  }

  async #watch(
    client: CoordinatorClient,
    runId: string,
    stop: AbortSignal,
    faults: Parameters<ChaosHands['start']>[0],
  ): Promise<void> {
    let struck = false;
    for await (const live of followRun(client, runId, stop)) {
      this.#history.add(live);
      const { trainingMs, elapsedMs } = live.run;
      if (!struck && trainingMs > 0) {
        struck = true;
        this.#trainingFromMs = elapsedMs - trainingMs;
        this.#chaos!.start(faults, trainingMs);
      }
      if (!isOver(live.run)) this.#screen.draw(progressLines(live, this.#screen.width), performance.now());
    }
    const { run, volunteers } = this.#history;
    if (run !== null)
      this.#screen.finish(progressLines({ run, volunteers: [...volunteers] }, this.#screen.width));
  }

  async #conclude(client: CoordinatorClient, browser: GpuBrowser, ending: Ending): Promise<number> {
    const { asserts, tabs, out, flags, seed, chaosName, command } = this.#plan;
    const say = (line: string) => this.#screen.say(line);
    const { run, volunteers, points } = this.#history;
    if (run === null) {
      say('Nothing was heard of the run.');
      return ending === 'interrupted' ? 130 : 4;
    }
    const faults = this.#chaos!.done;
    const evidence = {
      run,
      volunteers,
      faultCount: faults.filter(({ outcome }) => outcome === 'done').length,
      backendsAllowed: flags['allow-backend'] === undefined ? [] : [flags['allow-backend']],
    };
    const figures = figuresOf(evidence);
    const outcomes = asserts.map((assertion) => judge(assertion, figures));
    const empty = emptiness(evidence, tabs);
    const verdict = verdictOf(ending, empty, outcomes);
    const exports =
      run.best === null
        ? { tfjs: null, safetensors: null }
        : await downloadModel(client, run.manifest.id, join(out, 'model'));
    const report: ClusterReport = {
      ...reportOf({ run, volunteers, exports }),
      verdict: { ...verdict, emptiness: empty },
      asserts: outcomes,
      figures,
      faults,
      environment: {
        command,
        seed,
        chaos: chaosName,
        backendsAllowed: evidence.backendsAllowed,
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
        browser: browser.version,
        adapter: adapterText(browser.adapter),
      },
    };
    const text = clusterReportText(report);
    const seconds = run.trainingMs / 1_000;
    const title = `${run.manifest.name}, ${tabs} tabs, chaos ${chaosName}, seed ${seed}: ${verdict.outcome}`;
    const shown = faults.map((fault) => ({
      atMs: this.#trainingFromMs + fault.atMs,
      label: fault.seat === 0 ? fault.kind : `${fault.seat} ${fault.kind}`,
      text: `${faultText(fault)}: ${fault.outcome}`,
    }));
    const error = verdict.exitCode === 4 ? verdict.outcome : null;
    const files = {
      'report.json': text,
      'junit.xml': junitText({
        suite: run.manifest.name,
        seconds,
        asserts: outcomes,
        emptiness: empty,
        error,
      }),
      'metrics.csv': metricsCsv(points),
      'picture.svg': runPicture({ title, points, faults: shown, endMs: run.elapsedMs }),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(out, name), content);
    if (flags.report !== undefined) await writeFile(flags.report, text);
    if (verdict.exitCode !== 0) await this.#fleet!.takeScreens(join(out, 'screens'));

    say('');
    for (const { text: assertion, value, holds } of outcomes)
      say(
        `${holds ? 'ok ' : '!! '} ${assertion} (${value === null ? 'not measured' : `is ${Number(value.toPrecision(4))}`})`,
      );
    for (const line of empty) say(`!!  not real: ${line}`);
    if (evidence.backendsAllowed.length > 0)
      say(`!   not WebGPU: ${evidence.backendsAllowed.join(', ')} was allowed by --allow-backend`);
    const done = faults.length === 0 ? '' : `, ${evidence.faultCount} of ${faults.length} faults carried out`;
    say(
      `${verdict.exitCode === 0 ? 'PASSED' : 'FAILED'}       ${verdict.outcome}: ${figures.tabs_webgpu} of ${figures.tabs} tabs on WebGPU, ${figures.tabs_exchanging} exchanging, ${run.round} rounds, ${run.samples} samples in ${seconds.toFixed(0)} s${done}`,
    );
    say(`Artifacts    ${out}`);
    return verdict.exitCode;
  }
}
