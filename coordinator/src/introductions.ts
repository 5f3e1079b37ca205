/**
 * Who holds links with whom: every member of a run is told of its crew-mates in each plane (crews.ts), and only of
 * those, and which of them it reaches through the coordinator (route-book.ts). Pure: it knows nothing of sockets, only who is there.
 */
import type { LinkPolicy, VolunteerId } from '@murmuration/protocol';
import { Crews, type Moved } from './crews.ts';
import { NodeBook, type NodeChange, type Said } from './node-book.ts';
import { OneGroup } from './one-group.ts';
import { RouteBook, type PairRoute } from './route-book.ts';
import { Star } from './star.ts';

export { Crews, type Moved } from './crews.ts';
export { drawPlanes, type Plane } from './planes.ts';

export interface Introduction {
  readonly to: VolunteerId;
  readonly plane: number;
  readonly planeCount: number;
  /** Without the one who is told, ascending. */
  readonly peers: readonly VolunteerId[];
  /** Of these, whom it reaches through the coordinator. */
  readonly viaCoordinator: readonly VolunteerId[];
  /** In a run with tiers: its node, and of each of the peers. */
  readonly nodes?: { readonly own: VolunteerId; readonly ofPeers: readonly VolunteerId[] };
}

interface Told {
  readonly planeCount: number;
  /** By plane. */
  readonly peers: readonly (readonly VolunteerId[])[];
  readonly viaCoordinator: readonly (readonly VolunteerId[])[];
  readonly nodes: readonly VolunteerId[];
}

const NOBODY: readonly VolunteerId[] = [];
const NAMELESS = { word: null, former: null };

/** Remembers what each member was told, so that a change, and only a change, is told again. */
export class Introductions {
  readonly #crews: Pick<Crews, 'planeCount' | 'groupSize' | 'crew' | 'has' | 'change'>;
  readonly #isCentral: boolean;
  /** Of a run with tiers. */
  readonly #group: OneGroup | null;
  /** [N1] Null: the run has no tiers. */
  readonly #nodes: NodeBook | null;
  readonly #routes = new RouteBook();
  readonly #told = new Map<VolunteerId, Told>();
  /** Who was told of whom, by whom they were told of. */
  readonly #toldOf = new Map<VolunteerId, Set<VolunteerId>>();
  /** Members that are to be told again whatever they were told. */
  readonly #forgotten = new Set<VolunteerId>();
  /** Members whose ways to others may have changed. */
  readonly #rerouted = new Set<VolunteerId>();

  /**
   * @param server of a central run: everybody's only mate
   * @param group as for `Crews`
   * @param isTiered everybody is told of which node everybody is
   */
  constructor(
    seed: number,
    server: VolunteerId | null = null,
    group: number | null = null,
    isTiered = false,
  ) {
    this.#group = isTiered && server === null ? new OneGroup() : null;
    this.#crews = this.#group ?? (server === null ? new Crews(seed, group) : new Star(server));
    this.#isCentral = server !== null;
    this.#nodes = this.#group === null ? null : new NodeBook();
  }

  /** Null: the run has no tiers. */
  nodeOf(id: VolunteerId): VolunteerId | null {
    return this.#nodes?.nodeOf(id) ?? null;
  }

  get planeCount(): number {
    return this.#crews.planeCount;
  }
  /** Members that average together, about. */
  get groupSize(): number {
    return this.#crews.groupSize;
  }

  /** The introductions that are due when these left the run and those came. */
  change(moved: Moved): Introduction[] {
    const changed = this.#crews.change(moved);
    for (const id of moved.gone) this.#untell(id);
    for (const id of this.#forgotten) changed.add(id);
    this.#forgotten.clear();
    for (const id of this.#rerouted) if (this.#crews.has(id)) changed.add(id);
    this.#rerouted.clear();
    const due: Introduction[] = [];
    const { planeCount } = this.#crews;
    for (const to of changed) {
      const told = this.#told.get(to);
      const peers = Array.from({ length: planeCount }, (_, plane) =>
        [...this.#crews.crew(to, plane)].filter((id) => id !== to).sort(),
      );
      const viaCoordinator = peers.map((list) => {
        const via = list.filter((id) => this.isViaCoordinator(to, id));
        return via.length === 0 ? NOBODY : via;
      });
      const nodes = [to, ...peers[0]!].flatMap((id) => this.nodeOf(id) ?? []);
      const dueBefore = due.length;
      for (const [plane, list] of peers.entries()) {
        const isTold =
          told?.planeCount === planeCount &&
          isEqual(told.peers[plane]!, list) &&
          isEqual(told.viaCoordinator[plane]!, viaCoordinator[plane]!) &&
          isEqual(told.nodes, nodes);
        if (isTold) continue;
        const [own, ...ofPeers] = nodes;
        const introduction = { to, plane, planeCount, peers: list, viaCoordinator: viaCoordinator[plane]! };
        due.push(own === undefined ? introduction : { ...introduction, nodes: { own, ofPeers } });
      }
      if (due.length > dueBefore) this.#remember(to, { planeCount, peers, viaCoordinator, nodes });
    }
    return due;
  }

  /** Its next introduction is due even if nothing changed: it has a new socket, or it asked again. */
  forget(volunteerId: VolunteerId): void {
    this.#remember(volunteerId, null);
    if (this.#crews.has(volunteerId)) this.#forgotten.add(volunteerId);
  }

  /**
   * It came: with whom it is willing to link, and [N1] its word's node and the one that it was of before. Its mates are
   * told at the next change.
   */
  links(
    volunteerId: VolunteerId,
    policy: LinkPolicy,
    { word, former }: { readonly word: VolunteerId | null; readonly former: VolunteerId | null } = NAMELESS,
  ): void {
    const before = this.nodeOf(volunteerId);
    this.#nodes?.enter(volunteerId, word, former);
    const isOther = this.nodeOf(volunteerId) !== before;
    if (this.#routes.links(volunteerId, policy) || isOther) this.#reroute(volunteerId);
  }

  /** [N6] What it measured. False: the run has no tiers. */
  distances(volunteerId: VolunteerId, said: Said): boolean {
    this.#nodes?.says(volunteerId, said);
    return this.#nodes !== null;
  }

  /** [N6] Who is of another node from now on, among these. They and their mates are told at the next change. */
  settleNodes(isHeard: (id: VolunteerId) => boolean): readonly NodeChange[] {
    const linked = this.#group?.seated.filter(isHeard) ?? [];
    const changes = this.#nodes?.settle(linked) ?? [];
    for (const { volunteerId } of changes) this.#reroute(volunteerId);
    return changes;
  }

  /** It says that it found no path to this mate. Both are told to go through the coordinator. */
  noPath(volunteerId: VolunteerId, peer: VolunteerId): void {
    if (!this.areIntroduced(volunteerId, peer) || !this.#routes.noPath(volunteerId, peer)) return;
    this.#rerouted.add(volunteerId);
    this.#rerouted.add(peer);
  }

  /** Null: they were not introduced. */
  routeOf(a: VolunteerId, b: VolunteerId, isHybrid: boolean): PairRoute | null {
    if (!this.areIntroduced(a, b)) return null;
    if (!this.isViaCoordinator(a, b)) return 'peers';
    return isHybrid ? 'fan-out' : 'coordinator';
  }

  /** Whether these two, who were introduced, have no other way. */
  isViaCoordinator(a: VolunteerId, b: VolunteerId): boolean {
    return this.#isCentral || this.#routes.isViaCoordinator(a, b);
  }

  #reroute(volunteerId: VolunteerId): void {
    this.#rerouted.add(volunteerId);
    for (const mate of this.introducedTo(volunteerId)) this.#rerouted.add(mate);
  }

  /** It left: when it comes back it says again how it links. */
  left(volunteerId: VolunteerId): void {
    this.#untell(volunteerId);
    this.#routes.left(volunteerId);
    this.#nodes?.left(volunteerId);
  }

  /** It is no member now: there is nothing to tell it. */
  #untell(volunteerId: VolunteerId): void {
    this.#remember(volunteerId, null);
    this.#forgotten.delete(volunteerId);
    this.#routes.gone(volunteerId);
  }

  /** May these two exchange signalling messages? True from the moment that either was told of the other. */
  areIntroduced(a: VolunteerId, b: VolunteerId): boolean {
    return this.#toldOf.get(b)?.has(a) === true || this.#toldOf.get(a)?.has(b) === true;
  }

  /** Everybody with whom it may. */
  introducedTo(id: VolunteerId): Set<VolunteerId> {
    return new Set([...(this.#told.get(id)?.peers.flat() ?? []), ...(this.#toldOf.get(id) ?? [])]);
  }

  #remember(to: VolunteerId, told: Told | null): void {
    const before = new Set(this.#told.get(to)?.peers.flat());
    const now = new Set(told?.peers.flat());
    for (const peer of before) {
      if (now.has(peer)) continue;
      const tellers = this.#toldOf.get(peer);
      tellers?.delete(to);
      if (tellers?.size === 0) this.#toldOf.delete(peer);
    }
    if (told === null) this.#told.delete(to);
    else this.#told.set(to, told);
    for (const peer of now) {
      if (before.has(peer)) continue;
      const tellers = this.#toldOf.get(peer);
      if (tellers === undefined) this.#toldOf.set(peer, new Set([to]));
      else tellers.add(to);
    }
  }
}

const isEqual = (a: readonly VolunteerId[], b: readonly VolunteerId[]) =>
  a.length === b.length && a.every((id, i) => id === b[i]);
