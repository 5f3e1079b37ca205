import { describe, expect, it } from 'vitest';
import { Liveness } from './liveness.ts';

describe('who is at the other end', () => {
  it('nobody who speaks in every interval is pinged', () => {
    const liveness = new Liveness();
    const looks = Array.from({ length: 5 }, () => {
      liveness.heard();
      liveness.heard();
      return liveness.look();
    });
    expect(looks).toEqual(Array(5).fill('nothing'));
  });

  it('who is silent is pinged, twice, and then gone', () => {
    const liveness = new Liveness();
    liveness.heard();
    expect([1, 2, 3, 4].map(() => liveness.look())).toEqual(['nothing', 'ping', 'ping', 'end']);
  });

  it('an answer begins it anew', () => {
    const liveness = new Liveness();
    expect([liveness.look(), liveness.look()]).toEqual(['ping', 'ping']);
    liveness.heard();
    expect([1, 2, 3, 4].map(() => liveness.look())).toEqual(['nothing', 'ping', 'ping', 'end']);
  });
});
