/**
 * Who exchanges with whom. Up to a group's size a run is one crew: everybody with everybody, one model to the last bit.
 * A larger swarm is cut into small crews in several planes (planes.ts): every tab is in one crew of each plane, and the
 * number of a round says which plane's crews average in it. A tab needs links to its few crew-mates only, for as long as
 * it lives, and yet what one tab learned reaches ten thousand in six rounds.
 *
 * A newcomer goes to the smallest crew of each plane; a crew that grew too large is cut in two, one that shrank too far
 * joins the smallest other. So a departure or an arrival concerns a few crews, never the swarm. Pure: chance comes from
 * a seed, in the order of arrivals and departures.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import { LIMITS, type VolunteerId } from '@murmuration/protocol';
import { drawPlanes } from './planes.ts';

/**
 * Planes of a swarm that is more than one group: with 4 fixed ones 10,000 tabs come to one value as fast as with crews
 * drawn anew for every round (30 % failing: 6 rounds both); 3 are on the edge, 2 take 8.
 */
export const PLANE_COUNT = 4;
/** Members of a crew when the swarm is cut: 4 planes of 8 are 28 links a tab. */
const CREW_SIZE = 8;
const CREW_MAX = 12;
const CREW_MIN = 5;
/** A swarm that shrinks becomes one group again below this: not at the edge, or it would change back and forth. */
const ONE_GROUP_AGAIN = LIMITS.groupMaxMembers - 8;

type Crew = Set<VolunteerId>;

/** Members that left the run (each was in it), and volunteers that became members. */
export interface Moved {
  readonly gone: readonly VolunteerId[];
  readonly come: readonly VolunteerId[];
}

export class Crews {
  readonly #random: () => number;
  readonly #seed: number;
  #draws = 0;
  readonly #members = new Set<VolunteerId>();
  /** Every plane's crews, and each member's crew in each plane. */
  #planes: Set<Crew>[] = [new Set()];
  #crewOf: Map<VolunteerId, Crew>[] = [new Map()];

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = mulberry(streamSeed(seed, 'crews'));
  }

  get planeCount(): number {
    return this.#planes.length;
  }

  /** The crew of a member in a plane, with itself; empty: it is none. */
  crew(id: VolunteerId, plane: number): ReadonlySet<VolunteerId> {
    return this.#crewOf[plane]?.get(id) ?? NOBODY;
  }

  has(id: VolunteerId): boolean {
    return this.#members.has(id);
  }

  /** Takes in who left and who came. Returns everybody whose crews are no longer what they were. */
  change({ gone, come }: Moved): Set<VolunteerId> {
    const changed = new Set<VolunteerId>();
    if (gone.length === 0 && come.length === 0) return changed;
    for (const id of gone) this.#members.delete(id);
    for (const id of come) this.#members.add(id);
    const isOne = this.#members.size <= (this.planeCount === 1 ? LIMITS.groupMaxMembers : ONE_GROUP_AGAIN);
    // One crew that stays one is the case of nearly every run; a swarm that changes its shape is cut anew.
    if (isOne || this.planeCount === 1) this.#cut(isOne ? 1 : PLANE_COUNT);
    else this.#move(gone, come, changed);
    for (const id of gone) changed.delete(id);
    return isOne || changed.size === 0 ? new Set(this.#members) : changed;
  }

  #cut(planeCount: number): void {
    const ids = [...this.#members].sort();
    const drawn =
      planeCount === 1
        ? [[Uint32Array.from(ids, (_, i) => i)]]
        : drawPlanes({
            seed: streamSeed(this.#seed, 'cut', this.#draws++),
            seatCount: ids.length,
            groupSize: CREW_SIZE,
            planeCount,
          });
    this.#planes = [];
    this.#crewOf = [];
    for (const groups of drawn) {
      const crews = new Set(groups.map((group) => new Set(Array.from(group, (seat) => ids[seat]!))));
      this.#planes.push(crews);
      this.#crewOf.push(new Map([...crews].flatMap((crew) => [...crew].map((id) => [id, crew] as const))));
    }
  }

  #move(gone: readonly VolunteerId[], come: readonly VolunteerId[], changed: Set<VolunteerId>): void {
    for (const [plane, crews] of this.#planes.entries()) {
      const crewOf = this.#crewOf[plane]!;
      const touched = new Set<Crew>();
      for (const id of gone) {
        const crew = crewOf.get(id);
        crewOf.delete(id);
        if (crew?.delete(id)) touched.add(crew);
      }
      for (const id of come) {
        const crew = this.#smallest(crews, null);
        crew.add(id);
        crewOf.set(id, crew);
        touched.add(crew);
      }
      for (const crew of touched) {
        if (crew.size < CREW_MIN && crews.size > 1) touched.add(this.#join(crew, plane));
        if (crew.size > CREW_MAX) touched.add(this.#split(crew, plane));
      }
      for (const crew of touched) for (const id of crew) changed.add(id);
    }
  }

  /** Too few are left: they go to the smallest other crew. */
  #join(crew: Crew, plane: number): Crew {
    const crews = this.#planes[plane]!;
    crews.delete(crew);
    const other = this.#smallest(crews, crew);
    for (const id of crew) {
      other.add(id);
      this.#crewOf[plane]!.set(id, other);
    }
    crew.clear();
    return other;
  }

  /** Too many have come: half of them, by chance, are a crew of their own. */
  #split(crew: Crew, plane: number): Crew {
    const half: Crew = new Set();
    const ids = [...crew];
    while (half.size < crew.size) {
      const [id] = ids.splice(Math.floor(this.#random() * ids.length), 1);
      crew.delete(id!);
      half.add(id!);
      this.#crewOf[plane]!.set(id!, half);
    }
    this.#planes[plane]!.add(half);
    return half;
  }

  /** One of the smallest crews, by chance. */
  #smallest(crews: ReadonlySet<Crew>, except: Crew | null): Crew {
    let smallest: Crew[] = [];
    for (const crew of crews) {
      if (crew === except) continue;
      if (crew.size < (smallest[0]?.size ?? Infinity)) smallest = [];
      if (crew.size <= (smallest[0]?.size ?? Infinity)) smallest.push(crew);
    }
    return smallest[Math.floor(this.#random() * smallest.length)]!;
  }
}

const NOBODY: ReadonlySet<VolunteerId> = new Set();
