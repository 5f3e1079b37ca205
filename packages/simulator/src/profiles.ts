/**
 * Named mixes of faults. Every fault of the simulator is an option; a profile only sets some of them. The profile `mix`
 * is drawn from the seed: each seed enables a random subset of faults with random strength (swarm testing), because
 * faults that are always on together hide each other.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import { drawTraining } from './draw-training.ts';
import { DEFAULT_OPTIONS, type SimulateOptions } from './options.ts';

type Settings = Partial<SimulateOptions>;

export const PROFILES = {
  /** Nobody leaves, nothing breaks. */
  clean: {},
  /** A half-life of half a minute: what a page of passers-by would be. */
  churn: { tabs: 6, churnPerMinute: 2 },
  /** The coordinator dies every twenty seconds while tabs come and go. */
  coordinator: { tabs: 5, coordinatorKillEveryMs: 20_000, churnPerMinute: 1 },
  /** Everything goes through an averaging server, whose thread and whose process die while tabs come and go. */
  central: {
    tabs: 6,
    architecture: 'central',
    serverCrashEveryMs: 15_000,
    coordinatorKillEveryMs: 40_000,
    churnPerMinute: 0.5,
  },
  /** Parts of the swarm are cut off from the rest again and again. */
  partition: { tabs: 6, partitionEveryMs: 20_000 },
  /** Tabs freeze for up to a minute and come back with everything queued. */
  freeze: { tabs: 5, freezeEveryMs: 8_000 },
  /** Speeds 10:1. */
  slow: { tabs: 5, speedRatio: 10 },
  /** 20 % churn a minute, 30 % of sends lost, the coordinator killed every five minutes. */
  storm: { tabs: 16, churnPerMinute: 0.2, lossShare: 0.3, coordinatorKillEveryMs: 300_000 },
  /** All of it at once, on bad links. */
  chaos: {
    tabs: 8,
    churnPerMinute: 2,
    coordinatorKillEveryMs: 30_000,
    partitionEveryMs: 30_000,
    freezeEveryMs: 15_000,
    speedRatio: 5,
    delayMeanMs: 200,
    lossShare: 0.3,
    uplinkMinMbit: 4.8,
    uplinkMaxMbit: 4.8,
  },
  /** A fifth of the tabs attacks, each in its own way, while others come and go. */
  hostile: { tabs: 10, model: 'softmax', hostileShare: 0.2, churnPerMinute: 0.3 },
  /** Half of the tabs are replaced in every round: a million joins and departures are a matter of patience. */
  turnover: { tabs: 16, model: 'softmax', churnPerRound: 0.5, hours: 1_000 },
} as const satisfies Record<string, Settings>;
export type ProfileName = keyof typeof PROFILES | 'mix';
export const PROFILE_NAMES = ['mix', ...Object.keys(PROFILES)] as ProfileName[];

/** Chance of each fault to be enabled in a seed of `mix`: two or three at a time. */
const FAULT_SHARE = 0.25;

/** The options of a profile; `changes` win. */
export function profileOptions(profile: ProfileName, changes: Settings): SimulateOptions {
  const seed = changes.seed ?? DEFAULT_OPTIONS.seed;
  const settings: Settings = profile === 'mix' ? drawMix(seed) : PROFILES[profile];
  return { ...DEFAULT_OPTIONS, ...settings, ...changes };
}

/** The faults of one seed. Each draws its enabling and its strength whether enabled or not, so that draws never shift. */
export function drawMix(seed: number): Settings {
  const random = mulberry(streamSeed(seed, 'mix'));
  /** Log-uniform between the bounds. */
  const between = (min: number, max: number) => min * powerOf(max / min, random());
  const maybe = (min: number, max: number, share = FAULT_SHARE) => {
    const [isOn, strength] = [random() < share, between(min, max)];
    return isOn ? round3(strength) : 0;
  };
  const uplinkMinMbit = maybe(1, 50, 0.5);
  const tabs = 1 + Math.floor(10 * random() * (0.4 + 0.6 * random()));
  const peersMin = random() < 0.3 && tabs >= 3 ? 2 : 1;
  const halfLifeMinutes = maybe(1, 10, 0.4);
  const settings: Settings = {
    tabs,
    // Small steps on little data: what is under test here is the swarm.
    model: random() < 0.25 ? 'mlp' : 'softmax',
    batchSize: 8,
    shardSamples: 160,
    validationSamples: 400,
    split: random() < 0.7 ? 'iid' : 'label',
    localSteps: Math.round(between(2, 20)),
    peersMin,
    delayMeanMs: maybe(30, 1_000, 0.5) || DEFAULT_OPTIONS.delayMeanMs,
    lossShare: maybe(0.01, 0.3, 0.5),
    speedRatio: maybe(1.5, 10, 0.5) || 1.5,
    uplinkMinMbit: uplinkMinMbit || DEFAULT_OPTIONS.uplinkMinMbit,
    uplinkMaxMbit: uplinkMinMbit === 0 ? DEFAULT_OPTIONS.uplinkMaxMbit : 50,
    churnPerMinute: halfLifeMinutes === 0 ? 0 : round3(Math.LN2 / halfLifeMinutes),
    churnPerRound: maybe(0.01, 0.3, 0.15),
    freezeEveryMs: maybe(3_000, 60_000),
    backgroundEveryMs: maybe(10_000, 120_000, 0.15),
    clockJumpEveryMs: maybe(10_000, 120_000),
    deviceLostEveryMs: maybe(3_000, 60_000),
    partitionEveryMs: maybe(8_000, 60_000),
    clogEveryMs: maybe(2_000, 30_000),
    halfOpenEveryMs: maybe(3_000, 60_000),
    coordinatorKillEveryMs: maybe(15_000, 120_000),
    storeErrorShare: maybe(0.001, 0.02, 0.15),
    blobErrorShare: maybe(0.01, 0.3),
    pathlessShare: maybe(0.05, 0.5, 0.15),
    noPeersShare: maybe(0.1, 1, 0.15),
    // Last, so that the draws above are as they were.
    ...drawArchitecture(maybe(8_000, 60_000, 0.15), random(), random(), [random(), random(), random()]),
    // Three seeds in ten have fewer shards than tabs, which then wait for one another (SPEC L5, L6).
    shards: Math.round(maybe(0.4, 1, 0.3) * tabs),
  };
  return { ...settings, ...drawTraining(settings, random) };
}

/**
 * One seed in seven goes through an averaging server, whose thread dies now and then, two in five of these without rounds;
 * half of the others are hybrid, and half of the rest are in tiers.
 */
function drawArchitecture(
  crashEveryMs: number,
  hybrid: number,
  schedule: number,
  tiers: readonly [number, number, number],
): Settings {
  if (crashEveryMs === 0) return hybrid < 0.5 ? { architecture: 'hybrid' } : drawTiers(hybrid < 0.75, tiers);
  const central = { architecture: 'central', serverCrashEveryMs: crashEveryMs } as const;
  return schedule < 0.4 ? { ...central, schedule: 'asynchronous' } : central;
}

/** One to four places of tabs, which say where they are or find it out, with one to six rounds inside for each between. */
function drawTiers(isOn: boolean, [nodes, between, places]: readonly [number, number, number]): Settings {
  if (!isOn) return {};
  return {
    nodes: 1 + Math.floor(4 * nodes),
    betweenEvery: 1 + Math.floor(6 * between * between),
    places: places < 0.5 ? 'named' : 'found',
  };
}

const round3 = (value: number) => Number(value.toPrecision(3));

/** base^exponent for an exponent in [0, 1), by repeated square roots: the same bits on every engine. */
function powerOf(base: number, exponent: number): number {
  let result = 1;
  let root = base;
  for (let bit = 0; bit < 24; bit++) {
    root = Math.sqrt(root);
    exponent *= 2;
    if (exponent < 1) continue;
    exponent -= 1;
    result *= root;
  }
  return result;
}
