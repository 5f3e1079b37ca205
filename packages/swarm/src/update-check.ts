/** What speaks against an update by itself, and against a second one of its author. Pure. */
import { inspectSlice, inspectUpdate, sliceOf, type CodecRule } from '@murmuration/codec';
import type { FrameOf, VolunteerId } from '@murmuration/protocol';
import type { HeldUpdate } from './held-updates.ts';
import type { RoundRejection } from './round-decision.ts';

/** Of a run's updates. */
export interface BodyRule {
  readonly codec: CodecRule;
  readonly parameterCount: number;
}

/** @param isMixed anchors differ (SPEC R13) */
export function bodyFault(
  { round, slice, encoded }: FrameOf<'update'>,
  { codec, parameterCount }: BodyRule,
  isMixed: boolean,
): RoundRejection | null {
  // Its author has not heard yet that the swarm was cut.
  if (isMixed && slice.length === 0) return 'no-slice';
  const fault = inspectUpdate(encoded, codec, parameterCount);
  return fault ?? (isMixed ? inspectSlice(slice, sliceOf(round, parameterCount)) : null);
}

/** Of one whose author sent an earlier one of this round. Null: it takes that one's place. */
export function repeatFault(
  peer: VolunteerId,
  frame: FrameOf<'update'>,
  earlier: HeldUpdate,
  isMixed: boolean,
): RoundRejection | null {
  if (earlier.anchor === frame.anchor)
    return earlier.crc === frame.crc || frame.author !== peer ? 'duplicate' : 'equivocation';
  // Its author went over to another branch since. In a crew, where any anchor will do, its first word counts.
  return isMixed ? 'other-anchor' : null;
}
