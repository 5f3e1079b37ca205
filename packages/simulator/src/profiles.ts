/** Named mixes of faults. Every fault of the simulator is an option; a profile only sets some of them. */
import { DEFAULT_OPTIONS, type SimulateOptions } from './simulate.ts';

const HOME_LINKS = { delayMeanMs: 40, lossShare: 0.01, uplinkBytesPerMs: 1_250 };
const BAD_LINKS = { delayMeanMs: 200, lossShare: 0.3, uplinkBytesPerMs: 600 };

export const PROFILES = {
  /** Nobody leaves, nothing breaks. */
  clean: {},
  /** Two tabs in a minute for each that is there: a half-life of 20 s. */
  churn: { tabs: 6, churnPerMinute: 2 },
  /** The coordinator dies every twenty seconds while tabs come and go. */
  coordinator: { tabs: 5, coordinatorKillMs: 20_000, churnPerMinute: 1 },
  /** Parts of the swarm are cut off from the rest again and again. */
  partition: { tabs: 6, partitionMs: 20_000 },
  /** Tabs freeze for up to a minute and come back with everything queued. */
  freeze: { tabs: 5, freezeMs: 8_000 },
  /** Speeds 10:1. */
  slow: { tabs: 5, speedRatio: 10 },
  /** All of it at once, on bad links. */
  storm: {
    tabs: 8,
    churnPerMinute: 2,
    coordinatorKillMs: 30_000,
    partitionMs: 30_000,
    freezeMs: 15_000,
    speedRatio: 5,
    network: BAD_LINKS,
  },
} as const satisfies Record<string, Partial<SimulateOptions>>;
export type ProfileName = keyof typeof PROFILES;
export const PROFILE_NAMES = Object.keys(PROFILES) as ProfileName[];

/** The options of a profile; `changes` win. */
export function profileOptions(profile: ProfileName, changes: Partial<SimulateOptions>): SimulateOptions {
  return { ...DEFAULT_OPTIONS, network: HOME_LINKS, ...PROFILES[profile], ...changes };
}
