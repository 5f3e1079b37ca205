/**
 * One simulated run: tabs, coordinator and faults from a seed, until the run is over or its time is up. Everything
 * random comes from the seed; the same seed and options give the same trace hash in any process.
 */
import { initialParameters, parametersFromBytes, parametersToBytes } from '@murmuration/codec';
import {
  frameMaxBytes,
  idFromRandomBytes,
  type CoordinatorMessage,
  type VolunteerId,
  type VolunteerMessage,
} from '@murmuration/protocol';
import { framesOfRun } from '@murmuration/swarm';
import type { Adversary } from './adversary.ts';
import type { Violation } from './checkers.ts';
import { Curves, type CurvePoint } from './curves.ts';
import { Faults } from './faults.ts';
import { Hostiles } from './hostile.ts';
import { listening } from './listening.ts';
import { FAULTS, type SimulateOptions } from './options.ts';
import { DrawnTask, meanLearned, runSetup, shardCountOf } from './run-setup.ts';
import { SharedAverage } from './shared-average.ts';
import { SimCoordinator } from './sim-coordinator.ts';
import { ServerChecks } from './server-checks.ts';
import { SimNetwork } from './sim-network.ts';
import { measureLinks, PlaceChecks } from './sim-places.ts';
import { SimServer } from './sim-server.ts';
import { SimTab } from './sim-tab.ts';
import { SimTrainer } from './sim-trainer.ts';
import type { Sometimes } from './sometimes.ts';
import type { StoryLine } from './story.ts';
import type { Learned, TabTask } from './tab-model.ts';
import { TrainerChecks } from './trainer-checks.ts';
import { Watch } from './watch.ts';
import { World } from './world.ts';

export interface SimulateReport {
  readonly seed: number;
  readonly traceHash: string;
  /** The run ended by itself. */
  readonly finished: boolean;
  /** It finished, and no rule was broken. */
  readonly passed: boolean;
  readonly state: string;
  readonly virtualMs: number;
  readonly eventCount: number;
  readonly rounds: number;
  readonly term: number;
  /** Of the first parameters, over the same samples as `valLoss`. */
  readonly initialLoss: number;
  readonly valLoss: number | null;
  readonly valAccuracy: number | null;
  /** Of the running mean of the anchors at the end: a server's, or the furthest tab's; null: nobody holds one. */
  readonly meanLoss: number | null;
  readonly localSteps: number;
  readonly shardsCounted: number;
  readonly joins: number;
  readonly departures: number;
  /** Tabs that said goodbye, and what they had trained that no commit counted. */
  readonly goodbyes: number;
  readonly samplesLeftBehind: number;
  readonly coordinatorKills: number;
  readonly partitions: number;
  readonly forks: number;
  /** In a run with tiers: when nodes were first what the places are; null: never. */
  readonly placesFoundMs: number | null;
  /** Relative L2 distance between honest replicas of one round: the largest ever, and at the end. */
  readonly spreadMax: number;
  readonly spreadEnd: number;
  readonly bytesPerParameterPerExchange: number | null;
  /** Peer bytes that left tabs, of these those that left their place, what came to the coordinator's relay, and what it passed on. */
  readonly bytesSentPeers: number;
  readonly bytesBetween: number;
  readonly bytesToRelay: number;
  readonly bytesThroughCoordinator: number;
  /** Of the bytes that left tabs, those of tabs without a way to their peers. */
  readonly bytesSentApart: number;
  /** Frames' bytes that tabs received, and what an averaging server sent and received. */
  readonly bytesReceivedPeers: number;
  readonly serverBytes: { readonly sentBytes: number; readonly receivedBytes: number } | null;
  readonly violations: readonly Violation[];
  readonly counts: Readonly<Record<string, number>>;
  /** Lies that hostile tabs told. */
  readonly lies: number;
  readonly sometimes: Sometimes['counts'];
  readonly curve: readonly CurvePoint[];
  readonly story: readonly StoryLine[];
}

/** How things stand in the middle of a run, for those who look on. */
export interface Glimpse {
  readonly nowMs: number;
  readonly eventCount: number;
  readonly round: number;
  /** Of the last checkpoint, and the round that was evaluated for it. */
  readonly loss: number | null;
  readonly lossRound: number;
  readonly spread: number;
  readonly alive: number;
  readonly violations: number;
  /** No fault strikes any more, and what struck is over. */
  readonly isQuiet: boolean;
  /** The newest replica's running mean, judged when asked; null: nobody holds one. `loss` is as old as its evaluation. */
  readonly learnedNow: () => Learned | null;
}

export interface SimulateHooks {
  /** What is trained instead of the toy; the options say how many shards it has, and of how many samples. */
  readonly task?: TabTask;
  /** Called about once an imaginary second, or as often as `lookEveryMs` says. It must not change anything. */
  readonly onLook?: (glimpse: Glimpse) => void;
  readonly lookEveryMs?: number;
  /** Asked with every look: true ends the run here, for who has seen enough of it. */
  readonly isEnough?: (glimpse: Glimpse) => boolean;
  /** A message on a coordinator's socket: sent by a tab, or come to one. It must not change anything. */
  readonly onControl?: (word: {
    readonly direction: 'up' | 'down';
    readonly message: VolunteerMessage | CoordinatorMessage;
    readonly nowMs: number;
  }) => void;
  /** A tab trained so many samples. It must not change anything. */
  readonly onTrained?: (sampleCount: number, nowMs: number) => void;
  /** Asked after every event: true ends the run here. */
  readonly isTrained?: () => boolean;
  /** Makes a tab hostile; null leaves it honest. */
  readonly adversary?: (tab: { readonly number: number; readonly id: VolunteerId }) => Adversary | null;
}

const LOOK_EVERY_MS = 1_000;
const BYTES_PER_MS_PER_MBIT = 125;
/** Proofs against one peer before nobody listens to it. */
const STRIKES_MAX = 3;
/** Leases that are lost with their tabs explain some, but never all of so much work. */
const SHARDS_TRAINED_MIN = 30;

export function simulate(options: SimulateOptions, hooks: SimulateHooks = {}): SimulateReport {
  const world = new World(options.seed);
  const task = hooks.task ?? new DrawnTask(options);
  const { model, validation } = task;
  const setup = runSetup(options, model);
  const { manifest } = setup;
  const frames = framesOfRun(manifest);
  const mayFork = FAULTS.some((fault) => fault !== 'blobErrorShare' && options[fault] > 0);
  const watch = new Watch(world, setup, {
    mayFork,
    moved: () => faults.roundMoved(watch.replicas.front.round),
  });
  const isTiered = options.betweenEvery > 0 && options.nodes > 0;
  const isChurnAlone = FAULTS.every((fault) => fault.startsWith('churn') || options[fault] === 0);
  const placeChecks = new PlaceChecks(watch.violations, isChurnAlone);
  const tabWatch = listening(watch.tab, world, hooks);
  const coordinator = new SimCoordinator(world, setup, {
    initialParameters: parametersToBytes(initialParameters(model.layout.tensors, manifest.seed)),
    watch: {
      ...watch.coordinator,
      died: (...said) => {
        network.relayDied();
        watch.coordinator.died(...said);
      },
    },
    faults: options,
    mayDie: options.coordinatorKillEveryMs > 0 || options.storeErrorShare > 0 || options.clockJumpEveryMs > 0,
  });
  const network = new SimNetwork(world, options, frames);
  network.relay.isUp = () => coordinator.alive;
  const serverChecks = new ServerChecks(manifest, watch.violations, world);
  const server =
    options.architecture !== 'central'
      ? null
      : new SimServer({
          manifest,
          world,
          network,
          coordinator,
          peer: (peer) => tabs.get(peer),
          bytesPerMs: options.serverMbit * BYTES_PER_MS_PER_MBIT,
          watch: { handled: (it) => watch.server(it), averaging: serverChecks.averaging },
        });
  const shared = new SharedAverage();
  const hostiles = new Hostiles(options, manifest, world);
  const tabs = new Map<VolunteerId, SimTab>();
  const sums = {
    joins: 0,
    localSteps: 0,
    exchangeBytes: 0,
    exchanges: 0,
    peerBytes: 0,
    receivedBytes: 0,
    apartBytes: 0,
  };
  const counts: Record<string, number> = {};
  /** Spread evenly over the arrivals, so that a share of few tabs is that share. */
  const isApart = () => {
    apartDue += options.noPeersShare;
    if (apartDue < 1) return false;
    apartDue -= 1;
    return true;
  };
  let apartDue = 0;

  const open = () => {
    const number = sums.joins++;
    const random = world.chance('id', number);
    const id = idFromRandomBytes(
      'vol',
      Uint8Array.from({ length: 26 }, () => Math.floor(random() * 256)),
    );
    const drawn = 1 + (options.speedRatio - 1) * random();
    const even = Math.pow(options.speedRatio, (number % options.tabs) / Math.max(1, options.tabs - 1));
    const stepMs = options.stepMs * (options.speeds === 'even' ? even : drawn);
    const { uplinkMinMbit, uplinkMaxMbit } = options;
    const uplinkMbit = uplinkMinMbit + Math.max(0, uplinkMaxMbit - uplinkMinMbit) * random() * random();
    const place = options.nodes === 0 ? null : number % options.nodes;
    const adversary = hooks.adversary?.({ number, id }) ?? hostiles.adversaryOf(number, id);
    const tab = new SimTab({
      id,
      number,
      world,
      network,
      coordinator,
      trainer: new SimTrainer({
        manifest,
        task,
        stepMs,
        average: shared.average,
        checks:
          adversary === null && options.checks === 'on'
            ? new TrainerChecks(id, manifest, watch.violations, world, server === null ? null : serverChecks)
            : null,
      }),
      uplinkBytesPerMs: uplinkMbit * BYTES_PER_MS_PER_MBIT,
      isApart: isApart(),
      place,
      word: place === null || options.places === 'found' ? null : `place-${place}`,
      peer: (peer) => (peer === server?.id ? server : tabs.get(peer)),
      watch: tabWatch,
      adversary,
    });
    if (options.downlinkMbit > 0) tab.downlinkBytesPerMs = options.downlinkMbit * BYTES_PER_MS_PER_MBIT;
    tabs.set(id, tab);
    if (isTiered) measureLinks(tab, { world, network, options });
  };
  /** What a tab did stays in the sums; the tab itself is forgotten. */
  const settle = (tab: SimTab) => {
    const { totals, peers } = tab.mind.snapshot();
    sums.localSteps += totals.localSteps;
    sums.peerBytes += tab.traffic.bytesSentPeers;
    sums.receivedBytes += tab.traffic.bytesReceivedPeers;
    if (tab.isApart) sums.apartBytes += tab.traffic.bytesSentPeers;
    sums.exchangeBytes += tab.traffic.bytesSentPeers - tab.traffic.bytesSentState;
    sums.exchanges += totals.rounds * Math.max(1, peers.length);
    let proven = 0;
    for (const [what, count] of tab.mind.counts) {
      counts[what] = (counts[what] ?? 0) + count;
      if (what === 'equivocation' || what.startsWith('update-')) proven += count;
    }
    // [P6] Three provable violations cost a liar its link, and it gets no other.
    if (tab.isHonest && proven > STRIKES_MAX * hostiles.count)
      watch.violations.break('P6', world.nowMs, `${tab.id} was lied to ${proven} times and still listens`);
  };
  const gone = (tab: SimTab) => {
    settle(tab);
    watch.gone(tab);
    tabs.delete(tab.id);
  };
  const living = () => [...tabs.values()];
  const faults = new Faults(
    options,
    { world, network, coordinator, living, open, gone, server, round: () => watch.replicas.front.round },
    watch.story,
    watch.sometimes,
  );
  if (server !== null) coordinator.attach(server);
  const places = world.chance('arrivals');
  for (let i = 0; i < options.tabs; i++) world.after(places() * 2_000, open);

  const curves = new Curves();
  const endMs = options.hours * 3_600_000;
  let spread = 0;
  let lookAtMs = 0;
  const look = (): Glimpse => {
    spread = watch.replicas.spread(tabs.values());
    let connected = 0;
    let holders = 0;
    let isMixed = false;
    for (const tab of tabs.values()) {
      if (!tab.mute && !faults.isCut(tab)) connected += 1;
      if (tab.mind.head !== null) holders += 1;
      isMixed ||= tab.mind.isMixed;
    }
    // Without any replica, only the coordinator can let somebody found the run again.
    if (holders === 0 && !coordinator.alive) connected = 0;
    watch.replicas.look({
      nowMs: world.nowMs,
      spread,
      connectedShare: connected / options.tabs,
      faultsOn: !faults.over,
      isRunning: coordinator.ledger.state.state === 'training',
      isMixed,
    });
    if (isTiered) placeChecks.look(coordinator.ledger, tabs, world.nowMs);
    watch.ledger.look(coordinator.ledger, coordinator.alive, world.nowMs);
    watch.limits.reserved(network.reservedBytesMax, frameMaxBytes(frames.limits), world.nowMs);
    const { loss, round: lossRound } = coordinator.ledger.state.checkpoints.at(-1)!;
    const { round } = watch.replicas.front;
    const alive = tabs.size;
    curves.add({
      atMs: Math.round(world.nowMs),
      round,
      loss,
      spread,
      alive,
      joins: sums.joins,
      departures: faults.counted.departures,
    });
    const glimpse = {
      nowMs: world.nowMs,
      eventCount: world.eventCount,
      round,
      loss,
      lossRound,
      spread,
      alive,
      violations: watch.violations.count,
      isQuiet: faults.over,
      learnedNow: () => meanLearned(task, living()),
    };
    hooks.onLook?.(glimpse);
    return glimpse;
  };
  while (!coordinator.isOver && hooks.isTrained?.() !== true && world.step(endMs)) {
    if (world.nowMs < lookAtMs) continue;
    lookAtMs = world.nowMs + (hooks.lookEveryMs ?? LOOK_EVERY_MS);
    const glimpse = look();
    if (hooks.isEnough?.(glimpse) === true) break;
  }
  look();
  if (shared.mismatches > 0)
    watch.violations.break(
      'R10',
      world.nowMs,
      `${shared.mismatches} shared averages were not the members' own`,
    );
  for (const tab of tabs.values()) settle(tab);
  for (const [what, count] of Object.entries(server?.counts ?? {}))
    counts[`server: ${what}`] = (counts[`server: ${what}`] ?? 0) + count;
  watch.countsOf(counts);
  const { state } = coordinator.ledger;
  const shardsCounted = state.epoch * shardCountOf(options) + state.shardsCounted;
  const shardsTrained = (sums.localSteps * options.batchSize) / options.shardSamples;
  // [L2] Who trains shard after shard has results counted.
  if (shardsTrained >= SHARDS_TRAINED_MIN && shardsCounted === 0)
    watch.violations.break(
      'L2',
      world.nowMs,
      `${Math.round(shardsTrained)} shards' worth trained, none counted`,
    );
  const final = state.checkpoints.at(-1)!;
  const parameters = parametersFromBytes(coordinator.checkpoint(final.sha256)!, manifest.parameterCount)!;
  const result = model.evaluate(parameters, validation);
  const finished = coordinator.isOver && state.state === 'finished';
  return {
    seed: options.seed,
    traceHash: world.traceHash,
    finished,
    passed: finished && watch.violations.count === 0,
    state: state.state,
    virtualMs: Math.round(world.nowMs),
    eventCount: world.eventCount,
    rounds: final.round,
    term: state.term,
    initialLoss: model.evaluate(initialParameters(model.layout.tensors, manifest.seed), validation).loss,
    valLoss: result.loss,
    valAccuracy: result.accuracy,
    meanLoss: meanLearned(task, server === null ? tabs.values() : [server.holder])?.loss ?? null,
    localSteps: sums.localSteps,
    shardsCounted,
    joins: sums.joins,
    ...faults.counted,
    forks: watch.replicas.forkCount,
    placesFoundMs: placeChecks.foundMs,
    spreadMax: watch.replicas.spreadMax,
    spreadEnd: spread,
    bytesPerParameterPerExchange:
      sums.exchanges > 0 ? sums.exchangeBytes / sums.exchanges / manifest.parameterCount : null,
    bytesSentPeers: sums.peerBytes,
    bytesBetween: network.bytesBetween,
    bytesToRelay: network.relay.takenBytes,
    bytesThroughCoordinator: network.relay.passedBytes,
    bytesSentApart: sums.apartBytes,
    bytesReceivedPeers: sums.receivedBytes,
    serverBytes: server === null ? null : { ...server.traffic },
    violations: watch.violations.list,
    counts,
    lies: hostiles.lieCount,
    sometimes: watch.sometimes.counts,
    curve: curves.points,
    story: watch.story.lines,
  };
}
