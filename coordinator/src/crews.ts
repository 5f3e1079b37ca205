/**
 * Who exchanges with whom. Up to a group's size a run is one crew: everybody with everybody, one model to the last bit.
 * A larger swarm is cut into small crews in several planes (planes.ts): every tab is in one crew of each plane, and the
 * number of a round says which plane's crews average in it. A tab needs links to its few crew-mates only, for as long as
 * it lives, and yet what one tab learned reaches ten thousand in six rounds.
 *
 * A newcomer goes to the smallest crew of each plane; a crew that grew too large is cut in two, one that shrank too far
 * joins the smallest other. So a departure or an arrival concerns a few crews, never the swarm. Pure: chance comes from
 * a seed, in the order of arrivals and departures. Crews are lists, because cutting ten thousand members into them is
 * mostly the making of their containers.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import { crewSizesOf, PLANE_COUNT, type CrewSizes, type VolunteerId } from '@murmuration/protocol';
import { drawPlanes } from './planes.ts';

/** A dozen members at most: a list is searched as fast as a set, and made in a fraction of the time. */
type Crew = VolunteerId[];

/** Members that left the run (each was in it), and volunteers that became members. */
export interface Moved {
  readonly gone: readonly VolunteerId[];
  readonly come: readonly VolunteerId[];
}

export class Crews {
  readonly #sizes: CrewSizes;
  readonly #random: () => number;
  readonly #seed: number;
  #draws = 0;
  /** Every member's crew in each plane. */
  readonly #crewsOf = new Map<VolunteerId, Crew[]>();
  #planes: readonly Set<Crew>[] = [new Set()];

  /** @param group members of a group, as the run asks for; null: as many as serve */
  constructor(seed: number, group: number | null = null) {
    this.#sizes = crewSizesOf(group);
    this.#seed = seed;
    this.#random = mulberry(streamSeed(seed, 'crews'));
  }

  get planeCount(): number {
    return this.#planes.length;
  }
  /** Members that average together, about; in one group, at most. */
  get groupSize(): number {
    return this.planeCount === 1 ? this.#sizes.whole : this.#sizes.crew;
  }

  /** The crew of a member in a plane, with itself; empty: it is none. */
  crew(id: VolunteerId, plane: number): readonly VolunteerId[] {
    return this.#crewsOf.get(id)?.[plane] ?? NOBODY;
  }

  has(id: VolunteerId): boolean {
    return this.#crewsOf.has(id);
  }

  /** Takes in who left and who came. Returns everybody whose crews are no longer what they were. */
  change({ gone, come }: Moved): Set<VolunteerId> {
    const changed = new Set<VolunteerId>();
    if (gone.length === 0 && come.length === 0) return changed;
    const left = gone.map((id) => this.#leave(id));
    for (const id of come) if (!this.#crewsOf.has(id)) this.#crewsOf.set(id, []);
    const { size } = this.#crewsOf;
    const isOne = size <= (this.planeCount === 1 ? this.#sizes.whole : this.#sizes.wholeAgain);
    // One crew that stays one is the case of nearly every run; a swarm that changes its shape is cut anew.
    if (isOne || this.planeCount === 1) this.#cut(isOne ? 1 : PLANE_COUNT);
    else this.#move(left, come, changed);
    return isOne || changed.size === 0 ? new Set(this.#crewsOf.keys()) : changed;
  }

  /** Returns the crews, one a plane, that miss it now. */
  #leave(id: VolunteerId): readonly Crew[] {
    const crews = this.#crewsOf.get(id) ?? [];
    this.#crewsOf.delete(id);
    for (const crew of crews) crew.splice(crew.indexOf(id), 1);
    return crews;
  }

  #cut(planeCount: number): void {
    // By their ids: what is drawn follows from who is there, not from who came first.
    const ids = [...this.#crewsOf.keys()].sort();
    const drawn =
      planeCount === 1
        ? [[Uint32Array.from(ids, (_, i) => i)]]
        : drawPlanes({
            seed: streamSeed(this.#seed, 'cut', this.#draws++),
            seatCount: ids.length,
            groupSize: this.#sizes.crew,
            planeCount,
          });
    const crewsBySeat = drawn.map(() => new Array<Crew>(ids.length));
    this.#planes = drawn.map((groups, plane) => {
      const crews = new Set<Crew>();
      for (const group of groups) {
        const crew: Crew = [];
        for (const seat of group) {
          crew.push(ids[seat]!);
          crewsBySeat[plane]![seat] = crew;
        }
        crews.add(crew);
      }
      return crews;
    });
    // A list that grows takes room for seventeen at its first member; one that is made whole takes what it needs.
    for (const [seat, id] of ids.entries())
      this.#crewsOf.set(
        id,
        crewsBySeat.map((crewOf) => crewOf[seat]!),
      );
  }

  #move(left: readonly (readonly Crew[])[], come: readonly VolunteerId[], changed: Set<VolunteerId>): void {
    for (const [plane, crews] of this.#planes.entries()) {
      const touched = new Set<Crew>();
      for (const crewsOfOne of left) if (crewsOfOne[plane] !== undefined) touched.add(crewsOfOne[plane]);
      for (const id of come) {
        const crew = this.#smallest(crews, null);
        crew.push(id);
        this.#crewsOf.get(id)![plane] = crew;
        touched.add(crew);
      }
      for (const crew of touched) {
        if (crew.length < this.#sizes.min && crews.size > 1) touched.add(this.#join(crew, plane));
        if (crew.length > this.#sizes.max) touched.add(this.#split(crew, plane));
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
      other.push(id);
      this.#crewsOf.get(id)![plane] = other;
    }
    crew.length = 0;
    return other;
  }

  /** Too many have come: half of them, by chance, are a crew of their own. */
  #split(crew: Crew, plane: number): Crew {
    const half: Crew = [];
    while (half.length < crew.length) {
      const [id] = crew.splice(Math.floor(this.#random() * crew.length), 1);
      half.push(id!);
      this.#crewsOf.get(id!)![plane] = half;
    }
    this.#planes[plane]!.add(half);
    return half;
  }

  /** One of the smallest crews, by chance. */
  #smallest(crews: ReadonlySet<Crew>, except: Crew | null): Crew {
    let smallest: Crew[] = [];
    for (const crew of crews) {
      if (crew === except) continue;
      if (crew.length < (smallest[0]?.length ?? Infinity)) smallest = [];
      if (crew.length <= (smallest[0]?.length ?? Infinity)) smallest.push(crew);
    }
    return smallest[Math.floor(this.#random() * smallest.length)]!;
  }
}

const NOBODY: readonly VolunteerId[] = [];
