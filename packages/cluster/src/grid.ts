/**
 * A coordinator and the tabs of its volunteers, opened and closed together: what the cluster command, the benchmarks and
 * the specs stand on, so that all of them start the same real thing.
 */
import { availableParallelism } from 'node:os';
import type { DatasetRequest, RunRequest, RunView } from '@murmuration/protocol';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { TabFleet, type FleetOptions } from './tabs.ts';

export interface GridOptions extends Omit<FleetOptions, 'browserCount'> {
  /** Tabs that are wished at the same time; they share as many browsers as there are cores. */
  readonly tabs: number;
  readonly dataDirectory: string;
  /** Log of the coordinator, below `.murmuration/logs` or absolute. */
  readonly coordinatorLog: string;
  /** Further settings of the coordinator (`MURMURATION_...`). */
  readonly environment?: Readonly<Record<string, string>>;
}

export class Grid {
  readonly coordinator: CoordinatorProcess;
  readonly fleet: TabFleet;
  readonly client: CoordinatorClient;

  protected constructor(coordinator: CoordinatorProcess, fleet: TabFleet) {
    this.coordinator = coordinator;
    this.fleet = fleet;
    this.client = new CoordinatorClient(coordinator.address);
  }

  /**
   * Both are there when this resolves, or neither.
   * @throws Sentence when the coordinator does not start.
   */
  static async open(options: GridOptions): Promise<Grid> {
    return new Grid(...(await openParts(options)));
  }

  get url(): string {
    return `${this.coordinator.address.url}/`;
  }

  async createRun(dataset: DatasetRequest, request: Omit<RunRequest, 'datasetId'>): Promise<RunView> {
    const { id } = await this.client.createDataset(dataset);
    return this.client.createRun({ ...request, datasetId: id });
  }

  async close(): Promise<void> {
    await this.fleet.closeAll();
    await this.coordinator.stop();
  }
}

/** For a grid that can do more: see the fixtures of tests/e2e. */
export async function openParts({
  tabs,
  dataDirectory,
  coordinatorLog,
  environment = {},
  ...fleetOptions
}: GridOptions): Promise<[CoordinatorProcess, TabFleet]> {
  const coordinator = new CoordinatorProcess({
    port: 0,
    dataDirectory,
    logName: coordinatorLog,
    environment,
  });
  const [started, launched] = await Promise.allSettled([
    coordinator.start(),
    TabFleet.launch({ ...fleetOptions, browserCount: Math.min(availableParallelism(), tabs) }),
  ]);
  if (started.status === 'fulfilled' && launched.status === 'fulfilled') return [coordinator, launched.value];
  if (launched.status === 'fulfilled') await launched.value.closeAll();
  await coordinator.stop();
  throw (started.status === 'rejected' ? started : (launched as PromiseRejectedResult)).reason;
}
