/** Who may close a round, among tabs that say their words to each other in every order. */
import type { VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Leadership, type Reach } from './leadership.ts';
import { id } from './test-life.ts';

const ROUND = 4;
const [a, b, c] = [id('vol', 1), id('vol', 2), id('vol', 3)] as [VolunteerId, VolunteerId, VolunteerId];
const reachOf = (self: VolunteerId, all: readonly VolunteerId[]): Reach => {
  const others = new Set(all.filter((other) => other !== self));
  return { alive: others, linked: others, gone: new Set(), beyondCount: 0 };
};

/** Newcomers that each came to all others and know no members: each is first in its own line once the others are deposed. */
function newcomers(ids: readonly VolunteerId[]): Map<VolunteerId, Leadership> {
  return new Map(
    ids.map((self) => {
      const leadership = new Leadership(
        self,
        ids.filter((other) => other !== self),
      );
      leadership.begin(ROUND, [], 0);
      for (const other of ids) if (other !== self) leadership.depose(other);
      return [self, leadership] as const;
    }),
  );
}

/** What is under way goes a step a time, so that what is said at once crosses. @returns who leads, and how many candidacies it took */
function elect(ids: readonly VolunteerId[], stepsMax: number) {
  const tabs = newcomers(ids);
  const leaders = new Set<VolunteerId>();
  let candidacies = 0;
  let words: (() => void)[] = [];
  for (let nowMs = 0; nowMs < stepsMax; nowMs++) {
    const arriving = words;
    words = [];
    for (const arrive of arriving) arrive();
    for (const [self, leadership] of tabs) {
      const stance = leadership.stance(reachOf(self, ids), 250, nowMs);
      if (stance.kind === 'lead') leaders.add(self);
      if (stance.kind !== 'elect') continue;
      candidacies += 1;
      const { ballot, ask } = stance;
      for (const peer of ask)
        words.push(() => {
          const answer = tabs.get(peer)!.askedToYield(self, ROUND, ballot, nowMs);
          if (answer !== null) words.push(() => leadership.yielded(peer, answer));
        });
    }
  }
  return { leaders: [...leaders], candidacies };
}

describe('[R5] newcomers that come to the same ballot at once', () => {
  it('of two the smaller id closes the round (was: both tried again in step, 2,000 ballots and no round)', () => {
    expect(elect([a, b], 200)).toEqual({ leaders: [a], candidacies: 2 });
    expect(elect([b, a], 200)).toEqual({ leaders: [a], candidacies: 2 });
  });

  it('of three one, too', () => {
    const { leaders, candidacies } = elect([c, a, b], 200);
    expect(leaders).toEqual([a]);
    expect(candidacies).toBeLessThan(7);
  });

  it('who has won gives way to nobody under its own ballot', () => {
    const winner = newcomers([a, b]).get(b)!;
    const elected = winner.stance(reachOf(b, [a, b]), 250, 0);
    if (elected.kind !== 'elect') throw new Error('nobody is before it');
    winner.yielded(a, elected.ballot);
    expect(winner.stance(reachOf(b, [a, b]), 250, 1)).toMatchObject({ kind: 'lead' });
    expect(winner.askedToYield(a, ROUND, elected.ballot, 2)).toBe(elected.ballot + 1);
  });
});

describe('[R5] nobody raises the ballot for ever', () => {
  const bystander = () => newcomers([a, b, c]).get(c)!;
  const TOP = 0xffff;

  it('the highest ballot there is gets no answer, now or in a round to come, and binds nobody', () => {
    const leadership = bystander();
    expect(leadership.askedToYield(a, ROUND, TOP, 0)).toBeNull();
    expect(leadership.askedToYield(a, ROUND + 1, TOP, 0)).toBeNull();
    expect(leadership.askedToYield(b, ROUND, 33, 1)).toBe(33);
    expect(leadership.askedToYield(b, ROUND + 1, 33, 1)).toBe(33);
  });

  it('nor does such an answer to a candidate of ours', () => {
    const leadership = bystander();
    expect(leadership.stance(reachOf(c, [a, b, c]), 250, 0)).toMatchObject({ kind: 'elect' });
    leadership.yielded(a, TOP);
    expect(leadership.isCandidate).toBe(true);
  });

  it('small steps come to an end, while others are heard; who closed what it took over may go on', () => {
    const leadership = bystander();
    const ask = (candidate: VolunteerId, times: number) =>
      Array.from({ length: times }, () =>
        leadership.askedToYield(candidate, ROUND, leadership.ballotMin + 33, 0),
      );
    expect(ask(a, 6).map((answer) => answer !== null)).toEqual([true, true, true, true, false, false]);
    expect(ask(b, 1)).not.toContain(null);
    leadership.followed({ leader: a, ballot: 33 });
    leadership.followed({ leader: a, ballot: 0 }); // Its own turn: it asked nobody.
    expect(ask(a, 2).map((answer) => answer !== null)).toEqual([true, false]);
  });

  it('asking again gives a silent candidate no more time', () => {
    const leadership = bystander();
    leadership.askedToYield(a, ROUND, 33, 10);
    leadership.askedToYield(a, ROUND, 66, 500);
    expect(leadership.succession.yieldedAtMs).toBe(10);
  });
});

it('[R5] one ballot of a round to come is promised to one candidate only', () => {
  const leadership = newcomers([a, b, c]).get(c)!;
  expect(leadership.askedToYield(b, ROUND + 1, 33, 0)).toBe(33);
  expect(leadership.askedToYield(b, ROUND + 1, 33, 1)).toBe(33);
  expect(leadership.askedToYield(a, ROUND + 1, 33, 2)).toBe(34);
  expect(leadership.askedToYield(a, ROUND + 1, 66, 3)).toBe(66);
});
