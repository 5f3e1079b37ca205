/**
 * How long a newcomer takes from its first request for the state to its first update, on home lines, while the donors
 * die under its hands. A real group of real minds trains a model of a million parameters; then one more tab comes, on a
 * downlink of finite rate, and the story ends with its update in a commit. Pure: the same options, the same story.
 */
import { chunkCount } from '@murmuration/codec';
import type { VolunteerId } from '@murmuration/protocol';
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';
import type { SimTab, TabWatch } from './sim-tab.ts';
import { BYTES_PER_MS_PER_MBIT, StudyGroup } from './study-group.ts';

export interface JoinOptions {
  readonly seed: number;
  /** Units of the hidden layer between 64 inputs and 10 classes; 13,333 make 999,985 parameters. */
  readonly hidden: number;
  readonly donors: number;
  readonly codec: SimulateOptions['codec'];
  readonly uplinkMbit: number;
  readonly downlinkMbit: number;
  readonly delayMeanMs: number;
  readonly localSteps: number;
  readonly stepMs: number;
  /** A donor is killed while it sends one of these chunks for the first time. */
  readonly deadlyChunks: readonly number[];
}

export const JOIN_DEFAULTS: JoinOptions = {
  seed: 1,
  hidden: 13_333,
  donors: 8,
  codec: 'topk-64',
  uplinkMbit: 10,
  downlinkMbit: 20,
  delayMeanMs: 40,
  localSteps: 2,
  stepMs: 100,
  deadlyChunks: [],
};

export interface JoinRow {
  readonly parameterCount: number;
  readonly chunks: number;
  readonly deaths: number;
  /** After the first request: the whole state has been proven; the first update left; the group counted one. */
  readonly stateMs: number | null;
  readonly updateMs: number | null;
  readonly countedMs: number | null;
  /** Rounds that the group closed while the state was fetched. */
  readonly roundsMeanwhile: number;
  /** Bytes of chunks that came in, and of these, what came of each chunk first. */
  readonly stateBytes: number;
  readonly stateBytesMin: number;
  /** Chunks that donors were asked for and died over. */
  readonly chunksLost: number;
  /** Updates and the like that came in before the state was proven. */
  readonly otherBytes: number;
  readonly traceHash: string;
}

const INPUTS = 64;
const CLASSES = 10;
/** How the group comes together is not what is measured here: its lines are fast until it has done so many rounds. */
const FAST_MBIT = 8_000;
const ROUNDS_FAST = 5;
/** Then it trains so many on home lines, and learns their pace, before the newcomer opens its page. */
const ROUNDS_BEFORE = 10;
const END_MS = 120_000;

export function studyJoin(changes: Partial<JoinOptions>): JoinRow {
  const options = { ...JOIN_DEFAULTS, ...changes };
  const { seed, donors, hidden } = options;
  const run: SimulateOptions = {
    ...DEFAULT_OPTIONS,
    seed,
    tabs: donors + 1,
    rounds: 1_000,
    // What a step computes is not what is measured here; two samples keep a million parameters affordable.
    batchSize: 2,
    shardSamples: 64,
    validationSamples: 2,
    evaluateEveryRounds: 1_000,
    localSteps: options.localSteps,
    codec: options.codec,
    delayMeanMs: options.delayMeanMs,
    lossShare: 0,
    clustersPerClass: 4,
    noise: 0.45,
    wire: 'full',
  };
  const deadly = new Set(options.deadlyChunks);
  /** Chunks that a donor was asked for and has not given. */
  const pending = new Map<VolunteerId, Set<number>>();
  const firstBytes = new Map<number, number>();
  let newcomer: SimTab | null = null;
  let homeRound: number | null = null;
  let [deaths, chunksLost] = [0, 0];
  let startMs: number | null = null;
  let stateMs: number | null = null;
  let updateMs: number | null = null;
  let countedMs: number | null = null;
  let [stateBytes, otherBytes, startRound, stateRound] = [0, 0, 0, 0];
  const sinceStart = () => world.nowMs - startMs!;

  /** Half of a chunk has left a donor that it was asked of. */
  const killMidway = (donor: VolunteerId) => {
    const halfMs = (0.5 * 256 * 1024) / (options.uplinkMbit * BYTES_PER_MS_PER_MBIT);
    world.after(options.delayMeanMs + halfMs, () => {
      const victim = tabs.get(donor);
      if (victim === undefined || !victim.alive) return;
      deaths += 1;
      chunksLost += pending.get(donor)?.size ?? 0;
      victim.kill();
      tabs.delete(donor);
    });
  };
  const watch: TabWatch = {
    handled: (tab, event) => {
      if (tab !== newcomer || startMs === null || stateMs !== null) return;
      if (event.kind === 'peer-frame') {
        const { frame } = event;
        if (frame.kind === 'state') {
          stateBytes += frame.bytes.length;
          firstBytes.set(frame.chunk, firstBytes.get(frame.chunk) ?? frame.bytes.length);
        }
        if (frame.kind === 'state' || frame.kind === 'state-denied')
          pending.get(event.peer)?.delete(frame.chunk);
        if (frame.kind === 'update') otherBytes += frame.encoded.length;
      }
      if (tab.mind.head === null) return;
      stateMs = sinceStart();
      stateRound = tab.mind.head.round;
    },
    sent: (tab, { peer, frame }) => {
      if (tab === newcomer && frame.kind === 'state-request') {
        if (startMs === null) startRound = tabs.get(peer)!.mind.head!.round;
        startMs ??= world.nowMs;
        pending.set(peer, (pending.get(peer) ?? new Set()).add(frame.chunk));
        if (deadly.delete(frame.chunk)) killMidway(peer);
      }
      if (tab === newcomer && frame.kind === 'update' && stateMs !== null) updateMs ??= sinceStart();
      if (frame.kind === 'commit' && newcomer !== null)
        if (frame.included.some(({ author }) => author === newcomer!.id)) countedMs ??= sinceStart();
    },
    said: () => {},
    heard: () => {},
  };
  const group = new StudyGroup({ run, shape: { inputs: INPUTS, hidden, classes: CLASSES }, watch });
  const { world, tabs } = group;
  const { parameterCount } = group.manifest;
  const fast = { stepMs: options.stepMs, uplinkMbit: FAST_MBIT, downlinkMbit: Infinity };
  const atHome = (tab: SimTab): SimTab => {
    tab.uplinkBytesPerMs = options.uplinkMbit * BYTES_PER_MS_PER_MBIT;
    tab.downlinkBytesPerMs = options.downlinkMbit * BYTES_PER_MS_PER_MBIT;
    return tab;
  };
  group.openAll(Array.from({ length: donors }, () => fast));
  const isOver = () => countedMs !== null || world.nowMs >= END_MS;
  while (!isOver() && world.step(END_MS)) {
    if (newcomer !== null) continue;
    const rounds = [...tabs.values()].map((tab) => tab.mind.head?.round ?? 0);
    const slowest = rounds.length === donors ? Math.min(...rounds) : 0;
    if (slowest >= ROUNDS_FAST && homeRound === null) {
      for (const tab of tabs.values()) atHome(tab);
      homeRound = slowest;
    }
    if (homeRound !== null && slowest >= homeRound + ROUNDS_BEFORE)
      newcomer = atHome(group.open(donors, fast));
  }
  return {
    parameterCount,
    chunks: chunkCount(parameterCount),
    deaths,
    stateMs,
    updateMs,
    countedMs,
    roundsMeanwhile: stateRound - startRound,
    stateBytes,
    stateBytesMin: [...firstBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
    chunksLost,
    otherBytes,
    traceHash: world.traceHash,
  };
}
