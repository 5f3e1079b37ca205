/**
 * `npm run visit`: a visit to the volunteer page, measured: does the throttle keep its word, is the page quiet, does
 * Pause stop the device. Prints a line a figure with its bound; exit code 1 when one is missed.
 *
 * The duty is what the page measures: the time in which the device has a step, the processor's part of it included. A
 * witness at the GPU's queue is held against it: it sees less (it does not see that part), and may never see more.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapterText, findBrowser, probeBrowser } from './browser.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { parseFlags } from './flags.ts';
import { buildPages } from './pages.ts';
import { bytesText } from './progress-lines.ts';
import { firstStepAlone } from './visit-first-step.ts';
import { Visit } from './visit-tab.ts';

const FLAGS = {
  seconds: { kind: 'integer', min: 5, max: 600, placeholder: 'N', help: 'window of a duty (default 30)' },
} as const;

/** UX.md's budgets. */
const BOUNDS = {
  pageMaxBytes: 60_000,
  dutyOffMax: 0.05,
  /** Of the promise: less would mean that the page counts time in which the device did nothing. A guess. */
  queueShareMin: 0.75,
  redrawsPerSecondMax: 4,
  taskMaxMs: 50,
  firstStepExtraMaxMs: 3_000,
  pauseMaxMs: 250,
} as const;
const PRESETS = [
  ['Gentle', 0.25],
  ['Balanced', 0.5],
  ['Full', 1],
] as const;
const PAUSES = 5;
const HIDDEN_WINDOW_MS = 10_000;
/** UX.md's: so long nothing may hold the page's thread up. */
const QUIET_WINDOW_MS = 60_000;

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run visit --', FLAGS, argv);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (parsed.kind !== 'flags') {
    say(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const windowMs = (parsed.flags.seconds ?? 30) * 1_000;
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  const load = () => `load ${loadavg()[0]!.toFixed(1)}`;
  say(
    `Browser ${browser.version}, ${adapterText(browser.adapter)}, ${availableParallelism()} cores, ${load()}`,
  );
  await buildPages({ say });
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-visit-'));
  const coordinator = new CoordinatorProcess({ port: 0, dataDirectory, logName: 'visit/coordinator.log' });
  const missed: string[] = [];
  const figure = (name: string, text: string, isKept: boolean) => {
    say(`${isKept ? 'ok' : '!!'}  ${name.padEnd(22)} ${text}`);
    if (!isKept) missed.push(name);
  };
  try {
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    const dataset = await client.createDataset({ kind: 'digits' });
    const { manifest } = await client.createRun({
      name: 'visit',
      datasetId: dataset.id,
      model: 'mlp',
      training: { targetAccuracy: null, roundsMax: 1_000_000, evaluateEveryRounds: 10_000 },
    });
    const visit = await Visit.open(browser, `${coordinator.address.url}/`);
    try {
      const weight = await visit.weight();
      figure(
        'before the click',
        `${bytesText(weight.bytes)} in ${weight.requests} requests (at most ${bytesText(BOUNDS.pageMaxBytes)}); ${weight.found.length === 0 ? 'no tfjs, no PeerJS' : `contains ${weight.found.join(' and ')}`}`,
        weight.bytes <= BOUNDS.pageMaxBytes && weight.found.length === 0,
      );
      // The first visit fills the browser's cache; the second is measured.
      await visit.contribute();
      await visit.leave();
      const firstStepMs = await visit.contribute();

      for (const [preset, share] of PRESETS) {
        await visit.choose(preset);
        const { gpuShare, saidShare } = await visit.duty(windowMs);
        figure(
          `duty of ${percent(share)}`,
          `${percent(saidShare)} measured over ${windowMs / 1_000} s (within ${percent(BOUNDS.dutyOffMax)}); the GPU's queue was busy for ${percent(gpuShare)}`,
          Math.abs(saidShare - share) <= BOUNDS.dutyOffMax &&
            gpuShare <= share + BOUNDS.dutyOffMax &&
            gpuShare >= share * BOUNDS.queueShareMin,
        );
      }
      const quiet = await visit.quiet(QUIET_WINDOW_MS);
      figure(
        'redraws',
        `${quiet.redrawsPerSecond.toFixed(2)} a second (at most ${BOUNDS.redrawsPerSecondMax})`,
        quiet.redrawsPerSecond <= BOUNDS.redrawsPerSecondMax,
      );
      figure(
        'longest page task',
        `${quiet.longestTaskMs.toFixed(1)} ms of processor time in ${QUIET_WINDOW_MS / 1_000} s at full speed (at most ${BOUNDS.taskMaxMs})`,
        quiet.longestTaskMs <= BOUNDS.taskMaxMs,
      );
      const hidden = await visit.hidden(HIDDEN_WINDOW_MS);
      figure(
        'hidden',
        `${hidden.redraws} redraws in ${HIDDEN_WINDOW_MS / 1_000} s (none), ${hidden.submissions} submissions to the GPU`,
        hidden.redraws === 0 && hidden.submissions > 0,
      );
      const pauses: number[] = [];
      while (pauses.length < PAUSES) pauses.push(await visit.pauseMs());
      const stepMs = await visit.stepMs();
      figure(
        'pause',
        `the GPU is free after ${Math.max(...pauses).toFixed(0)} ms at worst of ${PAUSES}, ${Math.min(...pauses).toFixed(0)} at best (at most ${BOUNDS.pauseMaxMs}, or the end of the step: a step takes ${stepMs.toFixed(0)})`,
        Math.max(...pauses) <= Math.max(BOUNDS.pauseMaxMs, stepMs),
      );
      await visit.leave();
      const aloneMs = await firstStepAlone(visit.context, client, manifest);
      figure(
        'click to first step',
        `${seconds(firstStepMs)}; the trainer alone ${seconds(aloneMs)} (at most ${seconds(BOUNDS.firstStepExtraMaxMs)} more)`,
        firstStepMs <= aloneMs + BOUNDS.firstStepExtraMaxMs,
      );
    } finally {
      await visit.close();
    }
  } finally {
    await coordinator.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
  say(`${load()} at the end`);
  say(missed.length === 0 ? 'every bound is kept' : `missed: ${missed.join(', ')}`);
  return missed.length === 0 ? 0 : 1;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
