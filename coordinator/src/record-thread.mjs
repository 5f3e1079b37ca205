/**
 * The thread that appends records: a commit waits for the disk, and everything else of the coordinator must not. It has a
 * connection of its own to the file that store.ts opened and brought to today's schema. A message is a batch, all or none
 * of which is on disk when it is answered, in order; `null` closes.
 *
 * Plain JavaScript, because a thread would need a TypeScript loader of its own first.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'libsql';

const connection = new Database(workerData.path);
for (const pragma of workerData.pragmas) connection.exec(pragma);
const replaced = connection.prepare('delete from records where run_id = ? and replaces = ?');
const added = connection.prepare('insert into records (run_id, replaces, body) values (?, ?, ?)');
const summed = connection.prepare(`insert or replace into snapshots (run_id, sequence, version, body)
  values (?, (select coalesce(max(sequence), 0) from records where run_id = ?), ?, ?)`);

/** @param {readonly (import('./record-writer.ts').RecordRow | import('./record-writer.ts').SnapshotRow)[]} rows */
function append(rows) {
  connection.exec('begin immediate');
  try {
    for (const row of rows) {
      if (!Array.isArray(row)) {
        summed.run(row.runId, row.runId, row.version, row.body);
        continue;
      }
      const [runId, replaces, body] = row;
      if (replaces !== null) replaced.run(runId, replaces);
      added.run(runId, replaces, body);
    }
    connection.exec('commit');
  } catch (error) {
    if (connection.inTransaction) connection.exec('rollback');
    throw error;
  }
}

parentPort.on('message', (rows) => {
  if (rows === null) {
    connection.close();
    parentPort.close();
    return;
  }
  try {
    append(rows);
    parentPort.postMessage(null);
  } catch (error) {
    parentPort.postMessage(String(error instanceof Error ? error.message : error));
  }
});
