/** The two ways in which a member's round is closed: among peers (group-round.ts) or by a server (served-round.ts). Pure. */
import type { FrameOf, Head, RunManifest, VolunteerId } from '@murmuration/protocol';
import type { CrewBook } from './crew-book.ts';
import { GroupRound } from './group-round.ts';
import type { HeldUpdate } from './held-updates.ts';
import { ServedRound } from './served-round.ts';

/** What membership asks of a round, whoever closes it. */
export type Round = Pick<GroupRound, keyof GroupRound>;

export function roundAt(parts: {
  readonly self: VolunteerId;
  readonly server: VolunteerId | null;
  readonly manifest: RunManifest;
  readonly head: Head;
  readonly members: readonly VolunteerId[];
  readonly company: readonly VolunteerId[];
  readonly crews: CrewBook;
  readonly nowMs: number;
}): Round {
  const { server, manifest, ...others } = parts;
  const { parameterCount, training } = manifest;
  const common = { ...others, parameterCount, codec: training.codec };
  return server === null ? new GroupRound(common) : new ServedRound({ ...common, server });
}

/**
 * What follows from the server's word that it stands somewhere: at our round on another anchor (`astray`) [S3], or where we
 * stand, so that our update, if it is out, may have been lost on the way [S4]. Null: nothing.
 */
export function standingIn(round: Round, hello: FrameOf<'hello'>): 'astray' | HeldUpdate | null {
  const { head } = round;
  if (round.closing || !hello.hasReplica || hello.term !== head.term || hello.round !== head.round)
    return null;
  return hello.anchor === head.fingerprint ? (round.ownUpdate ?? null) : 'astray';
}
