import { describe, expect, it } from 'vitest';
import { RUN_ID } from '../testing/run.ts';
import { Journal, type JournalPorts, type JournalRow } from './journal.ts';

const nameOf = (row: JournalRow) => ('record' in row ? row.record.atMs : 'sum');
const record = (atMs: number) => ({ runId: RUN_ID, record: { kind: 'restarted', atMs } as const });
const onFatal = (error: Error) => {
  throw error;
};
const gather = () => Promise.resolve();

describe('journal', () => {
  it('[I-4] announces an entry only when its records are on disk, and in order', async () => {
    const log: string[] = [];
    let sync = () => {};
    const append: JournalPorts['append'] = (records) => {
      log.push(`write ${records.map(nameOf).join()}`);
      return new Promise((resolve) => (sync = resolve));
    };
    const journal = new Journal({ append, gather, onFatal });
    journal.write({ records: [record(1)], announce: () => log.push('tell 1') });
    journal.write({ records: [], announce: () => log.push('tell nothing new') });
    const snapshot = { runId: RUN_ID, snapshot: '{}' };
    journal.write({ records: [record(2), snapshot, record(3)], announce: () => log.push('tell 2 3') });
    expect(log).toEqual(['write 1']);
    sync();
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    expect(log).toEqual(['write 1', 'tell 1', 'write 2,sum,3']);
    sync();
    await journal.settled();
    expect(log).toEqual(['write 1', 'tell 1', 'write 2,sum,3', 'tell nothing new', 'tell 2 3']);
  });

  it('what comes while more are gathered shares their transaction; who comes to an idle disk does not wait', async () => {
    const log: string[] = [];
    let gathered = () => {};
    const journal = new Journal({
      append: async (records) => void log.push(`write ${records.map(nameOf).join()}`),
      gather: () => new Promise((resolve) => (gathered = resolve)),
      onFatal,
    });
    const write = (atMs: number) => journal.write({ records: [record(atMs)], announce: () => {} });
    write(1);
    write(2);
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    write(3);
    expect(log).toEqual(['write 1']);
    gathered();
    await journal.settled();
    expect(log).toEqual(['write 1', 'write 2,3']);
    write(4);
    expect(log.at(-1)).toBe('write 4');
    await journal.settled();
  });

  it('[R37] when the disk refuses, nothing is announced any more and the owner is told to end', async () => {
    const told: string[] = [];
    const journal = new Journal({
      append: () => Promise.reject(new Error('disk full')),
      gather,
      onFatal: (error) => told.push(`fatal: ${error.message}`),
    });
    journal.write({ records: [record(1)], announce: () => told.push('acknowledged') });
    await expect(journal.settled()).rejects.toThrow('disk full');
    journal.write({ records: [], announce: () => told.push('acknowledged') });
    await expect(journal.settled()).rejects.toThrow('disk full');
    expect(told).toEqual(['fatal: disk full']);
  });
});
