/** What a group's round is made of (group-round.ts). Types only. */
import type { CodecRule } from '@murmuration/codec';
import type { Head, VolunteerId } from '@murmuration/protocol';
import type { Credit } from './ballots.ts';
import type { CrewBook } from './crew-book.ts';
import type { RoundLength } from './round-length.ts';
import type { CycleRule, Voices } from './voices.ts';

export interface GroupRoundOptions {
  readonly self: VolunteerId;
  readonly codec: CodecRule;
  readonly parameterCount: number;
  readonly head: Head;
  /** Of the one group, ascending; empty: unknown. A crew's members are those that `crews` names. */
  readonly members: readonly VolunteerId[];
  /** Peers with a replica: a newcomer's group until it hears a commit. */
  readonly company: readonly VolunteerId[];
  readonly crews: CrewBook;
  /** Of candidates; left out: all of it. */
  readonly credit?: Credit;
  /** Whether the grace follows what is measured. */
  readonly adapts: boolean;
  /** Whether what we were to send is still leaving our line; left out: that is not known. */
  readonly isSending?: ((nowMs: number) => boolean) | undefined;
  /** Of its rounds; left out: as the run says. */
  readonly length?: RoundLength | undefined;
  readonly voices?: Voices;
  /** Of a node. */
  readonly cycle?: CycleRule | undefined;
  readonly nowMs: number;
}
