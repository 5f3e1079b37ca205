import { encodeUpdate, Replica } from '@murmuration/codec';
import type { RunManifest } from '@murmuration/protocol';
import { expect, it } from 'vitest';
import { Violations } from './checkers.ts';
import { TrainerChecks } from './trainer-checks.ts';
import { World } from './world.ts';

const COUNT = 256;
const MANIFEST = {
  parameterCount: COUNT,
  training: { codec: 'int8', outerLearningRate: 1 },
} as RunManifest;

it('[R10] [R12] two equal updates of five are one for the median, as the codec has it (was: a million departures broke R10 once)', () => {
  const violations = new Violations();
  const checks = new TrainerChecks('me', MANIFEST, violations, new World(1));
  const replica = new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 1 });
  replica.load(new Float32Array(COUNT));
  // Short ones twice: with both of them the median of the norms is 2 instead of 3.
  const updates = [1, 1, 2, 4, 4.1].map((size, i) => ({
    author: `vol${i}`,
    sampleCount: 8,
    slice: new Uint8Array(),
    encoded: encodeUpdate(
      'int8',
      Float32Array.from({ length: COUNT }, (_, j) => (size * (1 + 0.01 * ((j * 7) % 5))) / 16),
    ),
  }));
  const command = { kind: 'commit', round: 0, updates, own: 'uncounted' } as never;
  checks.before(replica, command);
  replica.commit(updates, 'uncounted');
  checks.after(replica, new Float32Array(COUNT), command, { kind: 'committed' } as never);
  expect(violations.list).toEqual([]);
});
