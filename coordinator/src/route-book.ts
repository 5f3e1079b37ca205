/**
 * Which way two tabs have to each other: links of their own (directly or by a TURN relay; they find out which), or the
 * coordinator, when one of them wants no peers or when both tried and found no path. Pure; keeps the exceptions only,
 * so a swarm of tabs that link directly costs nothing here.
 */
import type { LinkPolicy, VolunteerId } from '@murmuration/protocol';

/** Pairs remembered of one volunteer: more than it has links (LIMITS.linksMax). */
const PATHLESS_MAX = 128;

/**
 * A pair's way: links of their own, the relay, or the relay of a hybrid run, which also copies for them what one sends to
 * several (SPEC T6).
 */
export type PairRoute = 'peers' | 'coordinator' | 'fan-out';

export class RouteBook {
  readonly #peerless = new Set<VolunteerId>();
  /** Both ways. */
  readonly #pathless = new Map<VolunteerId, Set<VolunteerId>>();

  /** What it wants from now on. False: it was known. */
  links(id: VolunteerId, policy: LinkPolicy): boolean {
    const wasPeerless = this.#peerless.has(id);
    if (policy === 'no-peers') this.#peerless.add(id);
    else this.#peerless.delete(id);
    return this.#peerless.has(id) !== wasPeerless;
  }

  /** These two tried and found no path. False: it was known, or there are too many such words. */
  noPath(a: VolunteerId, b: VolunteerId): boolean {
    if (a === b || this.isViaCoordinator(a, b)) return false;
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const)
      if ((this.#pathless.get(one)?.size ?? 0) >= PATHLESS_MAX && !this.#pathless.get(one)!.has(other))
        return false;
    this.#setOf(a).add(b);
    this.#setOf(b).add(a);
    return true;
  }

  left(id: VolunteerId): void {
    this.#peerless.delete(id);
    this.gone(id);
  }

  /** It is no member now; when it comes back it tries again. */
  gone(id: VolunteerId): void {
    for (const other of this.#pathless.get(id) ?? []) {
      const theirs = this.#pathless.get(other);
      theirs?.delete(id);
      if (theirs?.size === 0) this.#pathless.delete(other);
    }
    this.#pathless.delete(id);
  }

  isViaCoordinator(a: VolunteerId, b: VolunteerId): boolean {
    return this.#peerless.has(a) || this.#peerless.has(b) || this.#pathless.get(a)?.has(b) === true;
  }

  #setOf(id: VolunteerId): Set<VolunteerId> {
    let set = this.#pathless.get(id);
    if (set === undefined) this.#pathless.set(id, (set = new Set()));
    return set;
  }
}
