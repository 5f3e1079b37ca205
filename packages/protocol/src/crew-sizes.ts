/** [R13] How a run's tabs are cut into groups: sizes only, for who cuts (the coordinator's crews) and who foretells. Pure. */
import { LIMITS } from './limits.ts';

/**
 * Planes of a swarm that is more than one group: with 4 fixed ones 10,000 tabs come to one value as fast as with crews
 * drawn anew for every round (30 % failing: 6 rounds both); 3 are on the edge, 2 take 8.
 */
export const PLANE_COUNT = 4;

/** Members of a run's groups. */
export interface CrewSizes {
  /** Up to so many are one group. */
  readonly whole: number;
  /** A swarm that shrinks becomes one group again below this: not at the edge, or it would change back and forth. */
  readonly wholeAgain: number;
  /** Of a crew as it is drawn; it is joined with another below `min`, and cut in two above `max`. */
  readonly crew: number;
  readonly min: number;
  readonly max: number;
}

/** @param group as the run asks for; null: what serves most */
export function crewSizesOf(group: number | null): CrewSizes {
  const [whole, crew] = group === null ? [LIMITS.groupMaxMembers, LIMITS.crewMembers] : [group, group];
  // Crew-mates of all planes are linked with; and the halves of what was cut are not to be joined again.
  const max = Math.min(Math.floor(1.5 * crew), 1 + Math.floor(LIMITS.linksMax / PLANE_COUNT));
  return {
    whole,
    wholeAgain: Math.floor(0.75 * whole),
    crew,
    min: Math.max(2, Math.floor((5 * max) / 12)),
    max,
  };
}

/**
 * Members that average together among so many tabs, in the mean. A swarm is cut when it outgrows one group, and whoever comes then
 * joins the smallest crew until one is too large: so crews of a swarm that grew are larger than those that are drawn.
 */
export function crewMembersOf(tabs: number, group: number | null): number {
  const { whole, crew, max } = crewSizesOf(group);
  return tabs <= whole ? tabs : tabs / Math.max(Math.ceil((whole + 1) / crew), Math.ceil(tabs / max));
}
