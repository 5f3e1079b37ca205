/** A run that fails for a reason that we chose must come out small, still failing, with its reason told. */
import { describe, expect, it } from 'vitest';
import { picture } from './picture.ts';
import { profileOptions } from './profiles.ts';
import { failureOf, shrink, storyOf } from './shrink.ts';
import { simulate, type SimulateReport } from './simulate.ts';

const passing = simulate(profileOptions('clean', { seed: 1, rounds: 6, model: 'softmax' }));

describe('shrinking', () => {
  it('keeps the one fault that matters and narrows the time in which it strikes', () => {
    const options = profileOptions('chaos', { seed: 2 });
    // The rule is broken as soon as the coordinator may be killed in the imaginary second 40.
    const run = (tried: typeof options): SimulateReport => {
      const isHit =
        tried.coordinatorKillEveryMs > 0 && tried.faultsFromMs <= 40_000 && tried.faultsUntilMs > 40_000;
      const violations = isHit ? [{ rule: 'I4', atMs: 40_000, text: 'something was lost' }] : [];
      return { ...passing, virtualMs: 120_000, passed: !isHit, violations };
    };
    const shrunk = shrink(options, run(options), run);
    expect(failureOf(shrunk.report)).toBe('I4');
    const { churnPerMinute, partitionEveryMs, freezeEveryMs, tabs, rounds } = shrunk.options;
    expect({ churnPerMinute, partitionEveryMs, freezeEveryMs, tabs, rounds }).toEqual({
      churnPerMinute: 0,
      partitionEveryMs: 0,
      freezeEveryMs: 0,
      tabs: 2,
      rounds: 4,
    });
    expect(shrunk.options.faultsFromMs).toBeGreaterThan(39_000);
    expect(shrunk.options.faultsUntilMs).toBeLessThan(41_000);
    expect(storyOf(shrunk.report).at(-1)).toContain('BROKEN I4: something was lost');
  });

  it('tells a run that did not finish in at most thirty lines', () => {
    const report = simulate(
      profileOptions('chaos', { seed: 3, hours: 0.02, rounds: 1_000, model: 'softmax' }),
    );
    expect(failureOf(report)).toBe('unfinished');
    const story = storyOf(report);
    expect(story.length).toBeGreaterThan(3);
    expect(story.length).toBeLessThanOrEqual(30);
    expect(story.at(-1)).toContain('did not finish');
  });
});

describe('the picture of a run', () => {
  it('is one well-formed SVG with a curve for loss, spread and tabs', () => {
    const svg = picture(passing, 'a <title> & more');
    expect(svg).toMatch(/^<svg [^]*<\/svg>\n$/);
    expect(svg).toContain('a &lt;title> &amp; more');
    for (const kind of ['loss', 'spread', 'tabs'])
      expect(svg).toMatch(new RegExp(`class="${kind}" points="[0-9]`));
    expect(svg).not.toContain('NaN');
  });
});
