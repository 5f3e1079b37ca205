/** What closed a round: which updates count, and who goes on. Pure. */
import { LIMITS, type CommitEntry, type Stretch, type VolunteerId } from '@murmuration/protocol';
import type { HeldUpdate } from './held-updates.ts';
import type { RoundClock } from './round-clock.ts';
import type { RoundDecision } from './round-decision.ts';
import type { TrainerCommand } from './ports.ts';

/** What a `commit` frame says. */
export interface Commit {
  readonly leader: VolunteerId;
  readonly ballot: number;
  readonly anchor: string;
  readonly included: readonly CommitEntry[];
  readonly members: readonly VolunteerId[];
  readonly graceMs: number;
  /** [N5] The cycle of a node ends with it. */
  readonly endsCycle?: true;
  /** [R17] Of the next round. */
  readonly stretch?: Stretch;
}
/** A commit, and from whom it came: that peer holds what it lists. */
export type HeldCommit = Commit & { readonly source: VolunteerId };

/** Two commits of one round conflict only if this differs. */
export const listOf = ({ included }: Pick<Commit, 'included'>): string =>
  included.map(({ author, crc }) => `${author}.${crc}`).join(' ');

/**
 * [R4] Who is a member after a commit: those it names, and whoever's update it lists. A leader that names nobody but its
 * accomplices cannot take the line of leaders from those whose work it counts.
 */
export function membersAfter(commit: {
  readonly members: readonly VolunteerId[];
  readonly included: readonly CommitEntry[];
}): VolunteerId[] {
  const authors = commit.included.map(({ author }) => author);
  return [...new Set([...authors, ...commit.members])].slice(0, LIMITS.groupMaxMembers).sort();
}

/** [R13] What a member of a crew closes its round by, alone. */
export const closeOfCrew = (
  round: number,
  held: ReadonlyMap<VolunteerId, HeldUpdate>,
  self: VolunteerId,
  { measuredGraceMs: graceMs, measuredGrace: grace }: Pick<RoundClock, 'measuredGraceMs' | 'measuredGrace'>,
): RoundDecision => ({
  kind: 'close',
  round,
  updates: [...held.values()].sort((a, b) => (a.author < b.author ? -1 : 1)),
  own: held.has(self) ? 'counted' : 'uncounted',
  members: [],
  graceMs,
  ballot: 0,
  announce: false,
  grace,
});

/** What the trainer does about it. */
export const commitCommand = ({
  round,
  updates,
  own,
  next,
  node,
}: Extract<RoundDecision, { kind: 'close' }>): TrainerCommand => ({
  kind: 'commit',
  round,
  updates,
  own,
  ...(next === undefined ? {} : { next }),
  ...(node === undefined ? {} : { node }),
});
