/**
 * What imaginary tabs measure of their links, as browsers do, and whether the nodes that come of it are the places in which
 * they really are. It looks from outside; the verdicts are production's (swarm distances.ts, coordinator node-book.ts).
 */
import type { RunLedger } from '@murmuration/coordinator/ledger';
import { ownNodeName, type VolunteerId } from '@murmuration/protocol';
import type { Violations } from './checkers.ts';
import { otherEnd } from './sim-link.ts';
import type { NetworkOptions, SimNetwork } from './sim-network.ts';
import type { SimTab } from './sim-tab.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 1_000;
/** Links open within seconds of a tab's arrival, three measures take three more; who vanished is in the way for ten. */
const FOUND_MAX_MS = 20_000;

/** From now on this tab looks at its links once a second. */
export function measureLinks(
  tab: SimTab,
  { world, network, options }: { world: World; network: SimNetwork; options: NetworkOptions },
): void {
  const random = world.chance('round trips', tab.id);
  const look = () => {
    if (!tab.alive) return;
    world.after(LOOK_EVERY_MS, look);
    if (!tab.mute) tab.measured({ kind: 'links-measured', links: measures() });
  };
  const measures = () =>
    network.linksOf(tab.id).flatMap((link) => {
      const [mine] = link.filter(({ to }) => to === tab);
      if (mine!.isVia || !mine!.open) return [];
      const { id: peer, place } = otherEnd(link, mine!);
      const isLocal = place !== null && place === tab.place;
      const delayMs = isLocal ? options.insideDelayMs : options.delayMeanMs;
      const spread = 1 - options.jitterShare + 2 * options.jitterShare * random();
      const isSilent = link.some(({ silentSinceMs }) => silentSinceMs !== null);
      return [{ peer, isLocal, roundTripMs: isSilent ? null : 2 * delayMs * spread }];
    });
  world.after(LOOK_EVERY_MS * (1 + random()), look);
}

export class PlaceChecks {
  /** When the nodes were first what the places are; null: they never were. */
  foundMs: number | null = null;
  readonly #violations: Violations;
  readonly #mustFind: boolean;

  /** @param mustFind nothing happens but that tabs come and go: who was there for a while is where it belongs */
  constructor(violations: Violations, mustFind: boolean) {
    this.#violations = violations;
    this.#mustFind = mustFind;
  }

  look({ state, present }: RunLedger, tabs: ReadonlyMap<VolunteerId, SimTab>, nowMs: number): void {
    const here = [...present.keys()].flatMap((id) => tabs.get(id) ?? []).filter(({ alive }) => alive);
    const nodeOf = ({ id }: SimTab) => state.volunteers.get(id)?.node ?? ownNodeName(id);
    const isSettled = (tab: SimTab) => nowMs >= tab.joinedAtMs + FOUND_MAX_MS && tab.alive && !tab.isLeaving;
    let isFound = here.length > 0;
    for (const [i, a] of here.entries())
      for (const b of here.slice(i + 1)) {
        const isOne = nodeOf(a) === nodeOf(b);
        if (isOne === (a.place === b.place)) continue;
        isFound = false;
        const both = `${a.id} of place ${a.place} and ${b.id} of place ${b.place}`;
        if (isOne) this.#violations.break('N6', nowMs, `${both} are one node`);
        else if (this.#mustFind && isSettled(a) && isSettled(b))
          this.#violations.break('N6', nowMs, `${both} are not one node`);
      }
    if (isFound) this.foundMs ??= Math.round(nowMs);
  }
}
