/** Who exchanges with whom under a strategy: sizes only. Pure. */
import { crewMembersOf, crewSizesOf, LIMITS } from '@murmuration/protocol';
import type { Crowd, Strategy } from './crowd.ts';

export interface Grouping {
  readonly kind: 'alone' | 'one-group' | 'crews' | 'server';
  /** Tabs that take part; the rest waits for a place. */
  readonly tabs: number;
  /** Updates that one mean is made of. */
  readonly groupTabs: number;
  /** Ends that one tab sends its update to. */
  readonly mates: number;
  /** Rounds more than a group's until what one tab learned has come to all: a crew's size times as many in each. */
  readonly mixingRounds: number;
}

export function groupingOf(
  { architecture, group }: Pick<Strategy, 'architecture' | 'group'>,
  { tabs: present, churnPerMinute }: Pick<Crowd, 'tabs' | 'churnPerMinute'>,
): Grouping {
  if (architecture === 'central') {
    const tabs = Math.min(present, LIMITS.linksMax);
    return { kind: 'server', tabs, groupTabs: tabs, mates: 1, mixingRounds: 0 };
  }
  if (present === 1) return { kind: 'alone', tabs: 1, groupTabs: 1, mates: 0, mixingRounds: 0 };
  // Who comes is there before it is known that the other has gone; a swarm that was cut once stays cut.
  const crowdedMost = present + (churnPerMinute > 0 ? 1 : 0);
  if (crowdedMost <= crewSizesOf(group ?? null).whole)
    return { kind: 'one-group', tabs: present, groupTabs: present, mates: present - 1, mixingRounds: 0 };
  const groupTabs = crewMembersOf(crowdedMost, group ?? null) * (present / crowdedMost);
  return {
    kind: 'crews',
    tabs: present,
    groupTabs,
    mates: groupTabs - 1,
    mixingRounds: Math.log(present) / Math.log(groupTabs) - 1,
  };
}
