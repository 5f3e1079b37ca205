/**
 * The ways in which a member's round is closed: among peers (group-round.ts), among nodes (nodes-round.ts), or by a server
 * (served-round.ts). Pure.
 */
import {
  isAdaptive,
  stalenessMaxOf,
  type FrameOf,
  type Head,
  type RunManifest,
  type VolunteerId,
} from '@murmuration/protocol';
import type { Credit } from './ballots.ts';
import type { CrewBook } from './crew-book.ts';
import { GroupRound } from './group-round.ts';
import type { NodeTier } from './node-tier.ts';
import { NodesRound } from './nodes-round.ts';
import { ServedRound } from './served-round.ts';
import type { RoundLength } from './round-length.ts';
import type { CycleRule } from './voices.ts';

/** What membership asks of a round, whoever closes it. */
export type Round = Pick<GroupRound, Exclude<keyof GroupRound, keyof Asked | OfNodes>> &
  Pick<ServedRound, keyof Asked>;
type OfNodes = 'authors' | 'moveTo' | 'seat';
type Asked = Pick<ServedRound, 'unanswered' | 'addRefusal'>;

export function roundAt(parts: {
  readonly self: VolunteerId;
  readonly server: VolunteerId | null;
  readonly manifest: RunManifest;
  readonly head: Head;
  readonly members: readonly VolunteerId[];
  readonly company: readonly VolunteerId[];
  readonly crews: CrewBook;
  readonly credit: Credit;
  readonly nowMs: number;
  /** Of a run with tiers: our node. */
  readonly node: NodeTier | undefined;
  /** Of a node: its cycle. */
  readonly cycle: CycleRule | undefined;
  readonly runTag: number;
  readonly length: RoundLength | undefined;
  readonly isSending: (nowMs: number) => boolean;
}): Round {
  const { server, manifest, node, runTag, length, isSending, ...others } = parts;
  const { parameterCount, training } = manifest;
  const common = { ...others, parameterCount, codec: training.codec };
  const adapts = isAdaptive(training);
  if (node !== undefined) {
    const group = new GroupRound({ ...common, adapts, voices: node.voices });
    const round = new NodesRound({ self: parts.self, runTag, round: group, node });
    node.follow(round);
    return round;
  }
  if (server === null) return new GroupRound({ ...common, adapts, length, ...(adapts ? { isSending } : {}) });
  return new ServedRound({ ...common, server, isAsynchronous: stalenessMaxOf(training) !== null });
}

/**
 * What follows from the server's word that it stands somewhere: at our round on another anchor (`astray`) [S3], or that our
 * update, if it is out, may have been lost on the way [S4] [A3]. Null: nothing.
 */
export function standingIn(
  round: Round,
  hello: FrameOf<'hello'>,
): 'astray' | ReturnType<Round['unanswered']> {
  const { head } = round;
  if (!hello.hasReplica || hello.term !== head.term) return null;
  const isHere = hello.round === head.round && !round.closing;
  return isHere && hello.anchor !== head.fingerprint ? 'astray' : round.unanswered(hello);
}
