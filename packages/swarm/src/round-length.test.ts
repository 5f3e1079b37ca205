import { DEFAULT_TRAINING, idFromRandomBytes, type Training, type UpdateBody } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { RoundLength } from './round-length.ts';

const STEP_MS = 100;
const tab = (n: number) => idFromRandomBytes('vol', new Uint8Array(26).fill(n));
const tabs = [1, 2, 3, 4].map(tab);
const updates = tabs.map((author) => ({ author, stepCount: 5, trainMs: 5 * STEP_MS }) as UpdateBody);

class Life {
  readonly length: RoundLength;
  nowMs = 0;
  #round = 0;

  constructor(training: Partial<Training> = {}) {
    this.length = new RoundLength({ ...DEFAULT_TRAINING, localSteps: 5, ...training });
    this.length.begin({ round: 0, stretch: 1 }, 0);
  }

  /** Rounds of which each took so long from our update to the commit; returns what every commit said of the next. */
  rounds(
    count: number,
    exchangeMs: number,
    { left = 0, of = updates }: { left?: number; of?: UpdateBody[] } = {},
  ) {
    return Array.from({ length: count }, () => {
      this.length.sent(this.nowMs);
      this.nowMs += exchangeMs;
      const stretch = this.length.next(++this.#round);
      this.length.closedBy(of, { before: tabs, after: tabs.slice(left) }, this.nowMs);
      this.length.begin({ round: this.#round, stretch }, this.nowMs);
      return stretch;
    });
  }

  /** Rounds whose exchange a server did not see. */
  unseen(count: number) {
    return Array.from({ length: count }, () => {
      this.nowMs += 5 * STEP_MS * this.length.stretch;
      this.length.closed(updates, { members: 4, left: 0, exchangeMs: 'hidden' }, this.nowMs);
      const stretch = this.length.next(++this.#round);
      this.length.begin({ round: this.#round, stretch }, this.nowMs);
      return stretch;
    });
  }
}

describe('[R17] a round’s length', () => {
  it('becomes what the exchange takes, once five rounds have shown it, and is told with its grounds [C4]', () => {
    const life = new Life();
    expect(life.rounds(5, 900)).toEqual([1, 1, 1, 1, 1]);
    expect(life.length.takeChange()).toBeNull();
    expect(life.rounds(1, 900)).toEqual([2]);
    const because = { exchangeMs: 900, trainMs: 500, leaving: 0 };
    expect(life.length.takeChange()).toEqual({ round: 6, what: 'round-steps', from: 5, to: 10, because });
    expect(life.length.takeChange()).toBeNull();
    expect(new Set(life.rounds(40, 900))).toEqual(new Set([2]));
  });

  it('goes back by a step of the ladder when it would be well hidden there, and no further than the run’s own', () => {
    const life = new Life();
    life.rounds(6, 1_900);
    expect(life.length.stretch).toBe(4);
    const said = life.rounds(40, 200);
    expect(said.slice(0, 6)).toEqual([4, 4, 4, 4, 4, 3]);
    expect(new Set(said)).toEqual(new Set([4, 3, 2, 1.5, 1]));
    expect(said.at(-1)).toBe(1);
  });

  it('stays where the exchange is hidden, and where it just shows', () => {
    for (const exchangeMs of [20, 400, 600])
      expect(new Set(new Life().rounds(30, exchangeMs))).toEqual(new Set([1]));
  });

  it('is bounded, however long an exchange takes', () => {
    expect(new Life().rounds(30, 60_000).at(-1)).toBe(8);
    const many = new Life({ localSteps: 800 });
    many.rounds(30, 1_000_000);
    expect(many.length.takeChange()).toBeNull();
    expect(many.length.stretch).toBe(1.5);
  });

  it('lets half of the exchange show where a sparse codec’s answer leaves out as much again', () => {
    const sparse = { codec: 'topk-64' } as const;
    expect(new Life(sparse).rounds(6, 1_400).at(-1)).toBe(3);
    expect(new Life({ ...sparse, architecture: 'central' }).rounds(6, 1_400).at(-1)).toBe(1.5);
    expect(new Set(new Life({ ...sparse, architecture: 'central' }).rounds(30, 1_200))).toEqual(new Set([1]));
  });

  it('does not grow where many would leave during a round, and goes back where they come to', () => {
    const churned = new Life();
    // One of four in every round of 2 s: in one of 4 s half of them.
    expect(new Set(churned.rounds(40, 2_000, { left: 1 }))).toEqual(new Set([1, 3]));
    const later = new Life();
    later.rounds(6, 3_900);
    expect(later.length.stretch).toBe(8);
    later.rounds(40, 3_900, { left: 2 });
    expect(later.length.stretch).toBeLessThan(8);
  });

  it('follows what shows in nearly all rounds, not who evaluates in every other one', () => {
    const life = new Life();
    const said = Array.from({ length: 20 }, () => [...life.rounds(1, 1_500), ...life.rounds(1, 300)]).flat();
    expect(new Set(said)).toEqual(new Set([1]));
  });

  it('of an exchange that is seen only when it shows, goes back after some rounds to try, and grows again', () => {
    const life = new Life();
    life.rounds(6, 900);
    expect(life.length.stretch).toBe(2);
    const said = life.unseen(60);
    expect(said.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 2));
    expect(said).toContain(1.5);
    expect(said.at(-1)).toBe(1);
    expect(life.rounds(6, 900).at(-1)).toBe(2);
  });

  it('says nothing of rounds in which somebody was waited for in vain, or by one tab that lies about its speed', () => {
    expect(new Set(new Life().rounds(30, 5_000, { of: updates.slice(1) }))).toEqual(new Set([1]));
    const liar = { ...updates[0]!, stepCount: 1_000, trainMs: 1 };
    expect(new Set(new Life().rounds(30, 500, { of: [liar, ...updates.slice(1)] }))).toEqual(new Set([1]));
  });

  it('is the run’s own in its warm-up, of gradients, without rounds, in tiers, and where nothing adapts', () => {
    for (const training of [
      { warmUpRounds: 1_000 },
      { exchange: 'gradients', localSteps: 1 },
      { architecture: 'central', schedule: 'asynchronous' },
      { tiers: { insideEvery: 5, betweenEvery: 4 } },
      { adaptive: 'off' },
    ] as const)
      expect(new Set(new Life(training).rounds(30, 5_000))).toEqual(new Set([1]));
  });
});
