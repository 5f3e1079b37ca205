/**
 * What goes wrong in a run, and when. Each kind of fault draws from its own stream of chance, so that turning one off
 * leaves the others' draws as they were; that is what lets the shrinker take faults away one by one. Faults strike while
 * they are on; then whatever is still broken heals by itself, and the run must finish without help.
 */
import type { SimCoordinator } from './sim-coordinator.ts';
import type { Cut, SimNetwork } from './sim-network.ts';
import type { SimTab } from './sim-tab.ts';
import type { SimulateOptions } from './options.ts';
import type { Situation, Sometimes } from './sometimes.ts';
import type { Story } from './story.ts';
import type { World } from './world.ts';

/** Faults happen during this share of the rounds, and of the imaginary time. */
export const ROUNDS_SHARE = 0.75;
const TIME_SHARE = 0.5;
const CLOCK_JUMP_MS = 300_000;
/** A half-open link is given up after the silence that tabs allow; a little later it is no fault any more. */
const HALF_OPEN_MS = 12_000;

export interface Swarm {
  readonly world: World;
  readonly network: SimNetwork;
  readonly coordinator: SimCoordinator;
  readonly living: () => SimTab[];
  /** Opens one more tab. */
  readonly open: () => void;
  readonly gone: (tab: SimTab) => void;
  readonly round: () => number;
  /** Of a central run. */
  readonly server: { readonly crash: () => void } | null;
}

export class Faults {
  readonly #options: SimulateOptions;
  readonly #swarm: Swarm;
  readonly #story: Story;
  readonly #sometimes: Sometimes;
  readonly #cuts = new Set<Cut>();
  /** Faults that have struck and are not over. */
  #open = 0;
  #lastRound = 0;
  #lastRoundAtMs = 0;
  readonly #roundChance: () => number;
  readonly counted = {
    departures: 0,
    goodbyes: 0,
    samplesLeftBehind: 0,
    coordinatorKills: 0,
    partitions: 0,
  };

  constructor(options: SimulateOptions, swarm: Swarm, story: Story, sometimes: Sometimes) {
    this.#options = options;
    this.#swarm = swarm;
    this.#story = story;
    this.#sometimes = sometimes;
    this.#roundChance = swarm.world.chance('fault', 'churnPerRound');
    const { churnPerMinute, tabs } = options;
    const departEveryMs = churnPerMinute > 0 ? 60_000 / (churnPerMinute * tabs) : 0;
    this.#every('churn', departEveryMs, (random) => this.#depart(random));
    this.#every('freeze', options.freezeEveryMs, (random) => this.#freeze(random));
    this.#keepFrozen(Math.floor(options.frozenShare * tabs));
    this.#every('background', options.backgroundEveryMs, (random) => this.#background(random));
    this.#every('clock', options.clockJumpEveryMs, (random) => this.#jumpClock(random));
    this.#every('device', options.deviceLostEveryMs, (random) => this.#loseDevice(random));
    this.#every('partition', options.partitionEveryMs, (random) => this.#partition(random));
    this.#every('clog', options.clogEveryMs, (random) => this.#clog(random));
    this.#every('halfOpen', options.halfOpenEveryMs, (random) => this.#halfOpen(random));
    this.#every('server', options.serverCrashEveryMs, () => {
      this.#tell('serverCrashed', 'the averaging thread ends');
      this.#swarm.server?.crash();
    });
    this.#every('kill', options.coordinatorKillEveryMs, (random) => this.#killCoordinator(random));
  }

  /** Faults may strike now. */
  get on(): boolean {
    const { faultsFromMs, faultsUntilMs, rounds, hours } = this.#options;
    const { nowMs } = this.#swarm.world;
    const isTime = nowMs >= faultsFromMs && nowMs < faultsUntilMs && nowMs < TIME_SHARE * hours * 3_600_000;
    return isTime && this.#swarm.round() < ROUNDS_SHARE * rounds;
  }
  /** Nothing strikes any more, and what struck is over. */
  get over(): boolean {
    return !this.on && this.#open === 0 && this.#swarm.coordinator.alive;
  }

  /** Cut off from others right now. */
  isCut(tab: SimTab): boolean {
    for (const { side } of this.#cuts) if (side.has(tab.id)) return true;
    return false;
  }

  /** The swarm came to another round: some tabs will be replaced during it. */
  roundMoved(round: number): void {
    const { world } = this.#swarm;
    const lengthMs = Math.min(60_000, world.nowMs - this.#lastRoundAtMs);
    if (round === this.#lastRound) return;
    this.#lastRound = round;
    this.#lastRoundAtMs = world.nowMs;
    const expected = this.#options.churnPerRound * this.#options.tabs;
    if (expected === 0 || !this.on) return;
    const random = this.#roundChance;
    const victims = Math.floor(expected) + (random() < expected % 1 ? 1 : 0);
    for (let i = 0; i < victims; i++) world.after(random() * lengthMs, () => this.#depart(random));
  }

  /** Repeats a fault with a jittered interval; 0 means never. */
  #every(kind: string, meanMs: number, strike: (random: () => number) => void): void {
    if (meanMs <= 0) return;
    const { world } = this.#swarm;
    const random = world.chance('fault', kind);
    const next = () =>
      world.after(meanMs * (0.5 + random()), () => {
        if (this.on) strike(random);
        next();
      });
    next();
  }

  #lasting(forMs: number, end: () => void): void {
    this.#open += 1;
    this.#swarm.world.after(forMs, () => {
      this.#open -= 1;
      end();
    });
  }

  #tell(situation: Situation | null, text: string): void {
    this.#story.tell(this.#swarm.world.nowMs, text);
    if (situation !== null) this.#sometimes.hit(situation);
  }

  #pick(random: () => number): SimTab | undefined {
    const tabs = this.#swarm.living();
    return tabs[Math.floor(random() * tabs.length)];
  }

  #depart(random: () => number): void {
    // Who is about to leave departs once.
    const staying = this.#swarm.living().filter((tab) => !tab.isLeaving);
    const victim = staying[Math.floor(random() * staying.length)];
    const way = random();
    const backAfterMs = random() * 4_000;
    if (victim === undefined) return;
    if (way < 0.5) {
      victim.kill();
      this.#tell(null, `${name(victim)} is killed`);
    } else if (way < 0.75) {
      victim.vanish();
      this.#tell('vanished', `${name(victim)} vanishes without a word`);
    } else {
      victim.leave(() => {
        this.counted.goodbyes += 1;
        this.counted.samplesLeftBehind += victim.uncountedSamples;
        this.#swarm.gone(victim);
      });
      this.#tell('goodbye', `${name(victim)} says goodbye`);
    }
    this.counted.departures += 1;
    if (!victim.alive) this.#swarm.gone(victim);
    if (this.#swarm.living().length === 0) this.#sometimes.hit('nobodyLeft');
    this.#lasting(backAfterMs, this.#swarm.open);
  }

  #freeze(random: () => number): void {
    const tab = this.#pick(random);
    const forMs = 1_000 + 59_000 * random();
    if (tab === undefined || tab.mute) return;
    tab.freeze();
    this.#tell(null, `${name(tab)} freezes for ${seconds(forMs)}`);
    this.#lasting(forMs, () => {
      if (tab.alive) this.#tell('frozenBack', `${name(tab)} thaws`);
      tab.thaw();
    });
  }

  /** So many tabs are frozen at any time, always others. */
  #keepFrozen(count: number): void {
    const { world, living } = this.#swarm;
    const random = world.chance('fault', 'frozen');
    for (let i = 0; i < count; i++) {
      // The first ones have been frozen for a while.
      let share = random();
      const next = () => {
        const awake = living().filter((tab) => !tab.mute);
        const tab = awake[Math.floor(random() * awake.length)];
        const forMs = share * (10_000 + 50_000 * random());
        if (!this.on || tab === undefined) return void world.after(1_000, next);
        share = 1;
        tab.freeze();
        this.#tell(null, `${name(tab)} freezes for ${seconds(forMs)}`);
        this.#lasting(forMs, () => {
          next();
          if (tab.alive) this.#tell('frozenBack', `${name(tab)} thaws`);
          tab.thaw();
        });
      };
      world.after(1_000 * random(), next);
    }
  }

  #background(random: () => number): void {
    const tab = this.#pick(random);
    const forMs = 60_000 + 180_000 * random();
    if (tab === undefined || tab.mute) return;
    this.#tell('backgroundWoke', `${name(tab)} gets one wake-up a minute for ${seconds(forMs)}`);
    tab.throttle(this.#swarm.world.nowMs + forMs);
    this.#lasting(forMs + 1, () => undefined);
  }

  /** A tab's clock is monotonic and can only leap ahead; the coordinator's may also be set back, when it starts. */
  #jumpClock(random: () => number): void {
    const tab = this.#pick(random);
    const isCoordinator = random() < 0.25;
    const ahead = [-1, 0, 1][Math.floor(3 * random())]!;
    if (isCoordinator) {
      this.#swarm.coordinator.setClock(ahead * CLOCK_JUMP_MS);
      const where = ahead === 0 ? 'right' : `5 minutes ${ahead > 0 ? 'ahead' : 'back'}`;
      this.#tell('clockJumped', `the coordinator's clock will be set ${where} at its next start`);
      this.#killCoordinator(random);
    } else if (tab !== undefined) {
      this.#tell('clockJumped', `the clock of ${name(tab)} leaps ahead by 5 minutes`);
      tab.jumpClock(CLOCK_JUMP_MS);
    }
  }

  #loseDevice(random: () => number): void {
    const tab = this.#pick(random);
    if (tab?.loseDevice() === true) this.#tell('deviceLost', `${name(tab)} loses its device`);
  }

  #partition(random: () => number): void {
    const kind = (['symmetric', 'one-way', 'isolating'] as const)[Math.floor(random() * 3)]!;
    const side = this.#swarm.living().filter(() => random() < 0.4);
    const forMs = 2_000 + 28_000 * random();
    if (side.length === 0) return;
    const cut: Cut = { kind, side: new Set(side.map((tab) => tab.id)) };
    this.counted.partitions += 1;
    this.#cuts.add(cut);
    this.#swarm.network.cut(cut);
    if (kind === 'isolating') for (const tab of side) tab.cutOff();
    const situation = { symmetric: 'partitionSymmetric', 'one-way': 'partitionOneWay' } as const;
    this.#tell(
      kind === 'isolating' ? 'partitionIsolating' : situation[kind],
      `${kind} partition around ${side.map(name).join(' ')} for ${seconds(forMs)}`,
    );
    this.#lasting(forMs, () => {
      this.#cuts.delete(cut);
      this.#swarm.network.heal(cut);
      const stillCut = (tab: SimTab) =>
        [...this.#cuts].some((other) => other.kind === 'isolating' && other.side.has(tab.id));
      if (kind === 'isolating') for (const tab of side) if (!stillCut(tab)) tab.reconnectPath();
      this.#tell(null, 'the partition heals');
    });
  }

  #clog(random: () => number): void {
    const tab = this.#pick(random);
    const forMs = 1_000 + 19_000 * random();
    const which = random();
    const { network, world } = this.#swarm;
    if (tab === undefined) return;
    if (!network.clog(tab.id, (count) => Math.floor(which * count), world.nowMs + forMs)) return;
    this.#tell('clogged', `a link of ${name(tab)} carries nothing outwards for ${seconds(forMs)}`);
    this.#lasting(forMs, () => undefined);
  }

  #halfOpen(random: () => number): void {
    const tab = this.#pick(random);
    const which = random();
    if (tab === undefined) return;
    if (!this.#swarm.network.clog(tab.id, (count) => Math.floor(which * count), Infinity)) return;
    this.#tell('halfOpen', `a link of ${name(tab)} is dead outwards, open inwards`);
    this.#lasting(HALF_OPEN_MS, () => undefined);
  }

  /** At any moment, or in the middle of its next write. */
  #killCoordinator(random: () => number): void {
    const { coordinator } = this.#swarm;
    const way = random();
    const backAfterMs = 1_000 + 19_000 * random();
    if (!coordinator.alive) return;
    this.counted.coordinatorKills += 1;
    const died = () => this.#lasting(backAfterMs, () => coordinator.restart());
    if (way >= 0.5) {
      coordinator.killAtWrite(way < 0.75 ? 'before' : 'after', died);
      return;
    }
    coordinator.kill();
    died();
  }
}

const name = (tab: SimTab) => `tab ${tab.number}`;
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
