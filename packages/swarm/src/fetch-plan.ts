/**
 * Chunks of a state of these rounds: can they be put together, and if not, what is cheapest? Commits and updates that
 * are missing are waited for, then pulled while members still keep them, unless fetching the chunks that need them once
 * more takes fewer bytes. Asked also while chunks are on their way, because members keep a few rounds only. Pure.
 */
import type { Fingerprint, VolunteerId } from '@murmuration/protocol';
import type { EarlyFrames } from './early-frames.ts';
import { keptRounds } from './held-updates.ts';
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

interface Wanted {
  readonly round: number;
  readonly author: VolunteerId;
  readonly holders: readonly VolunteerId[];
}

/** A round that the chunks need and that lacks something. */
interface Gap {
  readonly round: number;
  /** Its updates that never came; null: its commit, so that nobody knows which they are. */
  readonly wanted: readonly Wanted[] | null;
}

export type Plan =
  | {
      readonly kind: 'load';
      readonly round: number;
      readonly commits: readonly { readonly round: number; readonly updates: readonly WeightedUpdate[] }[];
    }
  /** What these rounds lack is probably on its way. */
  | { readonly kind: 'wait'; readonly gaps: readonly number[]; readonly waitMs: number }
  | {
      readonly kind: 'pull';
      readonly gaps: readonly number[];
      readonly waitMs: number;
      readonly wanted: readonly Wanted[];
      /** Rounds whose commits never came. Whoever closed them has it. */
      readonly holes: readonly number[];
    }
  /** Chunks of this round and of earlier ones are of no use any more. */
  | { readonly kind: 'refetch'; readonly throughRound: number };

/** A commit overtakes the updates that it lists: on a home line by this much. A guess. */
const IN_FLIGHT_MS = 500;
const PULL_MAX_MS = 1_500;
const PULLED_BYTES_PER_MS_MIN = 600;
/** So few bytes are asked for at once. */
const PULL_AT_ONCE_BYTES = 64 * 1024;

interface Facts {
  readonly term: number;
  /** Where most of the group is. */
  readonly front: number;
  /** The round that was under way when we came: what its members said before is not on its way. */
  readonly cameInRound: number;
  /** Those that are here, and those that are on their way. */
  readonly chunks: readonly { readonly round: number; readonly byteCount: number }[];
  readonly early: EarlyFrames;
  readonly anchorOf: (round: number) => Fingerprint | null;
  /** Members that hold a replica. */
  readonly memberCount: number;
  /** The most that an update takes. */
  readonly updateBytes: number;
  /** For how long we know that this round lacks something; null: only now. */
  readonly waitedMs: (round: number) => number | null;
  /** `author` null: the round's commit. */
  readonly isPulled: (round: number, author: VolunteerId | null) => boolean;
}

export function bestPlan(facts: Facts): Plan {
  const rounds = facts.chunks.map(({ round }) => round);
  const [oldest, round] = [Math.min(...rounds), Math.max(...rounds)];
  const { commits, gaps } = heardSince(facts, oldest, round);
  if (gaps.length > 0) return planFor(gaps, facts);
  // As far as we can go, so that few rounds are left to follow as a member; but only to an anchor that is known.
  while (commits.length > 0 && commits.at(-1)!.round >= round) {
    if (facts.anchorOf(commits.at(-1)!.round + 1) !== null) break;
    commits.pop();
  }
  return { kind: 'load', round: Math.max(round, (commits.at(-1)?.round ?? -1) + 1), commits };
}

/** What is known of the rounds from `oldest` on, and what is not. `newest`: of the chunks. */
function heardSince(
  { term, front, early, anchorOf }: Facts,
  oldest: number,
  newest: number,
): {
  readonly commits: { readonly round: number; readonly updates: readonly WeightedUpdate[] }[];
  readonly gaps: readonly Gap[];
} {
  const commits: { round: number; updates: WeightedUpdate[] }[] = [];
  const gaps: Gap[] = [];
  for (let round = oldest; round < Math.max(newest, front); round++) {
    const commit = early.commit(term, round, anchorOf(round));
    if (commit === undefined) {
      // What the group closed a moment ago, a member hears of like anybody.
      if (round >= newest && round === front - 1) break;
      gaps.push({ round, wanted: null });
      continue;
    }
    const holders = [commit.leader, ...commit.included.map(({ author }) => author)];
    const updates: WeightedUpdate[] = [];
    const wanted: Wanted[] = [];
    for (const entry of commit.included) {
      const update = early.update(term, round, entry);
      if (update === undefined) {
        // Its author has it for certain, and what different members give does not queue up on one line.
        wanted.push({ round, author: entry.author, holders: [entry.author, ...holders] });
        continue;
      }
      const { author, sampleCount, stepCount, encoded, slice } = update;
      updates.push({ author, sampleCount, stepCount, encoded, slice });
    }
    if (wanted.length > 0) gaps.push({ round, wanted });
    else commits.push({ round, updates });
  }
  return { commits, gaps };
}

/** Wait, pull, or fetch chunks once more: whichever takes fewer bytes, round by round. */
function planFor(gaps: readonly Gap[], facts: Facts): Plan {
  const { front, chunks, early } = facts;
  const updateBytes = early.updateMaxBytes ?? facts.updateBytes;
  const waitedMs = ({ round }: Gap) => facts.waitedMs(round) ?? 0;
  const bytesOf = ({ wanted }: Gap) => (wanted?.length ?? 0) * updateBytes;
  const isLate = (gap: Gap) => gap.round <= facts.cameInRound || waitedMs(gap) >= IN_FLIGHT_MS;
  const giveUpMs = (gap: Gap) => IN_FLIGHT_MS + PULL_MAX_MS + bytesOf(gap) / PULLED_BYTES_PER_MS_MIN;
  const kept = keptRounds(facts.memberCount * updateBytes);
  const isGivenUp = (gap: Gap) => {
    const authors = gap.wanted?.map(({ author }) => author) ?? [null];
    const isPulled = authors.every((author) => facts.isPulled(gap.round, author));
    return waitedMs(gap) >= giveUpMs(gap) || (!isPulled && gap.round < front - kept);
  };
  const late = gaps.filter(isLate);
  let throughRound = -1;
  let leastBytes = late.reduce((sum, gap) => sum + (isGivenUp(gap) ? Infinity : bytesOf(gap)), 0);
  for (const [i, { round }] of late.entries()) {
    const bytes =
      chunks.filter((chunk) => chunk.round <= round).reduce((sum, { byteCount }) => sum + byteCount, 0) +
      late.slice(i + 1).reduce((sum, gap) => sum + (isGivenUp(gap) ? Infinity : bytesOf(gap)), 0);
    if (bytes < leastBytes) [throughRound, leastBytes] = [round, bytes];
  }
  if (throughRound >= 0) return { kind: 'refetch', throughRound };
  const isLittle = gaps.reduce((sum, gap) => sum + bytesOf(gap), 0) <= PULL_AT_ONCE_BYTES;
  const wanted = gaps.flatMap((gap) =>
    (gap.wanted ?? []).filter(
      ({ author, round }) => isLittle || isLate(gap) || early.isBeyond(author, round),
    ),
  );
  const holes = gaps.filter((gap) => gap.wanted === null).map(({ round }) => round);
  const rounds = gaps.map(({ round }) => round);
  const waitMs = Math.min(...gaps.map((gap) => (isLate(gap) ? giveUpMs(gap) : IN_FLIGHT_MS) - waitedMs(gap)));
  if (wanted.length + holes.length === 0) return { kind: 'wait', gaps: rounds, waitMs };
  return { kind: 'pull', gaps: rounds, waitMs, wanted, holes };
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
