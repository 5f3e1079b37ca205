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
  CoordinatorClient,
  CoordinatorProcess,
  progressLines,
  TabFleet,
  type GpuBrowser,
  type Tab,
} from '@murmuration/cluster';
import type {
  DatasetRequest,
  RunId,
  RunLive,
  RunRequest,
  RunView,
  VolunteerView,
} from '@murmuration/protocol';
import { expect, test as base } from '@playwright/test';
import { BROWSER_VARIABLE } from './global-setup.ts';

export { expect };

/** A tab and the name under which the coordinator knows it. */
export interface VolunteerTab {
  readonly tab: Tab;
  readonly id: string;
}

const JOIN_MAX_MS = 180_000;

export class Grid {
  readonly coordinator: CoordinatorProcess;
  readonly client: CoordinatorClient;
  readonly #fleet: TabFleet;

  constructor(coordinator: CoordinatorProcess, fleet: TabFleet) {
    this.coordinator = coordinator;
    this.client = new CoordinatorClient(coordinator.address);
    this.#fleet = fleet;
  }

  get url(): string {
    return `${this.coordinator.address.url}/`;
  }

  /** A page of the fleet before any click. */
  openPage(): Promise<Tab> {
    return this.#fleet.openPage(this.url);
  }

  async createRun(dataset: DatasetRequest, request: Omit<RunRequest, 'datasetId'>): Promise<RunView> {
    const { id } = await this.client.createDataset(dataset);
    return this.client.createRun({ ...request, datasetId: id });
  }

  /** Opens one volunteer tab and waits until the run knows it. */
  async openVolunteer(runId: RunId): Promise<VolunteerTab> {
    const known = new Set((await this.client.snapshot(runId)).volunteers.map(({ id }) => id));
    const tab = await this.#fleet.openVolunteer(this.url);
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
      this.#fleet.openTabs.map(async (tab) => `tab ${tab.number}: ${await tab.screenText().catch(String)}`),
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

/** A test that takes `grid` gets a coordinator on fresh data and two browsers: two cores are served best by two. */
export const test = base.extend<{ grid: Grid }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures this one needs: none.
  grid: async ({}, use, info) => {
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
    const coordinator = new CoordinatorProcess({
      port: 0,
      dataDirectory,
      logName: join(logName, 'coordinator.log'),
    });
    const fleet = await TabFleet.launch({
      browser: JSON.parse(found) as GpuBrowser,
      browserCount: 2,
      logName,
    });
    try {
      await coordinator.start();
      await use(new Grid(coordinator, fleet));
    } finally {
      await fleet.closeAll();
      await coordinator.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    }
  },
});
