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
  await store.append([
    { runId: RUN_ID, record },
    { runId: RUN_ID, record },
  ]);
  process.stdout.write(`record ${n}\n`);
  if (n % 8 !== 0) continue;
  const sha256 = await blobs.put(new TextEncoder().encode(`blob ${n} `.repeat(10_000)));
  process.stdout.write(`blob ${sha256}\n`);
}
