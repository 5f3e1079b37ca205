/** Frames that a member says, put together from what it knows. Pure. */
import {
  type Fingerprint,
  type FrameOf,
  type Head,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import type { Commit } from './commit.ts';
import type { RoundDecision, Word } from './round-decision.ts';
import type { Round } from './rounds.ts';
import { sayable, type Progress } from './own-work.ts';

type Base = { readonly runTag: number; readonly term: number; readonly round: number };

/** Where we stand, and whether we take part in rounds. */
export const helloFrame = (
  runTag: number,
  head: Head | null,
  { takesPart, wantsUpdates }: { takesPart: boolean; wantsUpdates: boolean },
): FrameOf<'hello'> => ({
  kind: 'hello',
  runTag,
  term: head?.term ?? 0,
  round: head?.round ?? 0,
  hasReplica: head !== null && takesPart,
  wantsUpdates,
  anchor: head?.fingerprint ?? '0000000000000000',
});

/** What our trainer learned up to this round. */
export const updateFrame = (
  runTag: number,
  head: Head,
  author: VolunteerId,
  progress: Progress,
  { encoded, slice }: { readonly encoded: Uint8Array; readonly slice: Uint8Array },
): Extract<OutgoingFrame, { kind: 'update' }> => ({
  kind: 'update',
  runTag,
  term: head.term,
  round: head.round,
  author,
  ...sayable(progress),
  anchor: head.fingerprint,
  slice,
  encoded,
});

const commitFrame = (
  base: Base,
  { leader, ballot, anchor, included, members, graceMs, endsCycle, stretch }: Commit,
): FrameOf<'commit'> => ({
  kind: 'commit',
  ...base,
  leader,
  ballot,
  anchor,
  included,
  members,
  graceMs,
  ...(endsCycle === true ? { endsCycle } : {}),
  ...(stretch === undefined || stretch === 1 ? {} : { stretch }),
});

/**
 * What is asked of a member, answered from what it holds; empty: nothing to say. [J5] A newcomer that pulls may lack the
 * commit besides: without it, it knows of no update.
 */
export function answersTo(
  round: Round,
  peer: { readonly id: VolunteerId; readonly isNewcomer: boolean },
  frame: FrameOf<'pull'> | FrameOf<'take-over'>,
  nowMs: number,
): OutgoingFrame[] {
  const base = { runTag: frame.runTag, term: frame.term, round: frame.round };
  if (frame.kind === 'pull') {
    // Who asks for its own update wants the commit alone.
    const isOwn = frame.author === peer.id;
    const commit = peer.isNewcomer || isOwn ? round.commitOf(frame.round) : undefined;
    const held = isOwn ? undefined : round.held(frame.round, frame.author);
    const answers: OutgoingFrame[] = commit === undefined ? [] : [commitFrame(base, commit)];
    return held === undefined ? answers : [...answers, { ...held, kind: 'update', ...base }];
  }
  // [R5] It wants to close the round in its leader's place.
  const answer = round.askedToYield(peer.id, frame, nowMs);
  if (answer === null) return [];
  return 'commit' in answer
    ? [commitFrame(base, answer.commit)]
    : [{ kind: 'yield', ...base, ballot: answer.ballot }];
}

/** What a decision makes a member say, and to whom. */
export function wordsFor(
  decision: RoundDecision,
  self: VolunteerId,
  base: Base,
  anchor: Fingerprint,
): readonly Word[] {
  switch (decision.kind) {
    case 'pull':
      return decision.wanted.map(({ from: to, author }) => ({
        to,
        frame: { kind: 'pull', ...base, round: decision.round ?? base.round, author },
      }));
    case 'elect':
      return decision.ask.map((to) => ({
        to,
        frame: { kind: 'take-over', ...base, ballot: decision.ballot },
      }));
    case 'close': {
      if (!decision.announce) return [];
      const included = decision.updates.map(({ author, crc }) => ({ author, crc }));
      const { members, graceMs, stretch = 1, ballot, next } = decision;
      const ends = next === undefined ? {} : { endsCycle: true as const };
      const commit = { leader: self, ballot, anchor, included, members, graceMs, stretch, ...ends };
      return [{ to: 'all', frame: commitFrame(base, commit) }];
    }
    case 'say':
      return decision.words;
    case 'resync':
      return [];
    default:
      return decision satisfies never;
  }
}
