/**
 * One simulated run: tabs, coordinator and faults from a seed, until the run is over or its time is up. Everything
 * random comes from the seed; the same seed and options give the same trace hash in any process.
 */
import { initialParameters, parametersToBytes, streamSeed } from '@murmuration/codec';
import type { RunSetup } from '@murmuration/coordinator/ledger';
import {
  DEFAULT_TRAINING,
  idFromRandomBytes,
  type RunManifest,
  type Shard,
  type Training,
  type VolunteerId,
} from '@murmuration/protocol';
import { runFrameLimits } from '@murmuration/swarm';
import { Checkers, type Violation } from './checkers.ts';
import { SimCoordinator } from './sim-coordinator.ts';
import { SimNetwork, type NetworkOptions } from './sim-network.ts';
import { SimTab } from './sim-tab.ts';
import { SimTrainer } from './sim-trainer.ts';
import { CLASSES, drawSamples, evaluate, INPUTS, TOY_LAYOUT, TOY_MODEL } from './toy-model.ts';
import { World } from './world.ts';

export interface SimulateOptions {
  readonly seed: number;
  readonly tabs: number;
  readonly rounds: number;
  /** Imaginary time after which the run is given up. */
  readonly hoursMax: number;
  readonly network: NetworkOptions;
  /** Faults below happen in the first three quarters of the rounds. Share of tabs replaced in a minute, half of them killed, a quarter vanished, a quarter polite. */
  readonly churnPerMinute: number;
  /** The coordinator is killed every so many ms and comes back after 1 to 20 s; 0: never. */
  readonly coordinatorKillMs: number;
  /** Every so many ms a part of the tabs is cut off from the rest for 2 to 30 s; 0: never. */
  readonly partitionMs: number;
  /** Every so many ms one tab freezes for 1 to 60 s; 0: never. */
  readonly freezeMs: number;
  /** The slowest tab's step takes so many times the fastest's. */
  readonly speedRatio: number;
  readonly training: Partial<Training>;
}

export const DEFAULT_OPTIONS: SimulateOptions = {
  seed: 1,
  tabs: 4,
  rounds: 60,
  hoursMax: 2,
  network: { delayMeanMs: 40, lossShare: 0.01, uplinkBytesPerMs: 1_250 },
  churnPerMinute: 0,
  coordinatorKillMs: 0,
  partitionMs: 0,
  freezeMs: 0,
  speedRatio: 1.5,
  training: {},
};

export interface SimulateReport {
  readonly seed: number;
  readonly traceHash: string;
  readonly finished: boolean;
  readonly state: string;
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly rounds: number;
  readonly term: number;
  readonly valLoss: number | null;
  readonly valAccuracy: number | null;
  readonly localSteps: number;
  readonly shardsCounted: number;
  readonly joins: number;
  readonly departures: number;
  readonly coordinatorKills: number;
  readonly partitions: number;
  readonly forks: number;
  readonly spreadMax: number;
  readonly spreadEnd: number;
  readonly bytesPerParameterPerExchange: number | null;
  readonly violations: readonly Violation[];
  readonly counts: Readonly<Record<string, number>>;
}

const SHARD_SAMPLES = 320;
const SHARD_COUNT = 24;
const VALIDATION_SAMPLES = 1_000;
const STEP_MS = 50;
const LOOK_EVERY_MS = 1_000;
/** Faults happen during this share of the rounds; then the run must heal and finish without help. */
const FAULTS_SHARE = 0.75;

export function simulate(options: SimulateOptions): SimulateReport {
  const world = new World(options.seed);
  const setup = simulatedRun(options);
  const { manifest } = setup;
  const coordinator = new SimCoordinator(world, setup);
  const first = initialParameters(TOY_LAYOUT.tensors, manifest.seed);
  coordinator.blobs.set(setup.initialCheckpoint, parametersToBytes(first));
  const network = new SimNetwork(world, options.network, runFrameLimits(manifest));
  const validation = drawSamples(options.seed, SHARD_COUNT, VALIDATION_SAMPLES);
  const shards = Array.from({ length: SHARD_COUNT }, (_, i) => drawSamples(options.seed, i, SHARD_SAMPLES));
  const checkers = new Checkers();
  const tabs: SimTab[] = [];
  const byId = new Map<VolunteerId, SimTab>();
  const fate = world.chance('fate');
  const counted = { joins: 0, departures: 0, coordinatorKills: 0, partitions: 0 };

  const open = () => {
    const random = world.chance('id', counted.joins);
    const id = idFromRandomBytes(
      'vol',
      Uint8Array.from({ length: 26 }, () => Math.floor(random() * 256)),
    );
    const stepMs = STEP_MS * (1 + (options.speedRatio - 1) * random());
    counted.joins += 1;
    const tab = new SimTab({
      id,
      world,
      network,
      coordinator,
      trainer: new SimTrainer({ manifest, stepMs, shard: (index) => shards[index]!, validation }),
      blob: (sha256) => coordinator.blobs.get(sha256) ?? (isDataName(sha256) ? new Uint8Array(0) : undefined),
      peer: (peer) => byId.get(peer),
      onHandled: (handled) => checkers.afterEvent(handled, world.nowMs),
    });
    tabs.push(tab);
    byId.set(id, tab);
  };
  const living = () => tabs.filter((tab) => tab.alive);
  const faultsOn = () => coordinator.ledger.state.round < FAULTS_SHARE * options.rounds;
  /** Repeats a fault with a jittered interval while faults are on; 0 means never. */
  const every = (intervalMs: number, fault: () => void) => {
    if (intervalMs <= 0) return;
    world.after(intervalMs * (0.5 + fate()), () => {
      if (faultsOn()) fault();
      every(intervalMs, fault);
    });
  };

  for (let i = 0; i < options.tabs; i++) world.after(fate() * 2_000, open);
  every(options.churnPerMinute > 0 ? 60_000 / (options.churnPerMinute * options.tabs) : 0, () => {
    const victims = living();
    const victim = victims[Math.floor(fate() * victims.length)];
    if (victim === undefined) return;
    const way = fate();
    if (way < 0.5) victim.kill();
    else if (way < 0.75) victim.vanish();
    else victim.leave();
    counted.departures += 1;
    world.after(fate() * 4_000, open);
  });
  every(options.coordinatorKillMs, () => {
    if (!coordinator.alive) return;
    counted.coordinatorKills += 1;
    coordinator.kill();
    world.after(1_000 + 19_000 * fate(), () => coordinator.restart());
  });
  every(options.partitionMs, () => {
    counted.partitions += 1;
    network.partition(
      new Set(
        living()
          .filter(() => fate() < 0.4)
          .map((tab) => tab.id),
      ),
    );
    world.after(2_000 + 28_000 * fate(), () => network.partition(new Set()));
  });
  every(options.freezeMs, () => {
    const candidates = living();
    const frozen = candidates[Math.floor(fate() * candidates.length)];
    if (frozen === undefined) return;
    frozen.freeze();
    world.after(1_000 + 59_000 * fate(), () => frozen.thaw());
  });

  const endMs = options.hoursMax * 3_600_000;
  let spreadEnd = 0;
  let lookAtMs = 0;
  while (!coordinator.isOver && world.step(endMs)) {
    if (world.nowMs < lookAtMs) continue;
    lookAtMs = world.nowMs + LOOK_EVERY_MS;
    spreadEnd = checkers.measureSpread(tabs);
    checkers.readRecords(coordinator.records, world.nowMs);
  }
  const { state } = coordinator.ledger;
  const final = state.checkpoints.at(-1)!;
  const parameters = coordinator.blobs.get(final.sha256)!;
  const result = evaluate(new Float32Array(parameters.slice().buffer), validation);
  let exchangeBytes = 0;
  let exchanges = 0;
  const counts: Record<string, number> = {};
  let localSteps = 0;
  for (const tab of tabs) {
    const { totals, peers } = tab.mind.snapshot();
    localSteps += totals.localSteps;
    exchangeBytes += tab.traffic.bytesSentPeers - tab.traffic.bytesSentState;
    exchanges += totals.rounds * Math.max(1, peers.length);
    for (const [what, count] of tab.mind.counts) counts[what] = (counts[what] ?? 0) + count;
  }
  return {
    seed: options.seed,
    traceHash: world.traceHash,
    finished: coordinator.isOver,
    state: state.state,
    virtualMs: Math.round(world.nowMs),
    eventCount: world.eventCount,
    rounds: final.round,
    term: state.term,
    valLoss: result.loss,
    valAccuracy: result.accuracy,
    localSteps,
    shardsCounted: state.epoch * SHARD_COUNT + state.shardsCounted,
    ...counted,
    forks: checkers.forks,
    spreadMax: checkers.spreadMax,
    spreadEnd,
    bytesPerParameterPerExchange: exchanges > 0 ? exchangeBytes / exchanges / manifest.parameterCount : null,
    violations: checkers.violations,
    counts,
  };
}

function simulatedRun(options: SimulateOptions): RunSetup {
  const shard = (index: number, sampleCount: number): Shard => ({
    index,
    sha256: dataName(index),
    sampleCount,
    byteLength: sampleCount * (INPUTS + 1),
  });
  const id = (prefix: 'run' | 'data') =>
    idFromRandomBytes(prefix, new Uint8Array(26).fill(options.seed & 0xff));
  const manifest: RunManifest = {
    id: id('run'),
    name: 'simulated',
    seed: streamSeed(options.seed, 'run'),
    model: TOY_MODEL,
    parameterCount: TOY_LAYOUT.parameterCount,
    training: {
      ...DEFAULT_TRAINING,
      targetAccuracy: null,
      ...options.training,
      roundsMax: options.rounds,
    },
    dataset: {
      id: id('data'),
      name: 'clusters',
      kind: 'digits',
      licence: '',
      sampleShape: [INPUTS],
      classCount: CLASSES,
      trainSampleCount: SHARD_COUNT * SHARD_SAMPLES,
      shardCount: SHARD_COUNT,
      validation: shard(SHARD_COUNT, VALIDATION_SAMPLES),
    },
  };
  const shards = Array.from({ length: SHARD_COUNT }, (_, i) => shard(i, SHARD_SAMPLES));
  return { manifest, shards, initialCheckpoint: 'c'.repeat(64), createdAtMs: 0 };
}

const dataName = (index: number) => `da${index.toString(16).padStart(62, '0')}`;
const isDataName = (name: string) => name.startsWith('da000');
