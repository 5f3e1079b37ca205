import { describe, expect, it } from 'vitest';
import { studyArchitecture } from './study-architectures.ts';

describe('architectures side by side', () => {
  const small = { seed: 2, tabs: 6, rounds: 12, model: 'softmax', peersMin: 6 } as const;
  const peers = studyArchitecture('decentralised', small);
  const hybrid = studyArchitecture('hybrid', small);
  const central = studyArchitecture('central', small);

  it('only who carries frames has bytes to carry, and a server spares the tabs theirs', () => {
    expect([peers.passed, hybrid.passed, central.passed]).toEqual([true, true, true]);
    expect([peers.coordinatorInBytes, peers.coordinatorOutBytes]).toEqual([0, 0]);
    expect(hybrid.coordinatorInBytes).toBeGreaterThan(0);
    expect(central.coordinatorInBytes).toBeGreaterThan(0);
    expect(central.upBytes).toBeLessThan(peers.upBytes / 2);
    expect(central.downBytes).toBeLessThan(peers.downBytes / 2);
  });

  it('all train about as many samples in the same rounds', () => {
    expect(Math.abs(central.samples / peers.samples - 1)).toBeLessThan(0.35);
    expect(Math.abs(hybrid.samples / peers.samples - 1)).toBeLessThan(0.35);
  });
});
