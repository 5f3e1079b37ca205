import { LIMITS } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { CoordinatorLink } from './coordinator-link.ts';
import { LeaseBook } from './lease-book.ts';

describe('the link to the coordinator', () => {
  it('[C3] reports are as far apart as the coordinator says, with news or without', () => {
    const link = new CoordinatorLink();
    link.welcomed({ volunteerId: 'v', secret: 's' });
    expect(link.reportDue(true, 0)).toBe(true);
    expect(link.reportDue(true, 999)).toBe(false);
    expect(link.reportDue(true, 1_000)).toBe(true);
    link.pace(20_000);
    expect(link.reportDue(true, 20_999)).toBe(false);
    expect(link.reportDue(false, 20_999)).toBe(false);
    expect(link.nextReportMs(true)).toBe(21_000);
    expect(link.reportDue(false, 21_000)).toBe(true);
    link.pace(1_000);
    expect(link.nextReportMs(true)).toBe(22_000);
    expect(link.nextReportMs(false)).toBe(21_000 + LIMITS.heartbeatMs);
  });

  it('[C3] the next lease is asked for no sooner than the coordinator says', () => {
    const book = new LeaseBook(10);
    const shard = { index: 0, sha256: '0'.repeat(64), sampleCount: 10, byteLength: 10 };
    expect(book.wantsLease(0)).toBe(true);
    book.grant({ type: 'lease', runId: 'r', shard, generation: 1, ttlMs: 60_000, askEveryMs: 20_000 }, 100);
    expect(book.nextRequestMs).toBe(20_000);
    expect(book.wantsLease(19_999)).toBe(false);
    expect(book.wantsLease(20_000)).toBe(true);
  });
});
