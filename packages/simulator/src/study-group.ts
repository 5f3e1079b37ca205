/**
 * A group of real minds for studies in imaginary time: coordinator, network and tabs whose lines and speeds the study
 * sets one by one. It owns how the pieces are put together and nothing of what is measured: a study looks on through
 * its watch and steps the world itself.
 */
import { initialParameters, parametersToBytes } from '@murmuration/codec';
import { idFromRandomBytes, type RunManifest, type VolunteerId } from '@murmuration/protocol';
import { framesOfRun } from '@murmuration/swarm';
import type { SimulateOptions } from './options.ts';
import { runSetup } from './run-setup.ts';
import { SharedAverage } from './shared-average.ts';
import { SimCoordinator } from './sim-coordinator.ts';
import { SimNetwork } from './sim-network.ts';
import { SimTab, type TabWatch } from './sim-tab.ts';
import { SimTrainer, type CommandTimes } from './sim-trainer.ts';
import { ToyModel, type ToyShape } from './toy-model.ts';
import type { LabelledSamples, TabTask } from './tab-model.ts';
import { drawSamples, shardLabels } from './toy-task.ts';
import { World } from './world.ts';

export interface StudyTab {
  readonly stepMs: number;
  readonly uplinkMbit: number;
  /** Infinity: more than anybody sends. */
  readonly downlinkMbit: number;
}

export const BYTES_PER_MS_PER_MBIT = 125;
/** A watch that sees nothing: studies replace what they look at. */
export const BLIND: TabWatch = { handled: () => {}, said: () => {}, heard: () => {}, sent: () => {} };

export class StudyGroup {
  readonly world: World;
  readonly manifest: RunManifest;
  readonly model: ToyModel;
  readonly coordinator: SimCoordinator;
  readonly tabs = new Map<VolunteerId, SimTab>();
  readonly validation: LabelledSamples;
  readonly #run: SimulateOptions;
  readonly #network: SimNetwork;
  readonly #watch: TabWatch;
  readonly #task: TabTask;
  readonly #commandTimes: CommandTimes;
  readonly #average = new SharedAverage().average;

  constructor(options: {
    readonly run: SimulateOptions;
    readonly shape: ToyShape;
    readonly watch: TabWatch;
    readonly commandTimes?: CommandTimes;
  }) {
    const { run, shape } = options;
    const { seed, clustersPerClass, noise } = run;
    this.#run = run;
    this.#watch = options.watch;
    this.#commandTimes = options.commandTimes ?? {};
    this.world = new World(seed);
    this.model = new ToyModel(shape, run);
    const setup = runSetup(run, this.model);
    this.manifest = setup.manifest;
    this.coordinator = new SimCoordinator(this.world, setup, {
      initialParameters: parametersToBytes(initialParameters(this.model.layout.tensors, this.manifest.seed)),
      watch: { recorded: () => {}, died: () => {}, restarted: () => {} },
      faults: { storeErrorShare: 0, blobErrorShare: 0 },
      mayDie: false,
    });
    this.#network = new SimNetwork(this.world, run, framesOfRun(this.manifest));
    const task = { seed, inputs: shape.inputs, classes: shape.classes, clustersPerClass, noise };
    const shards = new Map<number, LabelledSamples>();
    const shard = (index: number) => {
      const labels = shardLabels(run.split, index, shape.classes);
      const samples = shards.get(index) ?? drawSamples(task, index, run.shardSamples, labels);
      shards.set(index, samples);
      return samples;
    };
    this.validation = drawSamples(task, VALIDATION_PART, run.validationSamples);
    this.#task = { model: this.model, shard, validation: this.validation };
  }

  /** Opens the tab of this number now. */
  open(number: number, { stepMs, uplinkMbit, downlinkMbit }: StudyTab): SimTab {
    const random = this.world.chance('id', number);
    const bytes = Uint8Array.from({ length: 26 }, () => Math.floor(random() * 256));
    const tab = new SimTab({
      id: idFromRandomBytes('vol', bytes),
      number,
      world: this.world,
      network: this.#network,
      isApart: false,
      place: null,
      word: null,
      coordinator: this.coordinator,
      trainer: new SimTrainer({
        manifest: this.manifest,
        task: this.#task,
        stepMs,
        commandTimes: this.#commandTimes,
        average: this.#average,
        checks: null,
      }),
      uplinkBytesPerMs: uplinkMbit * BYTES_PER_MS_PER_MBIT,
      peer: (peer) => this.tabs.get(peer),
      watch: this.#watch,
      adversary: null,
    });
    tab.downlinkBytesPerMs = downlinkMbit * BYTES_PER_MS_PER_MBIT;
    this.tabs.set(tab.id, tab);
    return tab;
  }

  /** Opens tabs 0, 1, ... a tenth of a second apart. */
  openAll(tabs: readonly StudyTab[]): void {
    for (const [number, tab] of tabs.entries())
      this.world.after(ARRIVALS_EVERY_MS * number, () => this.open(number, tab));
  }

  /** The round that every tab has reached; 0 until all of them hold a replica. */
  get slowestRound(): number {
    const rounds = [...this.tabs.values()].map((tab) => tab.mind.head?.round ?? 0);
    return rounds.length === this.#run.tabs ? Math.min(...rounds) : 0;
  }
}

const ARRIVALS_EVERY_MS = 100;
/** No shard has this number. */
const VALIDATION_PART = 1_000_000;
