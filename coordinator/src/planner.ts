/**
 * What the plan (packages/plan, pure) is told of a run before it exists: its size, who is connected, and what this coordinator
 * may carry. Preflight and creation ask the same.
 */
import {
  assumedStepMs,
  modelDemands,
  multiplicationsOf,
  type DatasetManifest,
  type ModelSpec,
  type Training,
  type TrainingWish,
} from '@murmuration/protocol';
import type { KnownTab, PlannedRun } from '@murmuration/plan';
import type { Averaging } from './averaging.ts';
import type { Grid } from './grid.ts';
import type { RelayLimits } from './relay.ts';

export interface PlannerPorts {
  readonly grid: Pick<Grid, 'connected' | 'run'>;
  readonly relay: RelayLimits;
  readonly averaging: Pick<Averaging, 'roomBytes'>;
}

export interface RunBeforehand {
  readonly model: ModelSpec;
  readonly training: Training;
  readonly wish: TrainingWish;
  readonly dataset: Pick<DatasetManifest, 'target' | 'validation' | 'trainSampleCount' | 'shardCount'>;
}

const mbit = (bytesPerSecond: number) => (8 * bytesPerSecond) / 1e6;

export class Planner {
  readonly #ports: PlannerPorts;

  constructor(ports: PlannerPorts) {
    this.#ports = ports;
  }

  /** @throws ModelError when the model does not fit itself */
  factsOf({ model, training, wish, dataset }: RunBeforehand): PlannedRun {
    const { relay, averaging } = this.#ports;
    const { parameterCount, activationBytesPerSample } = modelDemands(model, training);
    const { target, validation, trainSampleCount, shardCount } = dataset;
    return {
      training,
      wish,
      parameterCount,
      isText: target.kind === 'next-token',
      activationBytes: training.batchSize * activationBytesPerSample,
      shardBytes: ((validation.byteLength / validation.sampleCount) * trainSampleCount) / shardCount,
      stepRangeMs: assumedStepMs(training.batchSize, multiplicationsOf(model)),
      tabs: this.#tabsFor(parameterCount, training.batchSize),
      limits: {
        volunteerMbit: mbit(relay.volunteerBytesPerSecond),
        totalMbit: mbit(relay.totalBytesPerSecond),
        averagingBytes: Math.max(0, averaging.roomBytes),
      },
    };
  }

  #tabsFor(parameterCount: number, batchSize: number): KnownTab[] {
    const { grid } = this.#ports;
    return grid.connected.map(({ id, links, runId }) => {
      const ledger = runId === null ? null : grid.run(runId);
      const manifest = ledger?.state.setup.manifest;
      const presence = ledger?.present.get(id);
      return {
        isPathless: links === 'no-peers',
        rttMs: presence?.rttMs ?? null,
        uplinkMbit: presence?.uplinkKbit == null ? null : presence.uplinkKbit / 1_000,
        stepsPerSecond: presence?.stepsPerSecond ?? 0,
        runId,
        isSameWork: manifest?.parameterCount === parameterCount && manifest.training.batchSize === batchSize,
      };
    });
  }
}
