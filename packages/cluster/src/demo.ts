/**
 * `npm run demo`: a coordinator and headless tabs train one model together on this machine; every part is the real one.
 * Read downwards: flags, setup, the run, what came out of it, and serving until Ctrl-C.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { DatasetManifest, Report, RunLive } from '@murmuration/protocol';
import { adapterText, findBrowser, probeBrowser, type GpuBrowser } from './browser.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess, isPortFree } from './coordinator-process.ts';
import { downloadModel } from './downloads.ts';
import { parseFlags, type Flags } from './flags.ts';
import { followRun, isOver } from './follow-run.ts';
import { findIdxFiles } from './idx-files.ts';
import { LiveScreen } from './live-screen.ts';
import { buildPages } from './pages.ts';
import { freshDirectory, Sentence, STATE_DIRECTORY } from './places.ts';
import { batchSizeFor } from './example-run.ts';
import { clockText, percentText, progressLines } from './progress-lines.ts';
import { reportOf, reportText } from './report.ts';
import { createDataset } from './run-data.ts';
import { TabFleet } from './tabs.ts';

const FLAGS = {
  tabs: { kind: 'integer', min: 1, max: 64, placeholder: 'N', help: 'volunteer tabs to open (default 4)' },
  data: {
    kind: 'text',
    placeholder: 'DIR',
    help: 'train on IDX files of this directory (*-images-idx3-ubyte[.gz] and labels) instead of the built-in digits',
  },
  until: {
    kind: 'text',
    placeholder: 'val_acc=0.95',
    help: 'train until the validation accuracy is reached (default val_acc=0.95)',
    refuse: (text: string) =>
      targetOf(text) === null
        ? `must read val_acc= and a share above 0 up to 1, for example val_acc=0.95, not "${text}"`
        : null,
  },
  model: { kind: 'choice', choices: ['mlp', 'cnn'], help: 'the preset to train (default mlp)' },
  rounds: {
    kind: 'integer',
    min: 1,
    max: 1_000_000,
    placeholder: 'N',
    help: 'give up after so many rounds (default 400)',
  },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of weights and batches (default 1)',
  },
  port: {
    kind: 'integer',
    min: 1,
    max: 65_535,
    placeholder: 'N',
    help: "the coordinator's port (default: 8080, or a free one)",
  },
  exit: { kind: 'switch', help: 'leave when the run ends; exit code 0 only if the target was reached' },
  report: { kind: 'text', placeholder: 'FILE.json', help: 'write what happened to this file' },
  headed: { kind: 'switch', help: 'show the browsers' },
} as const;

const COMMAND = 'npm run demo --';
const TABS_DEFAULT = 4;
const PORT_DEFAULT = 8080;
/** Data directories of earlier demos that are kept, the newest first. */
const DEMOS_KEPT = 5;

function targetOf(text: string): number | null {
  const match = /^val_acc=(0?\.\d+|1(?:\.0+)?)$/.exec(text);
  const target = match === null ? 0 : Number(match[1]);
  return target > 0 ? target : null;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags(COMMAND, FLAGS, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  return new Demo(parsed.flags).run();
}

class Demo {
  readonly #flags: Flags<typeof FLAGS>;
  readonly #screen = new LiveScreen(process.stdout);
  readonly #interrupted = new AbortController();
  #coordinator: CoordinatorProcess | null = null;
  #fleet: TabFleet | null = null;

  constructor(flags: Flags<typeof FLAGS>) {
    this.#flags = flags;
  }

  async run(): Promise<number> {
    const interrupt = () => this.#interrupted.abort();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
    try {
      return await this.#play();
    } finally {
      await this.#fleet?.closeAll();
      await this.#coordinator?.stop();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    }
  }

  async #play(): Promise<number> {
    const say = (line: string) => this.#screen.say(line);
    const flags = this.#flags;
    // Before minutes of training: a report that cannot be written, or data that is not there, should fail now.
    if (flags.report !== undefined) await mkdir(dirname(resolve(flags.report)), { recursive: true });
    const files = flags.data === undefined ? null : await findIdxFiles(resolve(flags.data));

    const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
    say(`Browser      ${browser.executablePath} ${browser.version} (${browser.source})`);
    say(`Adapter      ${adapterText(browser.adapter)}`);
    await buildPages({ say });
    const dataDirectory = await freshDirectory('demo', DEMOS_KEPT);
    const coordinator = new CoordinatorProcess({
      port: flags.port ?? ((await isPortFree(PORT_DEFAULT)) ? PORT_DEFAULT : 0),
      dataDirectory,
      logName: 'demo/coordinator.log',
    });
    this.#coordinator = coordinator;
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    const { url, adminToken } = coordinator.address;
    say(`Coordinator  ${url}, data in ${dataDirectory}`);
    say(`Admin page   ${url}/admin#token=${adminToken}`);
    say(`Volunteers   ${url}/`);

    const dataset = await this.#createDataset(client, files);
    say(
      `Data         ${dataset.name}: ${dataset.trainSampleCount} samples to train on, ${dataset.validation.sampleCount} to validate`,
    );
    const run = await client.createRun({
      name: `demo ${dataset.name}`.slice(0, 64).replaceAll(/[^\p{L}\p{N} ._-]/gu, '-'),
      datasetId: dataset.id,
      model: flags.model ?? 'mlp',
      seed: flags.seed ?? 1,
      training: {
        batchSize: batchSizeFor(flags.tabs ?? TABS_DEFAULT),
        ...(flags.until === undefined ? {} : { targetAccuracy: targetOf(flags.until)! }),
        ...(flags.rounds === undefined ? {} : { roundsMax: flags.rounds }),
      },
    });
    const { manifest } = run;
    say(
      `Run          ${manifest.id}: ${manifest.model.name}, ${manifest.parameterCount} parameters, seed ${manifest.seed}`,
    );

    await this.#openTabs(browser, url);
    const end = await this.#watch(client, manifest.id);
    if (end === null) {
      say('Interrupted before the run ended; stopping the tabs and the coordinator.');
      return 130;
    }
    return this.#conclude(client, end);
  }

  async #createDataset(
    client: CoordinatorClient,
    files: Awaited<ReturnType<typeof findIdxFiles>> | null,
  ): Promise<DatasetManifest> {
    if (files === null) return client.createDataset({ kind: 'digits' });
    const { images, labels, name } = files;
    const data = {
      kind: 'idx',
      images,
      labels,
      licence: 'not stated: files given to the demo',
      // The demo's tabs are on this machine, and whoever else joins was given its address by this user.
      sharedWithVolunteers: true,
      splitBy: 'order',
    } as const;
    return createDataset(client, data, name);
  }

  async #openTabs(browser: GpuBrowser, url: string): Promise<void> {
    const tabCount = this.#flags.tabs ?? TABS_DEFAULT;
    const browserCount = Math.min(availableParallelism(), tabCount);
    this.#screen.say(
      `Tabs         opening ${tabCount} in ${browserCount} ${browserCount === 1 ? 'browser' : 'browsers'} ...`,
    );
    const fleet = await TabFleet.launch({
      browser,
      browserCount,
      logName: 'demo',
      headed: this.#flags.headed,
    });
    this.#fleet = fleet;
    for (let opened = 0; opened < tabCount && !this.#interrupted.signal.aborted; opened++)
      await fleet.openVolunteer(`${url}/`);
  }

  /** Draws the run until it ends; null when Ctrl-C came first. */
  async #watch(client: CoordinatorClient, runId: string): Promise<RunLive | null> {
    const { signal } = this.#interrupted;
    const gone = new AbortController();
    void this.#coordinator!.exited.then(() => gone.abort());
    let last: RunLive | null = null;
    for await (const live of followRun(client, runId, AbortSignal.any([signal, gone.signal]))) {
      last = live;
      const lines = progressLines(live, this.#screen.width);
      if (isOver(live.run)) {
        this.#screen.finish(lines);
        return live;
      }
      this.#screen.draw(lines, performance.now());
    }
    if (!signal.aborted)
      throw new Sentence(
        `The coordinator ended in the middle of the run; its last words are in ${this.#coordinator!.logPath}.`,
      );
    if (last !== null) this.#screen.finish(progressLines(last, this.#screen.width));
    return null;
  }

  async #conclude(client: CoordinatorClient, end: RunLive): Promise<number> {
    const say = (line: string) => this.#screen.say(line);
    const { run, volunteers } = end;
    const { manifest, best } = run;
    const target = manifest.training.targetAccuracy;
    let saved: Report['exports'] = { tfjs: null, safetensors: null };
    if (best !== null)
      saved = await downloadModel(client, manifest.id, join(STATE_DIRECTORY, 'models', manifest.id));
    say('');
    say(
      best?.accuracy == null
        ? `The run ${run.state} without a validation (${run.reason}).`
        : `Validation accuracy ${percentText(best.accuracy)}${target === null ? '' : run.reached ? `, target ${percentText(target)} reached` : `, target ${percentText(target)} not reached`}, after ${run.round} rounds, ${run.samples} samples and ${clockText(run.trainingMs)} of training.`,
    );
    if (run.divergences > 0) say(`!! ${run.divergences} times two replicas of one round differed.`);
    if (saved.tfjs !== null) say(`Model        ${saved.tfjs} (tfjs), ${saved.safetensors} (safetensors)`);
    if (this.#flags.report !== undefined) {
      await writeFile(this.#flags.report, reportText(reportOf({ run, volunteers, exports: saved })));
      say(`Report       ${this.#flags.report}`);
    }
    const exitCode = run.reached ? 0 : 1;
    if (this.#flags.exit) return exitCode;
    const { url, adminToken } = this.#coordinator!.address;
    say(`Admin page   ${url}/admin#token=${adminToken}`);
    say(`Volunteers   ${url}/`);
    say('Serving until Ctrl-C.');
    await Promise.race([aborted(this.#interrupted.signal), this.#coordinator!.exited]);
    say('Stopping.');
    return 0;
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((settle) =>
    signal.aborted ? settle() : signal.addEventListener('abort', () => settle(), { once: true }),
  );
