import { expect, it } from 'vitest';
import { withTrouble } from './trouble.ts';
import type { GpuCheck } from './worker-protocol.ts';

const CHECK: GpuCheck = { verdict: { outcome: 'no-webgpu' }, diagnostics: ['secure context: true'] };

it('the diagnostics keep the facts of the check and the last eight troubles of the trainer', () => {
  let check: GpuCheck | null = CHECK;
  for (let round = 0; round < 20; round++) check = withTrouble(check, `train: error: round ${round}`);
  expect(check!.verdict).toEqual(CHECK.verdict);
  expect(check!.diagnostics).toHaveLength(9);
  expect(check!.diagnostics[0]).toBe('secure context: true');
  expect(check!.diagnostics.at(-1)).toBe('trainer: train: error: round 19');
});
