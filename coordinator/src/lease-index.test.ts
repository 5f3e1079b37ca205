import { LIMITS } from '@murmuration/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runSetup } from '../testing/run.ts';
import { LeaseIndex } from './lease-index.ts';
import type { LedgerRecord } from './ledger-records.ts';
import { applyRecord, initialState } from './ledger-state.ts';

const VOLUNTEERS = ['a', 'b', 'c'];

describe('the index of shards', () => {
  it('[C2] it names the shard and the holders that a look at all shards would, after any record', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.nat(2), fc.nat(99)), { maxLength: 80 }), (steps) => {
        const state = initialState(runSetup());
        const index = new LeaseIndex(state);
        const write = (record: LedgerRecord) => {
          applyRecord(state, record);
          index.follow(record);
        };
        for (const [what, who, which] of steps) {
          const volunteerId = VOLUNTEERS[who]!;
          const shardIndex = which % state.shards.length;
          const shard = state.shards[shardIndex]!;
          if (what < 2 && index.next !== null) {
            const generation = state.shards[index.next]!.generation + 1;
            write({
              atMs: 0,
              kind: 'leased',
              volunteerId,
              shardIndex: index.next,
              generation,
              deadlineMs: 1,
            });
          } else if (what === 2 && shard.live)
            write({ atMs: 0, kind: 'released', shardIndex, why: 'deadline' });
          // Also one that is free again: a late result.
          else if (shard.lessee !== null && shard.countedGeneration !== shard.generation)
            write({ atMs: 0, kind: 'counted', volunteerId: shard.lessee, shardIndex });
          const free = [...state.shards.entries()].filter(([, { live }]) => !live);
          const rank = ([at, { timesCounted }]: (typeof free)[number]) =>
            timesCounted * LIMITS.shardsMax + at;
          const first = free.sort((a, b) => rank(a) - rank(b))[0];
          expect(index.next).toBe(first === undefined ? null : first[0]);
          expect(new LeaseIndex(state).next).toBe(index.next);
          const lessees = state.shards.flatMap(({ live, lessee }) => (live ? [lessee] : []));
          expect([index.freeCount, index.lesseeCount]).toEqual([free.length, new Set(lessees).size]);
          for (const id of VOLUNTEERS)
            expect(index.heldBy(id)).toEqual(
              [...state.shards.entries()].filter(([, s]) => s.live && s.lessee === id).map(([at]) => at),
            );
        }
      }),
    );
  });
});
