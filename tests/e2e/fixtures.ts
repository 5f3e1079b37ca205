/**
 * A grid for a test: a coordinator process on a fresh data directory, a fleet of browsers, and the way to wait for
 * what the coordinator says. Built on the cluster room, as the demo is: what a test starts is the real thing.
 *
 * Tests wait for events, never for time; a wait that is not fulfilled ends with the last state in its message.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  consent,
  Grid as OpenGrid,
  openParts,
  progressLines,
  type GpuBrowser,
  type Tab,
} from '@murmuration/cluster';
import type { RunId, RunLive, VolunteerView } from '@murmuration/protocol';
import { expect, test as base } from '@playwright/test';
import { BROWSER_VARIABLE } from './global-setup.ts';

export { expect };

/** A tab and the name under which the coordinator knows it. */
export interface VolunteerTab {
  readonly tab: Tab;
  readonly id: string;
}

const JOIN_MAX_MS = 180_000;

/** The grid of the cluster room, and a way to wait for what its coordinator says. */
export class Grid extends OpenGrid {
  static override async open(options: Parameters<typeof openParts>[0]): Promise<Grid> {
    return new Grid(...(await openParts(options)));
  }

  /** A page of the fleet before any click. */
  openPage(): Promise<Tab> {
    return this.fleet.openPage(this.url);
  }

  /** Opens one volunteer tab, lets the test prepare it before the click, and waits until the run knows it. */
  async openVolunteer(runId: RunId, prepare?: (tab: Tab) => Promise<unknown>): Promise<VolunteerTab> {
    const known = new Set((await this.client.snapshot(runId)).volunteers.map(({ id }) => id));
    const tab = await this.openPage();
    await prepare?.(tab);
    await consent(tab.page, this.url);
    let id = '';
    await this.until(runId, 'the new tab has joined', JOIN_MAX_MS, ({ volunteers }) => {
      id = volunteers.find((volunteer) => !known.has(volunteer.id))?.id ?? '';
      return id !== '';
    });
    return { tab, id };
  }

  async openVolunteers(runId: RunId, count: number): Promise<VolunteerTab[]> {
    const opened: VolunteerTab[] = [];
    while (opened.length < count) opened.push(await this.openVolunteer(runId));
    return opened;
  }

  /** The first state of the run that fulfils `isSo`. Survives a coordinator that is away for a while. */
  async until(runId: RunId, what: string, maxMs: number, isSo: (live: RunLive) => boolean): Promise<RunLive> {
    const gone = AbortSignal.timeout(maxMs);
    let last: RunLive | null = null;
    while (!gone.aborted) {
      try {
        for await (const live of this.client.live(runId, gone)) {
          last = live;
          if (isSo(live)) return live;
          const { state, reason } = live.run;
          if (state === 'failed' || state === 'finished')
            throw new Error(`the run ${state} (${reason}) while the test waited until ${what}`);
          if (gone.aborted) break;
        }
      } catch (error) {
        // fetch fails with a TypeError while nobody listens, or when the stream is cut off.
        if (!gone.aborted && !(error instanceof TypeError)) throw error;
      }
    }
    const seen =
      last === null
        ? 'nothing was heard'
        : `the last state was\n${progressLines(last, 200).join('\n')}\n${eventsText(last)}`;
    const screens = await Promise.all(
      this.fleet.openTabs.map(async (tab) => `tab ${tab.number}: ${await tab.screenText().catch(String)}`),
    );
    throw new Error(`waited ${maxMs} ms until ${what}; ${seen}\n${screens.join('\n')}`);
  }
}

const eventsText = ({ events }: RunLive) => events.map(({ kind, text }) => `${kind}: ${text}`).join('\n');

export const volunteerOf = ({ volunteers }: RunLive, id: string): VolunteerView => {
  const found = volunteers.find((volunteer) => volunteer.id === id);
  if (found === undefined) throw new Error(`the coordinator does not know ${id}`);
  return found;
};

interface Fixtures {
  readonly grid: Grid;
  readonly environment: Record<string, string>;
  readonly sabotage: boolean;
  readonly browsers: number;
}

/** A test that takes `grid` gets a coordinator on fresh data and browsers; the traces of its tabs when it fails. */
export const test = base.extend<Fixtures>({
  /** Tabs are spread over so many; who needs but one page, one after another, says one. */
  browsers: 2,
  /** A saboteur stands before the workers of the pages. */
  sabotage: false,
  /** Further settings of the coordinator. */
  environment: {},
  grid: async ({ browsers, environment, sabotage }, use, info) => {
    const found = process.env[BROWSER_VARIABLE];
    if (found === undefined) throw new Error(`${BROWSER_VARIABLE} is not set; the global setup did not run`);
    const logName = join(
      'e2e',
      info.titlePath
        .slice(1)
        .join(' ')
        .replaceAll(/[^\w]+/g, '-')
        .slice(0, 80),
    );
    const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-e2e-'));
    const grid = await Grid.open({
      environment,
      browser: JSON.parse(found) as GpuBrowser,
      tabs: browsers,
      dataDirectory,
      coordinatorLog: join(logName, 'coordinator.log'),
      logName,
      trace: true,
      sabotage,
    });
    try {
      await use(grid);
    } finally {
      if (info.status !== info.expectedStatus) await grid.fleet.saveTraces(info.outputPath('traces'));
      await grid.close();
      await rm(dataDirectory, { recursive: true, force: true });
    }
  },
});
