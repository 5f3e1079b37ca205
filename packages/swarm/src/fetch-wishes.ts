/** What a fetch of the state wishes for, said to peers and to the trainer. Pure. */
import type { Outbox } from './outbox.ts';
import type { Donor } from './peers.ts';
import type { OfTier } from './ports.ts';
import type { SoloFetch } from './solo-fetch.ts';
import type { StateFetch } from './state-fetch.ts';

export type ReplicaFetch = StateFetch | SoloFetch;

/** Carries out what the fetch wants now. True: nobody gives it anything. */
export function fetchState(
  fetch: ReplicaFetch,
  outbox: Outbox,
  donors: readonly Donor[],
  nowMs: number,
  tier: OfTier = {},
): boolean {
  const { runTag } = fetch;
  let isStranded = false;
  for (const wish of fetch.next(donors, nowMs))
    switch (wish.kind) {
      case 'ask': {
        const { donor, term, round, chunk } = wish;
        outbox.send(donor, { kind: 'state-request', runTag, term, round, chunk });
        break;
      }
      case 'pull': {
        const { from, term, round, author } = wish;
        outbox.send(from, { kind: 'pull', runTag, term, round, author });
        break;
      }
      case 'load': {
        const { term, round, chunks, commits } = wish;
        const ticket = outbox.train({ kind: 'load-state', round, chunks, commits, ...tier });
        fetch.loadingAs({ term, round, ticket });
        break;
      }
      case 'stranded':
        isStranded = true;
        break;
      default:
        wish satisfies never;
    }
  return isStranded;
}
