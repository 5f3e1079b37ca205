import { describe, expect, it } from 'vitest';
import { admit, Introductions } from './introductions.ts';

describe('introductions', () => {
  it('everybody is told of everybody else once, and again only when it changes', () => {
    const book = new Introductions();
    expect(book.update(['a', 'b'])).toEqual([
      { to: 'a', peers: ['b'] },
      { to: 'b', peers: ['a'] },
    ]);
    expect(book.update(['a', 'b'])).toEqual([]);
    expect(book.update(['a', 'b', 'c']).map(({ to }) => to)).toEqual(['a', 'b', 'c']);
    expect(book.update(['b', 'a', 'c'])).toEqual([]);
  });

  it('a member with a new socket is told again, the others are not', () => {
    const book = new Introductions();
    book.update(['a', 'b']);
    book.forget('a');
    expect(book.update(['a', 'b'])).toEqual([{ to: 'a', peers: ['b'] }]);
  });

  it('who left is introduced to nobody', () => {
    const book = new Introductions();
    book.update(['a', 'b', 'c']);
    expect(book.areIntroduced('a', 'c')).toBe(true);
    book.update(['a', 'b']);
    expect(book.areIntroduced('a', 'c')).toBe(false);
    expect(book.areIntroduced('a', 'b')).toBe(true);
  });

  it('nobody who has a place loses it to a newcomer', () => {
    expect(admit(['a', 'b', 'c'], 2)).toEqual({ members: ['a', 'b'], waiting: ['c'] });
    expect(admit(['a', 'c'], 2)).toEqual({ members: ['a', 'c'], waiting: [] });
  });
});
