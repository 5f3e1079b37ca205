import { describe, expect, it } from 'vitest';
import { RUN_ID } from '../testing/run.ts';
import { Journal } from './journal.ts';

const record = (atMs: number) => ({ runId: RUN_ID, record: { kind: 'restarted', atMs } as const });
const noFailure = (error: Error) => {
  throw error;
};

describe('journal', () => {
  it('[I-4] announces an entry only when its records are on disk, and in order', async () => {
    const log: string[] = [];
    let sync = () => {};
    const journal = new Journal((records) => {
      log.push(`write ${records.map(({ record: { atMs } }) => atMs).join()}`);
      return new Promise((resolve) => (sync = resolve));
    }, noFailure);
    journal.write({ records: [record(1)], announce: () => log.push('tell 1') });
    journal.write({ records: [], announce: () => log.push('tell nothing new') });
    journal.write({ records: [record(2), record(3)], announce: () => log.push('tell 2 3') });
    expect(log).toEqual(['write 1']);
    sync();
    await Promise.resolve();
    await Promise.resolve();
    expect(log).toEqual(['write 1', 'tell 1', 'write 2,3']);
    sync();
    await journal.settled();
    expect(log).toEqual(['write 1', 'tell 1', 'write 2,3', 'tell nothing new', 'tell 2 3']);
  });

  it('[R37] when the disk refuses, nothing is announced any more and the owner is told to end', async () => {
    const told: string[] = [];
    const journal = new Journal(
      () => Promise.reject(new Error('disk full')),
      (error) => told.push(`fatal: ${error.message}`),
    );
    journal.write({ records: [record(1)], announce: () => told.push('acknowledged') });
    await expect(journal.settled()).rejects.toThrow('disk full');
    journal.write({ records: [], announce: () => told.push('acknowledged') });
    await expect(journal.settled()).rejects.toThrow('disk full');
    expect(told).toEqual(['fatal: disk full']);
  });
});
