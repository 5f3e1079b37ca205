/**
 * What hostile tabs cost: the whole grid of the simulator, without any other fault, in which a share of the tabs attacks
 * in one way. Each cell is a mean over seeds, against the same seeds with all tabs honest: final loss, and imaginary
 * time. Pure; who asks for the rows prints them.
 */
import type { Attack } from './attacks.ts';
import { profileOptions } from './profiles.ts';
import { simulate, type SimulateReport } from './simulate.ts';

export interface HostileShare {
  readonly tabs: number;
  readonly hostileShare: number;
  /** What the final loss may be above that of honest tabs. */
  readonly target: number;
}

/** 2 of 16, and 4 of 20. */
export const HOSTILE_SHARES: readonly HostileShare[] = [
  { tabs: 16, hostileShare: 0.125, target: 0.03 },
  { tabs: 20, hostileShare: 0.2, target: 0.05 },
];

export interface HostileRow {
  readonly attack: Attack;
  readonly share: HostileShare;
  /** Mean final loss over the seeds, and that of the same seeds without attackers. */
  readonly loss: number;
  readonly cleanLoss: number;
  /** loss / cleanLoss - 1. */
  readonly cost: number;
  /** Imaginary time against that of the honest run, mean over the seeds. */
  readonly timeRatio: number;
  readonly forks: number;
  readonly lies: number;
  readonly isWithinTarget: boolean;
  /** Runs that did not finish or broke a rule. */
  readonly failedSeeds: readonly number[];
}

export class HostileStudy {
  readonly #seeds: readonly number[];
  readonly #rounds: number;
  readonly #clean = new Map<string, SimulateReport>();

  constructor(options: { readonly seeds: readonly number[]; readonly rounds: number }) {
    this.#seeds = options.seeds;
    this.#rounds = options.rounds;
  }

  row(attack: Attack, share: HostileShare): HostileRow {
    const sums = { loss: 0, cleanLoss: 0, timeRatio: 0, forks: 0, lies: 0 };
    const failedSeeds: number[] = [];
    for (const seed of this.#seeds) {
      const clean = this.#cleanRun(seed, share.tabs);
      const report = this.#run(seed, { tabs: share.tabs, hostileShare: share.hostileShare, attack });
      // A run that did not end has no final loss; its latest is what the attack left of it.
      sums.loss += report.valLoss ?? Infinity;
      sums.cleanLoss += clean.valLoss!;
      sums.timeRatio += report.virtualMs / clean.virtualMs / this.#seeds.length;
      sums.forks += report.forks;
      sums.lies += report.lies;
      if (!report.passed) failedSeeds.push(seed);
    }
    const cost = sums.loss / sums.cleanLoss - 1;
    return {
      attack,
      share,
      ...sums,
      loss: sums.loss / this.#seeds.length,
      cleanLoss: sums.cleanLoss / this.#seeds.length,
      cost,
      isWithinTarget: cost <= share.target && failedSeeds.length === 0,
      failedSeeds,
    };
  }

  #cleanRun(seed: number, tabs: number): SimulateReport {
    const key = `${seed}.${tabs}`;
    let report = this.#clean.get(key);
    if (report === undefined) this.#clean.set(key, (report = this.#run(seed, { tabs })));
    return report;
  }

  #run(seed: number, settings: { tabs: number; hostileShare?: number; attack?: Attack }): SimulateReport {
    return simulate(profileOptions('clean', { seed, rounds: this.#rounds, ...settings }));
  }
}
