/**
 * `npm run cluster`: a run from a file on real tabs and a real coordinator, faults from a seed, and a verdict. It is never
 * green on nothing (evidence.ts). Read downwards: flags, set-up, the run under chaos, verdict and artifacts.
 *
 * Exit codes: 0 passed; 1 an assertion failed, or the run proves nothing; 2 wrong use; 3 the environment lacks something;
 * 4 the budget ran out; 130 interrupted.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ClusterReport } from '@murmuration/protocol';
import { metricsCsv, junitText, runPicture } from './artifacts.ts';
import { FIGURES, judge } from './asserts.ts';
import { adapterText, findBrowser, probeBrowser, type GpuBrowser } from './browser.ts';
import { chaosPlan, faultText } from './chaos.ts';
import { ChaosHands } from './chaos-hands.ts';
import { COMMAND, FLAGS, planOf, wishesOf, type Plan } from './cluster-plan.ts';
import type { CoordinatorClient } from './coordinator-client.ts';
import { downloadModel } from './downloads.ts';
import { emptiness, figuresOf, wayOfLearning } from './evidence.ts';
import { parseFlags } from './flags.ts';
import { followRun, isOver, RunHistory } from './follow-run.ts';
import { Grid } from './grid.ts';
import { LiveScreen } from './live-screen.ts';
import { buildPages } from './pages.ts';
import { Sentence } from './places.ts';
import { progressLines } from './progress-lines.ts';
import { reportOf } from './report.ts';
import { requestOfRunFile } from './run-file.ts';
import { Seats } from './seats.ts';
import { clusterReportText, verdictOf, type Ending } from './verdict.ts';

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

/** Of the budget, for opening and warming the tabs. */
const GATHER_SHARE = 0.25;
/** What a tab of a paused run says when it could train at once. */
const WARM_STATE = 'waiting(run-paused)';

class Cluster {
  readonly #plan: Plan;
  readonly #screen = new LiveScreen(process.stdout);
  readonly #interrupted = new AbortController();
  readonly #history = new RunHistory();
  #grid: Grid | null = null;
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
      await this.#grid?.close();
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
    const { out, tabs, flags } = this.#plan;
    this.#grid = await Grid.open({
      browser,
      tabs,
      dataDirectory: join(out, 'data'),
      coordinatorLog: join(out, 'logs', 'coordinator.log'),
      logName: join(out, 'logs'),
      headed: flags.headed,
      sabotage: true,
      trace: true,
      plant: flags.plant,
    });
    return browser;
  }

  async #play(browser: GpuBrowser): Promise<number> {
    const { file, tabs, withoutPeers, budgetMs, profile, script, seed, chaosName } = this.#plan;
    const say = (line: string) => this.#screen.say(line);
    const { coordinator, client, fleet, url } = this.#grid!;
    const { manifest } = await client.createRun(await requestOfRunFile(client, file));
    say(
      `Run          ${manifest.id}: ${manifest.model.name}, ${manifest.parameterCount} parameters, seed ${manifest.seed}`,
    );
    // Nobody trains before everybody is there: a fast tab would have learned it all while the others open.
    await client.order(manifest.id, 'pause');
    const drawn = chaosPlan(profile, { seed, seatCount: tabs, endMs: budgetMs });
    const faults = [...drawn, ...script].sort((a, b) => a.atMs - b.atMs);
    say(
      `Chaos        ${chaosName}, seed ${seed}: ${faults.length === 0 ? 'no faults' : `${faults.length} faults planned in ${budgetMs / 1_000} s`}`,
    );
    const apart = withoutPeers === 0 ? '' : `, ${withoutPeers} of them without peers`;
    say(`Tabs         opening ${tabs}${apart}, budget ${budgetMs / 1_000} s`);

    const budget = AbortSignal.timeout(budgetMs);
    const seats = new Seats(fleet, (seat) => url + wishesOf(this.#plan, seat));
    this.#chaos = new ChaosHands({ seats, coordinator, say });
    const stop = AbortSignal.any([budget, this.#interrupted.signal]);
    const opening = (async () => {
      for (let seat = 1; seat <= tabs && !stop.aborted; seat++) await seats.take(seat);
      await this.#gather(manifest.id, AbortSignal.any([stop, AbortSignal.timeout(budgetMs * GATHER_SHARE)]));
    })().finally(() => (stop.aborted ? null : this.#release(manifest.id)));
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

  /**
   * Everybody connects while the run is paused; then they are taken up, and it is paused again until all are warm: whoever
   * compiles its shaders last would otherwise find the work done. `enough`: those who are ready then must do.
   */
  async #gather(runId: string, enough: AbortSignal): Promise<void> {
    const { client, fleet } = this.#grid!;
    const { tabs, budgetMs } = this.#plan;
    await fleet.untilWaiting(budgetMs * GATHER_SHARE);
    if (!enough.aborted) await client.order(runId, 'resume');
    let isPausedAgain = false;
    for await (const { volunteers } of followRun(client, runId, enough)) {
      if (!isPausedAgain && volunteers.length >= tabs) {
        isPausedAgain = true;
        await client.order(runId, 'pause');
      }
      if (volunteers.filter(({ state }) => state === WARM_STATE).length >= tabs) return;
    }
  }

  /** The run goes on, if it stands. */
  async #release(runId: string): Promise<void> {
    const { client } = this.#grid!;
    if ((await client.run(runId)).state === 'paused') await client.order(runId, 'resume');
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
    const verdict = verdictOf(ending, empty, outcomes, wayOfLearning(run, figures));
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
    if (verdict.exitCode !== 0) {
      await this.#grid!.fleet.takeScreens(join(out, 'screens'));
      await this.#grid!.fleet.saveTraces(join(out, 'traces'));
    }

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
