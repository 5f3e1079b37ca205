/** Frames that a member says, put together from what it knows. Pure. */
import type { FrameOf, Head, OutgoingFrame, VolunteerId } from '@murmuration/protocol';
import type { TrainerEvent } from './ports.ts';

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

/** What our trainer learned in this round. */
export const updateFrame = (
  runTag: number,
  head: Head,
  author: VolunteerId,
  event: Extract<TrainerEvent, { kind: 'trained' }>,
): Extract<OutgoingFrame, { kind: 'update' }> => ({
  kind: 'update',
  runTag,
  term: head.term,
  round: event.round,
  author,
  sampleCount: event.sampleCount,
  stepCount: event.stepCount,
  trainMs: Math.min(0xffffffff, Math.round(event.trainMs)),
  loss: Number.isFinite(event.loss) ? event.loss : 0,
  anchor: head.fingerprint,
  encoded: event.encoded,
});
