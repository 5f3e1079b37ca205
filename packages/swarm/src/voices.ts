/** What is different in a round because tabs belong to nodes (SPEC N). Pure. */
import type { VolunteerId } from '@murmuration/protocol';
import type { Commit } from './commit.ts';

/** Between nodes: in whose name a tab speaks, and who may pass on to us what others said. */
export interface Voices {
  readonly of: (id: VolunteerId) => VolunteerId;
  readonly isMate: (peer: VolunteerId) => boolean;
}

/** Each tab for itself. */
export const OWN_VOICES: Voices = { of: (id) => id, isMate: () => false };

/** Inside a node: rounds go in cycles, each of which may end early. */
export interface CycleRule {
  /** Where this round's cycle waits for the other nodes. */
  readonly endOf: (round: number) => number;
  /** Whoever closes a round now ends the cycle with it. */
  readonly isToEnd: () => boolean;
  readonly length: number;
}

/** Who may hold what a commit lists, besides whoever said it: its authors, or of nodes anybody, our own first. */
export function holdersOf(
  { included }: Pick<Commit, 'included'>,
  voices: Voices,
  linked: ReadonlySet<VolunteerId>,
): readonly VolunteerId[] {
  if (voices === OWN_VOICES) return included.map(({ author }) => author);
  const isMate = (id: VolunteerId) => Number(voices.isMate(id));
  return [...linked].sort((a, b) => isMate(b) - isMate(a) || (a < b ? -1 : 1));
}
