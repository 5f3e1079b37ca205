/**
 * Chunks of a state of these rounds: can they be put together, and if not, what is cheapest? Updates that are missing
 * are waited for, then pulled while members still keep them, unless fetching the chunks that need them once more takes
 * fewer bytes. Asked also while chunks are on their way, because members keep updates for a few rounds only. Pure.
 */
import type { Fingerprint, VolunteerId } from '@murmuration/protocol';
import type { EarlyFrames } from './early-frames.ts';
import type { Donor } from './peers.ts';
import type { WeightedUpdate } from './ports.ts';

export interface Chunk {
  readonly chunk: number;
  readonly donor: VolunteerId;
  readonly round: number;
  /** Of the whole replica, as its donor said. */
  readonly anchor: Fingerprint;
  readonly bytes: Uint8Array;
}

export type Plan =
  | {
      readonly kind: 'load';
      readonly round: number;
      readonly commits: readonly { readonly round: number; readonly updates: readonly WeightedUpdate[] }[];
    }
  /** What is missing in `gap` is probably on its way. */
  | { readonly kind: 'wait'; readonly gap: number; readonly waitMs: number }
  | {
      readonly kind: 'pull';
      readonly gap: number;
      readonly waitMs: number;
      readonly wanted: readonly {
        readonly round: number;
        readonly author: VolunteerId;
        readonly holders: readonly VolunteerId[];
      }[];
    }
  /** Chunks of this round and of earlier ones are of no use any more. */
  | { readonly kind: 'refetch'; readonly throughRound: number };

/** A commit overtakes the updates that it lists: on a home line by this much. A guess. */
const IN_FLIGHT_MS = 500;
const PULL_MAX_MS = 1_500;
const PULLED_BYTES_PER_MS_MIN = 600;
/** So few bytes are asked for at once. */
const PULL_AT_ONCE_BYTES = 64 * 1024;
/** Members keep updates of so many rounds (group-round.ts). */
const PULLED_ROUNDS_MAX = 4;

export function bestPlan(facts: {
  readonly term: number;
  /** Where most of the group is. */
  readonly front: number;
  /** The round that was under way when we came: what its members said before is not on its way. */
  readonly cameInRound: number;
  /** Those that are here, and those that are on their way. */
  readonly chunks: readonly { readonly round: number; readonly byteCount: number }[];
  readonly early: EarlyFrames;
  readonly anchorOf: (round: number) => Fingerprint | null;
  readonly updateBytes: number;
  /** For how long we know that this round lacks something; null: only now. */
  readonly waitedMs: (round: number) => number | null;
  readonly isPulled: (round: number, author: VolunteerId) => boolean;
}): Plan {
  const { term, front, chunks, early } = facts;
  const rounds = chunks.map(({ round }) => round);
  const [oldest, round] = [Math.min(...rounds), Math.max(...rounds)];
  const commits: { round: number; updates: WeightedUpdate[] }[] = [];
  let wanted: { round: number; author: VolunteerId; holders: VolunteerId[] }[] = [];
  let gap = -1;
  let hole = -1;
  for (let at = oldest; at < Math.max(round, front); at++) {
    const commit = early.commit(term, at, facts.anchorOf(at));
    if (commit === undefined) {
      // What the group closed a moment ago, a member hears of like anybody.
      if (at >= round && at === front - 1) break;
      gap = hole = at;
      wanted = [];
      continue;
    }
    const updates = commit.included.map((entry) => early.update(term, at, entry));
    const holders = [commit.leader, ...commit.included.map(({ author }) => author)];
    for (const [i, update] of updates.entries())
      if (update === undefined) wanted.push({ round: at, author: commit.included[i]!.author, holders });
    if (updates.includes(undefined)) gap = at;
    else
      commits.push({
        round: at,
        updates: updates.map((update) => {
          const { author, sampleCount, encoded, slice } = update!;
          return { author, sampleCount, encoded, slice };
        }),
      });
  }
  if (gap === -1) {
    // As far as we can go, so that few rounds are left to follow as a member; but only to an anchor that is known.
    while (commits.length > 0 && commits.at(-1)!.round >= round) {
      if (facts.anchorOf(commits.at(-1)!.round + 1) !== null) break;
      commits.pop();
    }
    return {
      kind: 'load',
      round: Math.max(round, (commits.at(-1)?.round ?? -1) + 1),
      commits,
    };
  }
  const waitedMs = facts.waitedMs(gap) ?? 0;
  const pullBytes = wanted.length * facts.updateBytes;
  const refetchBytes = chunks
    .filter((chunk) => chunk.round <= gap)
    .reduce((sum, { byteCount }) => sum + byteCount, 0);
  const isLate = gap <= facts.cameInRound || waitedMs >= IN_FLIGHT_MS;
  const giveUpMs = IN_FLIGHT_MS + PULL_MAX_MS + pullBytes / PULLED_BYTES_PER_MS_MIN;
  const isKept = wanted.every(
    ({ round: of, author }) => of >= front - PULLED_ROUNDS_MAX || facts.isPulled(of, author),
  );
  if (hole === -1 && isKept && waitedMs < giveUpMs && pullBytes <= refetchBytes)
    if (isLate || pullBytes <= PULL_AT_ONCE_BYTES)
      return { kind: 'pull', gap, waitMs: giveUpMs - waitedMs, wanted };
  if (!isLate) return { kind: 'wait', gap, waitMs: IN_FLIGHT_MS - waitedMs };
  return { kind: 'refetch', throughRound: gap };
}

/** The round where most donors of a term are: no single word decides it. */
export function frontOf(donors: readonly Donor[], ofTerm: number): number {
  const rounds = donors.filter(({ term }) => term === ofTerm).map(({ round }) => round);
  rounds.sort((a, b) => b - a);
  return rounds[rounds.length >> 1] ?? 0;
}

/** The term to fetch: that of most donors, the later among equals; of the one that we were sent to, if it is there. */
export function termOf(donors: readonly Donor[], first: VolunteerId | null): number {
  const sent = donors.find(({ id }) => id === first);
  if (sent !== undefined) return sent.term;
  const counts = new Map<number, number>();
  for (const { term } of donors) counts.set(term, (counts.get(term) ?? 0) + 1);
  return [...counts].sort(([a, n], [b, m]) => m - n || b - a)[0]?.[0] ?? 0;
}
