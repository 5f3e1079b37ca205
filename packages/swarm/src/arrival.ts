/**
 * How a member, or a run's averaging server, comes by a replica: it founds a term from a checkpoint, or joins one by
 * fetching the state from those who hold it. Pure; wishes go to the outbox.
 */
import type { CoordinatorMessageOf, RunManifest, Sha256, VolunteerId } from '@murmuration/protocol';
import type { EarlyFrames } from './early-frames.ts';
import type { ReplicaFetch } from './fetch-wishes.ts';
import type { Outbox } from './outbox.ts';
import type { TrainerEvent } from './ports.ts';

/** On the way to a replica. `none`: nobody has said yet which way to go. */
export type Arrival =
  | { readonly kind: 'none' }
  | { readonly kind: 'founding'; readonly term: number; readonly round: number; readonly sha256: Sha256 }
  | { readonly kind: 'joining'; readonly fetch: ReplicaFetch };

/** The coordinator lets us start a term: the checkpoint is asked for. */
export function beginFounding(
  { term, round, checkpointSha256: sha256 }: CoordinatorMessageOf<'found'>,
  { parameterCount }: RunManifest,
  outbox: Outbox,
): Arrival {
  outbox.push({ kind: 'fetch-blob', sha256, maxBytes: 4 * parameterCount });
  return { kind: 'founding', term, round, sha256 };
}

/** Whether this blob is the checkpoint that we wait for. */
export const awaits = (role: { readonly kind: string; readonly sha256?: Sha256 }, sha256: Sha256): boolean =>
  role.kind === 'founding' && role.sha256 === sha256;

/** Where a load has brought us. */
export interface Landing {
  readonly term: number;
  /** Donors that provably gave something else than they said. */
  readonly liars: readonly VolunteerId[];
  /** The replica is the group's. Otherwise the fetch goes on. */
  readonly isProven: boolean;
  /** What was said of its round and of later ones meanwhile. */
  readonly early: ReturnType<EarlyFrames['since']>;
}

export function landing(
  arrival: Exclude<Arrival, { kind: 'none' }>,
  event: Extract<TrainerEvent, { kind: 'state-loaded' }>,
): Landing {
  if (arrival.kind === 'founding') return { term: arrival.term, liars: [], isProven: true, early: [] };
  const { fetch } = arrival;
  const term = fetch.loading?.term ?? 0;
  return { term, ...fetch.loaded(event), early: fetch.early.since(term, event.round) };
}
