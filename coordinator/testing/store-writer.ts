/**
 * A process to be killed: writes records and blobs as fast as it can and prints each one after it was acknowledged.
 * Arguments: data directory, first number to write.
 */
import { BlobShelf } from '../src/blobs.ts';
import { Store } from '../src/store.ts';
import { hash, RUN_ID } from './run.ts';

const [directory, first] = process.argv.slice(2) as [string, string];
const store = await Store.open(directory);
const blobs = new BlobShelf(directory);
for (let n = Number(first); ; n++) {
  // Two records a transaction: a torn one would show as an odd count.
  const record = { kind: 'checkpoint-lost', atMs: n, sha256: hash(n) } as const;
  const row = { runId: RUN_ID, record };
  // A snapshot says how many records it stands for; one that stands between two must not take the second with it.
  const sum = (recordCount: number) => ({ runId: RUN_ID, snapshot: String(recordCount) });
  if (n % 4 === 0) await store.append([row, sum(2 * n + 1), row]);
  else if (n % 4 === 2) await store.append([row, row, sum(2 * n + 2)]);
  else await store.append([row, row]);
  process.stdout.write(`record ${n}\n`);
  if (n % 8 !== 0) continue;
  const sha256 = await blobs.put(new TextEncoder().encode(`blob ${n} `.repeat(10_000)));
  process.stdout.write(`blob ${sha256}\n`);
}
