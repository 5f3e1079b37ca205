import { describe, expect, it } from 'vitest';
import { choose, type Wishes } from './choose.ts';
import type { CoordinatorLimits, Crowd } from './crowd.ts';
import { returnsOf } from './returns.ts';
import { TASK } from './test-task.ts';
import { reasonsFor, returnsWords } from './words.ts';

const HOMES: Crowd = {
  tabs: 16,
  uplinkMbit: 10,
  downlinkMbit: 50,
  roundTripMs: 50,
  churnPerMinute: 0.02,
  stepMs: 100,
  speedRatio: 2,
};
const LAB: Crowd = { ...HOMES, uplinkMbit: 1_000, downlinkMbit: 1_000, roundTripMs: 1, churnPerMinute: 0 };
const LIMITS_OF_ALL: CoordinatorLimits = { volunteerMbit: 20, totalMbit: 200, averagingBytes: 1e9 };
const FREE: Wishes = { tabBytesMax: 1e9 };
const chosen = (crowd: Crowd, wishes: Wishes = FREE, limits = LIMITS_OF_ALL) => {
  const choice = choose(TASK, crowd, wishes, limits);
  if (!('best' in choice)) throw new Error(choice.refused.join('; '));
  return choice;
};

describe('the strategy that is chosen', () => {
  it('is not slower than any that was looked at, but for a few percent that it saves bytes for', () => {
    for (const crowd of [HOMES, LAB]) {
      const { best, others } = chosen(crowd);
      for (const other of others) expect(best.timeMs).toBeLessThanOrEqual(1.031 * other.timeMs);
      expect(others.length).toBeGreaterThan(20);
    }
  });
  it('sends less over home lines than in a lab', () => {
    const peers: Wishes = { ...FREE, architecture: 'decentralised' };
    const sent = (crowd: Crowd) => {
      const { rounds, cost } = chosen(crowd, peers).best;
      return (rounds * cost.upBytes) / TASK.parameterCount;
    };
    expect(sent({ ...HOMES, uplinkMbit: 1 })).toBeLessThan(0.3 * sent(LAB));
  });
  it('keeps what the researcher has decided', () => {
    const { best } = chosen(LAB, { ...FREE, architecture: 'decentralised', codec: 'int8', localSteps: 7 });
    expect(best.strategy).toEqual({ architecture: 'decentralised', codec: 'int8', localSteps: 7 });
  });
  it('fits a tab and the coordinator; what does not is left out with the reason', () => {
    const averagingBytes = 10e6;
    const { best, refused } = chosen(HOMES, FREE, { ...LIMITS_OF_ALL, averagingBytes });
    expect(best.strategy.architecture).toBe('decentralised');
    expect(refused).toContainEqual(
      expect.stringMatching(/^central with int8, because averaging may take \d+ MiB/),
    );
    const none = choose(TASK, HOMES, { tabBytesMax: 1e6 }, LIMITS_OF_ALL);
    expect('best' in none).toBe(false);
    expect(none.refused).toContainEqual(
      expect.stringMatching(
        /^decentralised with int8, because a tab may take \d+ MiB and 1 MiB are allowed$/,
      ),
    );
  });
  it('[R3] is none whose exchange takes longer than anybody is waited for', () => {
    const { refused } = choose(
      TASK,
      HOMES,
      { ...FREE, architecture: 'decentralised', codec: 'fp32' },
      LIMITS_OF_ALL,
    );
    expect(refused).toEqual(['exchanges of more than 5 s, because nobody is waited for longer (SPEC R3)']);
  });
  it('[R13] is none of crews that train for less than their exchange takes: those take longer than foretold', () => {
    const thin = { ...HOMES, tabs: 48, uplinkMbit: 1 };
    const peers: Wishes = { ...FREE, architecture: 'decentralised' };
    const { best, refused } = chosen(thin, peers);
    expect(best.cost.exchangeMs).toBeLessThanOrEqual(best.cost.trainMs);
    expect(refused.join()).toContain('crews whose exchange takes longer than training');
    // What a researcher wants is told what it takes.
    expect(chosen(thin, { ...peers, localSteps: 1, codec: 'topk-16' }).best.strategy.localSteps).toBe(1);
  });
  it('[R13] has groups where lines are thin and tabs many, and only where they gain more than a tenth', () => {
    const thin = { ...HOMES, tabs: 48, uplinkMbit: 2, downlinkMbit: 10 };
    const peers: Wishes = { ...FREE, architecture: 'decentralised' };
    const choice = chosen(thin, peers);
    expect(choice.best.strategy.group).toBe(4);
    const plain = chosen(thin, { ...peers, group: null }).best;
    expect(choice.ungrouped!.timeMs).toBe(plain.timeMs);
    expect(choice.best.timeMs).toBeLessThan(0.9 * plain.timeMs);
    const reasons = reasonsFor(choice).join('\n');
    expect(reasons).toMatch(/48 tabs train in groups of about 5, other ones in each of four rounds/);
    expect(reasons).toMatch(/group: auto, at its best .*: \d+ % slower/);
    const wide = chosen({ ...thin, uplinkMbit: 100, downlinkMbit: 100 }, peers);
    expect(wide.best.strategy).not.toHaveProperty('group');
    expect(reasonsFor(wide).join('\n')).toMatch(/group: \d+ instead of auto: /);
    // A server has none.
    expect(chosen(thin).best.strategy).not.toHaveProperty('group');
    expect(chosen(thin, { ...peers, group: 16 }).best.strategy.group).toBe(16);
  });
  it('says why in sentences: who exchanges with whom, what hides what, and what the neighbours would cost', () => {
    const reasons = reasonsFor(chosen(HOMES, { ...FREE, architecture: 'decentralised' })).join('\n');
    expect(reasons).toContain('All 16 tabs are one group: everybody sends to 15 others');
    expect(reasons).toMatch(/The exchange \(.*\) (hides behind|takes longer than)/);
    expect(reasons).toMatch(/(Fewer local steps|More) \(\d+\): (\d+ % (slower|faster)|the same time)/);
    expect(reasons).toMatch(/instead of .*times the bytes/);
  });
});

describe('diminishing returns', () => {
  const returns = returnsOf(TASK, LAB, FREE, LIMITS_OF_ALL)!;

  it('end where a doubling saves less than a tenth, and two doublings more are shown', () => {
    const { rows, worthHaving } = returns;
    const at = rows.findIndex(({ tabs }) => tabs === worthHaving);
    expect(rows.slice(1, at + 1).every(({ gained }) => gained! >= 0.1)).toBe(true);
    expect(rows[at + 1]!.gained).toBeLessThan(0.1);
    expect(rows.at(-1)!.tabs).toBeGreaterThanOrEqual(4 * worthHaving);
    expect(rows[0]).toMatchObject({ tabs: 1, speedUp: 1, efficiency: 1, gained: null });
  });
  it('come earlier for a task with a smaller critical batch', () => {
    const small = { ...TASK, learning: { ...TASK.learning, noiseSamples: 10 } };
    expect(returnsOf(small, LAB, FREE, LIMITS_OF_ALL)!.worthHaving).toBeLessThan(returns.worthHaving);
  });
  it('are explained by shares of the time that are the whole of it', () => {
    const { noiseShare, causes } = returns;
    const timed = causes.filter(({ what }) => what !== 'places');
    expect(noiseShare + timed.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(timed.every(({ share }) => share >= 0)).toBe(true);
    const words = returnsWords(TASK, returns).join('\n');
    expect(words).toContain(`Worth having: about ${returns.worthHaving} tabs`);
    expect(words).toMatch(/times the critical batch: noise costs \d+ % of the time/);
  });
});
