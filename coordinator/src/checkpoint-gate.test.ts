import type { CheckpointView } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { lossNoise, verdictOn } from './checkpoint-gate.ts';

const measured = (loss: number | null, accuracy: number | null): CheckpointView => ({
  round: 1,
  term: 1,
  sha256: '0'.repeat(64),
  loss,
  accuracy,
});

describe('the checkpoint gate', () => {
  it('[K1] a loss that is not finite is never promoted, not even as the first', () => {
    expect(verdictOn(measured(null, 0.99), null, 100)).toBe('not-finite');
    expect(verdictOn(measured(Number.NaN, 0.99), measured(0.5, 0.8), 100)).toBe('not-finite');
  });

  it('[K2] a loss beyond noise is not promoted, however good the accuracy', () => {
    const best = measured(0.5, 0.8);
    const noise = lossNoise(0.5, 400);
    expect(noise).toBeCloseTo(0.05);
    expect(verdictOn(measured(0.5 + noise * 1.01, 0.95), best, 400)).toBe('worse-loss');
    expect(verdictOn(measured(0.5 + noise * 0.99, 0.95), best, 400)).toBe('promoted');
  });

  it('within noise the accuracy decides, and the loss where accuracies are equal or absent', () => {
    expect(verdictOn(measured(0.4, 0.79), measured(0.5, 0.8), 400)).toBe('not-better');
    expect(verdictOn(measured(0.4, 0.8), measured(0.5, 0.8), 400)).toBe('promoted');
    expect(verdictOn(measured(0.5, 0.8), measured(0.5, 0.8), 400)).toBe('not-better');
    expect(verdictOn(measured(0.4, null), measured(0.5, null), 400)).toBe('promoted');
    expect(verdictOn(measured(0.9, 0.1), null, 400)).toBe('promoted');
  });
});
