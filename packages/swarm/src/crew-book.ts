/**
 * With whom we exchange: the crews that the coordinator named. In one plane, the run is one group whose members stand on
 * one anchor. In several, the round says which crew it is for; anchors of different crews differ, and slices keep them
 * together (codec, slices.ts). Pure.
 */
import type { CoordinatorMessageOf, VolunteerId } from '@murmuration/protocol';
import type { Reach } from './leadership.ts';
import type { Peers } from './peers.ts';

/** A replica this many rounds behind its peers, for this long, fetches the state instead of waiting for commits. */
const BEHIND = { rounds: 2, maxMs: 1_500 };
/** Crews do not march in step: one that waits for a straggler holds up nobody else. */
const BEHIND_IN_CREWS = { rounds: 4, maxMs: 6_000 };
interface Plane {
  readonly mates: ReadonlySet<VolunteerId>;
  /** Mates that are reached through the coordinator. */
  readonly viaCoordinator: readonly VolunteerId[];
  /** The mates and ourselves, ascending. */
  readonly crew: readonly VolunteerId[];
}

/** What `reach` answered last, and for which question. */
interface KeptReach {
  readonly all: Reach;
  readonly mates: ReadonlySet<VolunteerId>;
  readonly round: number;
  readonly roundsHeard: number;
  readonly answer: Reach;
}

export class CrewBook {
  readonly #self: VolunteerId;
  readonly #fansOut: boolean;
  #planes: Plane[] = [];
  /** Asked several times after every event, and changed by few of them. */
  #reach: KeptReach | null = null;

  /** @param fansOut the run is hybrid */
  constructor(self: VolunteerId, fansOut = false) {
    this.#self = self;
    this.#fansOut = fansOut;
  }

  /** Whether there is more than one group: anchors differ. */
  get isMixed(): boolean {
    return this.#planes.length > 1;
  }

  /** How far behind, for how long, is too far ([R8], [R13]). */
  get behindBounds(): { readonly rounds: number; readonly maxMs: number } {
    return this.isMixed ? BEHIND_IN_CREWS : BEHIND;
  }

  /** Takes an introduction. Returns everybody to hold a link with, and who of them is reached through the coordinator. */
  introduced({ plane, planeCount, peers, viaCoordinator }: CoordinatorMessageOf<'introduce'>): {
    readonly mates: VolunteerId[];
    readonly viaCoordinator: VolunteerId[];
  } {
    if (this.#planes.length !== planeCount)
      this.#planes = Array.from({ length: planeCount }, () => this.#plane([], []));
    if (plane < planeCount) this.#planes[plane] = this.#plane(peers, viaCoordinator);
    return {
      mates: [...new Set(this.#planes.flatMap(({ mates }) => [...mates]))],
      viaCoordinator: [...new Set(this.#planes.flatMap((each) => each.viaCoordinator))],
    };
  }

  #plane(peers: readonly VolunteerId[], viaCoordinator: readonly VolunteerId[]): Plane {
    return { mates: new Set(peers), viaCoordinator, crew: [...peers, this.#self].sort() };
  }

  #planeOf(round: number): Plane {
    return this.#planes[round % this.#planes.length]!;
  }

  /** The crew of a round, with ourselves, ascending; null: everybody in the run. */
  crewOf(round: number): readonly VolunteerId[] | null {
    if (!this.isMixed) return null;
    return this.#planeOf(round).crew;
  }

  /** Whom a member of the round's crew can count on, of all that it is linked with. */
  reach(all: Reach, peers: Peers, round: number): Reach {
    if (!this.isMixed) return all;
    const { mates } = this.#planeOf(round);
    const kept = this.#reach;
    const isSame = kept !== null && kept.all === all && kept.mates === mates && kept.round === round;
    const { roundsHeard } = peers;
    if (isSame && kept.roundsHeard === roundsHeard) return kept.answer;
    const alive = isSame ? kept.answer.alive : common(all.alive, mates);
    const linked = isSame ? kept.answer.linked : common(all.linked, mates);
    let beyondCount = 0;
    for (const id of alive) if (peers.get(id)!.round > round) beyondCount += 1;
    const answer = { alive, linked, gone: all.gone, beyondCount };
    this.#reach = { all, mates, round, roundsHeard, answer };
    return answer;
  }

  /** Of these, whom this round of ours concerns. */
  matesAmong(peers: readonly VolunteerId[], round: number): readonly VolunteerId[] {
    return this.isMixed ? peers.filter((peer) => this.#planeOf(round).mates.has(peer)) : peers;
  }

  /** How often an update leaves for these: once for each mate of the round, but once for all of a fan-out (SPEC T6). */
  copiesFor(peers: readonly VolunteerId[], round: number): number {
    const mates = this.matesAmong(peers, round);
    if (!this.#fansOut) return mates.length;
    const via = new Set(this.#planes.flatMap((each) => each.viaCoordinator));
    const direct = mates.filter((mate) => !via.has(mate)).length;
    return direct + Math.min(1, mates.length - direct);
  }
}

/** In the order of the first. */
function common(ids: ReadonlySet<VolunteerId>, others: ReadonlySet<VolunteerId>): Set<VolunteerId> {
  const both = new Set<VolunteerId>();
  for (const id of ids) if (others.has(id)) both.add(id);
  return both;
}
