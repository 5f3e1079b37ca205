/**
 * What a newcomer pulls besides chunks: updates that passed before its links were open, and commits that it never heard
 * (their leader died, or said them before there was a link). Pure.
 */
import type { VolunteerId } from '@murmuration/protocol';
import type { EarlyFrames } from './early-frames.ts';
import type { Plan } from './fetch-plan.ts';
import type { Donor } from './peers.ts';

export interface PullWish {
  readonly kind: 'pull';
  readonly from: VolunteerId;
  readonly author: VolunteerId;
  readonly term: number;
  readonly round: number;
}

/** A commit is small, and without it the chunks of its round are worth nothing: two are asked, as one may die over it. */
const ASKED_FOR_COMMIT = 2;
/** Who has not answered for so long has a long queue, or nothing to give: another one is asked. A guess. */
const RETRY_MS = 700;

export class FetchPulls {
  readonly #self: VolunteerId;
  readonly #early: EarlyFrames;
  /** Who was asked, by "term round author"; of a commit the author is null. */
  readonly #pulled = new Map<string, { readonly asked: VolunteerId[]; askedMs: number }>();

  constructor(self: VolunteerId, early: EarlyFrames) {
    this.#self = self;
    this.#early = early;
  }

  has(term: number, round: number, author: VolunteerId | null): boolean {
    return this.#pulled.has(keyOf(term, round, author));
  }

  /** What to pull now, of those that are there: what was not pulled yet, or not answered. */
  wishes(
    { wanted, holes }: Pick<Extract<Plan, { kind: 'pull' }>, 'wanted' | 'holes'>,
    donors: readonly Donor[],
    term: number,
    nowMs: number,
  ): PullWish[] {
    const living = new Set(donors.map(({ id }) => id));
    const pull = (round: number, author: VolunteerId | null, holders: readonly VolunteerId[]): PullWish[] => {
      const key = keyOf(term, round, author);
      const known = this.#pulled.get(key);
      const isPending =
        known !== undefined && nowMs < known.askedMs + RETRY_MS && known.asked.some((id) => living.has(id));
      const able = isPending ? [] : holders.filter((id) => living.has(id) && !known?.asked.includes(id));
      const chosen = able.slice(0, author === null ? ASKED_FOR_COMMIT : 1);
      if (chosen.length === 0) return [];
      this.#pulled.set(key, { asked: [...(known?.asked ?? []), ...chosen], askedMs: nowMs });
      if (author === null) for (const holder of chosen) this.#early.asked(holder, term, round);
      // Nobody holds an update of ours: who is asked for it says the commit alone.
      return chosen.map((from) => ({ kind: 'pull', from, author: author ?? this.#self, term, round }));
    };
    const updates = wanted.flatMap(({ round, author, holders }) => pull(round, author, holders));
    const commits = holes.flatMap((round) => {
      const beyond = donors.filter((donor) => donor.term === term && donor.round > round);
      return pull(
        round,
        null,
        beyond.map(({ id }) => id),
      );
    });
    return [...updates, ...commits];
  }
}

const keyOf = (term: number, round: number, author: VolunteerId | null) => `${term} ${round} ${author}`;
