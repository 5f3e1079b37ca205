import { expect, it } from 'vitest';
import { keptUpdatesMaxBytes } from '@murmuration/protocol';
import { keptRounds } from './held-updates.ts';

it('no more of closed rounds is kept than a tab states', () => {
  for (const roundBytes of [1, 1_000, 2 ** 20, 5_000_000, 2 ** 26])
    expect(keptRounds(roundBytes) * roundBytes).toBeLessThanOrEqual(keptUpdatesMaxBytes(roundBytes));
});
