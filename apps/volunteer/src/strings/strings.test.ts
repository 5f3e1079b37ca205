/** The catalogues: complete, and free of words that nobody explains. */
import { describe, expect, it } from 'vitest';
import { de } from './de.ts';
import { en } from './en.ts';
import { languageOf } from './index.ts';

/** Every text of a catalogue with its place; functions are called with their parameters' places. */
function textsOf(value: unknown, place = ''): [place: string, text: string][] {
  if (typeof value === 'string') return [[place, value]];
  if (typeof value === 'function') {
    const given = place.endsWith('steps') ? ['linux'] : ['1/2', '2', '3', '4'];
    return textsOf((value as (...args: unknown[]) => unknown)(...given), `${place}()`);
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => textsOf(each, `${place}.${name}`));
}

describe('the catalogues', () => {
  it('have the same places, and no empty text', () => {
    const places = (catalogue: unknown) => textsOf(catalogue).map(([place]) => place);
    expect(places(de)).toEqual(places(en));
    for (const catalogue of [en, de])
      for (const [place, text] of textsOf(catalogue)) expect(text.trim(), place).not.toBe('');
  });

  it('are translated: hardly a sentence is the same in both', () => {
    const german = new Map(textsOf(de));
    const same = textsOf(en).filter(([place, text]) => text.length > 25 && german.get(place) === text);
    expect(same).toEqual([]);
  });

  it('say nothing of gradients, shards and peers to volunteers', () => {
    for (const catalogue of [en, de])
      for (const [place, text] of textsOf(catalogue))
        expect(text, place).not.toMatch(/\b(gradient|shard|peer)s?\b/i);
  });

  it('every pause of the mind has its own sentence in every language', () => {
    for (const { states } of [en, de])
      for (const reason of ['user', 'timer', 'battery', 'idle-rule', 'schedule', 'data-cap', 'hidden'])
        expect(states.paused.sentence(reason)).not.toContain(`(${reason})`);
  });

  it('the reader’s first language that there is', () => {
    expect(languageOf(['fr-CA', 'de-CH', 'en'])).toBe('de');
    expect(languageOf(['fr'])).toBe('en');
    expect(languageOf([])).toBe('en');
  });
});
