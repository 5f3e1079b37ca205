import { describe, expect, it } from 'vitest';
import { LeaseBook } from './lease-book.ts';

const shard = (index: number, sampleCount = 100) => ({
  index,
  sha256: index.toString(16).padStart(64, '0'),
  sampleCount,
  byteLength: sampleCount,
});
const lease = (index: number, generation = 1, ttlMs = 60_000) =>
  ({ type: 'lease', runId: 'r', shard: shard(index), generation, ttlMs, askEveryMs: 250 }) as const;
const ready = (book: LeaseBook, index: number, nowMs = 0) => {
  const sha256 = book.grant(lease(index), nowMs);
  if (sha256 !== null) book.fetched(sha256);
};

describe('leases', () => {
  it('batches go through the leased shard once, in order, then through the next', () => {
    const book = new LeaseBook(32);
    ready(book, 0);
    ready(book, 1);
    const plan = book.plan(6);
    expect(plan.map((batch) => [batch.shardIndex, batch.batchIndex])).toEqual([
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 3],
      [1, 0],
      [1, 1],
    ]);
  });

  it('[R9] batches that were planned but not trained come again', () => {
    const book = new LeaseBook(32);
    ready(book, 0);
    book.plan(4);
    book.trained(2);
    expect(book.plan(2).map((batch) => batch.batchIndex)).toEqual([2, 3]);
  });

  it('[L2] a lease is a result only when the round of its last batch is committed, and until it is acknowledged', () => {
    const book = new LeaseBook(32);
    ready(book, 0);
    book.plan(4);
    book.trained(4);
    expect(book.dueResults(0)).toEqual([]);
    book.sent();
    book.settle();
    expect(book.dueResults(0)).toEqual([{ shardIndex: 0, generation: 1, sampleCount: 100 }]);
    expect(book.dueResults(1)).toEqual([]);
    book.reconnected();
    expect(book.dueResults(2)).toHaveLength(1);
    book.acknowledge(0, 1);
    book.reconnected();
    expect(book.dueResults(3)).toEqual([]);
  });

  it("[L3] without a lease the shards at hand go round again, as passes of their own and as nobody's result", () => {
    const book = new LeaseBook(32);
    ready(book, 0);
    book.plan(4);
    book.trained(4);
    book.sent();
    book.settle();
    book.dueResults(0);
    book.acknowledge(0, 1);
    const plan = book.plan(5);
    expect(plan).toHaveLength(5);
    expect(plan.every((batch) => batch.pass > 0)).toBe(true);
    book.trained(5);
    book.sent();
    book.settle();
    book.reconnected();
    expect(book.dueResults(0)).toEqual([]);
  });

  it('nothing can be planned before a shard has arrived', () => {
    const book = new LeaseBook(32);
    book.grant(lease(0), 0);
    expect(book.canTrain).toBe(false);
    expect(book.plan(3)).toEqual([]);
  });

  it('[L1] an expired lease is forgotten, its shard is kept', () => {
    const book = new LeaseBook(32);
    ready(book, 0);
    expect(book.wantsLease(59_999)).toBe(true);
    expect(book.heldCount).toBe(1);
    expect(book.wantsLease(66_000)).toBe(true);
    expect(book.heldCount).toBe(0);
    expect(book.canTrain).toBe(true);
  });

  it('asks again only after an answer or a while, and never holds more than two', () => {
    const book = new LeaseBook(32);
    expect(book.wantsLease(0)).toBe(true);
    expect(book.wantsLease(1)).toBe(false);
    expect(book.wantsLease(5_000)).toBe(true);
    ready(book, 0, 5_000);
    expect(book.wantsLease(5_300)).toBe(true);
    ready(book, 1, 5_300);
    expect(book.wantsLease(6_000)).toBe(false);
  });

  it('a shard that could not be fetched gives its lease up', () => {
    const book = new LeaseBook(32);
    book.failed(book.grant(lease(0), 0)!);
    expect(book.heldCount).toBe(0);
    expect(book.canTrain).toBe(false);
  });
});
