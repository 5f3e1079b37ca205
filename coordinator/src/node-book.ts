/**
 * Which tabs of a run with tiers are a node (SPEC N1, N6): those that say the same word, and those that measure that they
 * are near each other. The same words in the same order give the same nodes. Pure: it is asked to settle now and then.
 *
 * Mental model. Every tab is of one node, at first its word's, or one of its own. What only one of two says changes
 * nothing. A tab goes to a node of its own when most of its mates are no company: by word, if both are far; otherwise, if
 * they are not near. Two nodes become one where nearly all pairs between them are near and none is far; a word is never
 * joined with another word. The name stays with the larger part, whose tabs lose nothing by it.
 */
import { ownNodeName, type VolunteerId } from '@murmuration/protocol';

/** Of the pairs between two nodes so many are near before they are one: a link may be missing. */
const NEAR_SHARE = 0.75;

/** Why a tab is of the node that it is of, in words for people. */
export const NODE_TEXTS = {
  near: 'is of one node with tabs that are near',
  'not-near': 'is a node of its own: most tabs of its node are not near any more',
  far: 'is a node of its own: most tabs of its node are far away, whatever word they share',
} as const;
export type NodeReason = keyof typeof NODE_TEXTS;

/** A tab is of another node than before. */
export interface NodeChange {
  readonly volunteerId: VolunteerId;
  readonly node: VolunteerId;
  readonly why: NodeReason;
}

/** What a tab measured. */
export interface Said {
  readonly near: readonly VolunteerId[];
  readonly far: readonly VolunteerId[];
}

interface Tab {
  readonly id: VolunteerId;
  /** The node of its word; null: it said none. */
  readonly word: VolunteerId | null;
  node: VolunteerId;
  /** The how-manieth it was to come to its node. */
  since: number;
  /** Null: nothing yet. */
  said: { readonly near: ReadonlySet<VolunteerId>; readonly far: ReadonlySet<VolunteerId> } | null;
}

export class NodeBook {
  readonly #tabs = new Map<VolunteerId, Tab>();
  #arrivals = 0;
  #lookedAt: readonly VolunteerId[] = [];
  /** Somebody said something since it was settled. */
  #isNews = false;

  /** @param former the node that it was of before, and goes back to */
  enter(id: VolunteerId, word: VolunteerId | null, former: VolunteerId | null): void {
    const known = this.#tabs.get(id);
    if (known?.word === word) known.said = null;
    else {
      const node = former ?? word ?? ownNodeName(id);
      this.#tabs.set(id, { id, word, node, since: this.#arrivals++, said: null });
    }
  }

  left(id: VolunteerId): void {
    this.#tabs.delete(id);
  }

  nodeOf(id: VolunteerId): VolunteerId {
    return this.#tabs.get(id)?.node ?? ownNodeName(id);
  }

  says(id: VolunteerId, { near, far }: Said): void {
    const tab = this.#tabs.get(id);
    if (tab === undefined) return;
    tab.said = { near: new Set(near), far: new Set(far) };
    this.#isNews = true;
  }

  /**
   * Who is of another node from now on.
   * @param linked who has links, and was heard lately: a group at most; nobody else is looked at
   */
  settle(linked: readonly VolunteerId[]): NodeChange[] {
    const isSame =
      linked.length === this.#lookedAt.length && linked.every((id, i) => id === this.#lookedAt[i]);
    if (isSame && !this.#isNews) return [];
    this.#isNews = false;
    this.#lookedAt = linked;
    const tabs = linked.flatMap((id) => this.#tabs.get(id) ?? []);
    const before = new Map(tabs.map(({ id, node }) => [id, node]));
    const whys = new Map<VolunteerId, NodeReason>();
    for (const members of nodesOf(tabs)) this.#part(members, whys);
    while (this.#joinTwo(tabs, whys));
    return tabs.flatMap(({ id, node }) =>
      node === before.get(id) ? [] : [{ volunteerId: id, node, why: whys.get(id)! }],
    );
  }

  /** As long as somebody is in bad company, one is on its own. */
  #part(members: readonly Tab[], whys: Map<VolunteerId, NodeReason>): void {
    let stay = members;
    for (;;) {
      const tab = worstOff(stay);
      if (tab === null) return;
      whys.set(tab.id, stay.some((other) => isPair('far', tab, other)) ? 'far' : 'not-near');
      this.#move(tab, this.#freeName(tab.id));
      stay = stay.filter((other) => other !== tab);
    }
  }

  /** False: there are no two that are one. */
  #joinTwo(tabs: readonly Tab[], whys: Map<VolunteerId, NodeReason>): boolean {
    const nodes = nodesOf(tabs);
    for (const [i, larger] of nodes.entries())
      for (const smaller of nodes.slice(i + 1)) {
        if (!areOne(larger, smaller)) continue;
        // A word's node keeps its name: who comes with that word later comes to it.
        const isNamed = smaller.some(({ word, node }) => word === node);
        const [stay, go] = isNamed ? [smaller, larger] : [larger, smaller];
        for (const tab of go) {
          this.#move(tab, stay[0]!.node);
          whys.set(tab.id, 'near');
        }
        return true;
      }
    return false;
  }

  #move(tab: Tab, node: VolunteerId): void {
    tab.node = node;
    tab.since = this.#arrivals++;
  }

  #freeName(id: VolunteerId): VolunteerId {
    for (let turn = 0; ; turn++) {
      const name = ownNodeName(id, turn);
      if (![...this.#tabs.values()].some((tab) => tab.node === name)) return name;
    }
  }
}

/** The largest first, then whose first tab has been there longest. */
function nodesOf(tabs: readonly Tab[]): Tab[][] {
  const nodes = new Map<VolunteerId, Tab[]>();
  for (const tab of tabs.toSorted((a, b) => a.since - b.since)) {
    const members = nodes.get(tab.node);
    if (members === undefined) nodes.set(tab.node, [tab]);
    else members.push(tab);
  }
  return [...nodes.values()].sort((a, b) => b.length - a.length || a[0]!.since - b[0]!.since);
}

const isPair = (what: 'near' | 'far', a: Tab, b: Tab): boolean =>
  a.said?.[what].has(b.id) === true && b.said?.[what].has(a.id) === true;

function isBadCompany(a: Tab, b: Tab): boolean {
  if (a.said === null || b.said === null) return false;
  if (a.word !== null && a.word === b.word) return isPair('far', a, b);
  return !a.said.near.has(b.id) && !b.said.near.has(a.id);
}

/** Of those for whom most others are bad company, the one for whom most are; of equals who came last. Null: there is none. */
function worstOff(tabs: readonly Tab[]): Tab | null {
  let worst: { readonly tab: Tab; readonly badCount: number } | null = null;
  for (const tab of tabs) {
    const badCount = tabs.filter((other) => other !== tab && isBadCompany(tab, other)).length;
    if (2 * badCount > tabs.length - 1 && badCount >= (worst?.badCount ?? 0)) worst = { tab, badCount };
  }
  return worst?.tab ?? null;
}

/** Nobody leaves at once what is joined here. */
function areOne(a: readonly Tab[], b: readonly Tab[]): boolean {
  const both = [...a, ...b];
  const words = new Set(both.flatMap(({ word }) => word ?? []));
  const pairs = a.flatMap((tab) => b.map((other) => [tab, other] as const));
  const nearCount = pairs.filter((pair) => isPair('near', ...pair)).length;
  return (
    words.size <= 1 &&
    nearCount >= NEAR_SHARE * pairs.length &&
    !pairs.some((pair) => isPair('far', ...pair)) &&
    worstOff(both) === null
  );
}
