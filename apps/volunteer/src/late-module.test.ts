import { describe, expect, it } from 'vitest';
import { nextTry } from './late-module.ts';

describe('a module that could not be fetched', () => {
  const address = 'https://grid.example/assets/page-DP4rIQ-D.js';

  it('is asked for under another address each time, whatever the browser calls it', () => {
    const chromium = new TypeError(`Failed to fetch dynamically imported module: ${address}`);
    const firefox = new TypeError(`error loading dynamically imported module: ${address}`);
    for (const error of [chromium, firefox]) expect(nextTry(1, error).address).toBe(`${address}?try=2`);
    const again = new TypeError(`Failed to fetch dynamically imported module: ${address}?try=2`);
    expect(nextTry(2, again).address).toBe(`${address}?try=3`);
    expect(nextTry(1, new TypeError('Importing a module script failed.')).address).toBeNull();
  });

  it('is waited for longer and longer, a quarter of a minute at most', () => {
    expect([1, 2, 3, 5, 99].map((tryCount) => nextTry(tryCount, '').afterMs)).toEqual([
      1_000, 2_000, 4_000, 15_000, 15_000,
    ]);
  });
});
