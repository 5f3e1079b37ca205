/** Fetching the updates that a commit lists and that did not come by themselves: whom to ask, when to give up. Pure. */
import type { VolunteerId } from '@murmuration/protocol';

/** Ask `from` for the update of `author`. */
export interface Wanted {
  readonly from: VolunteerId;
  readonly author: VolunteerId;
}

/** Time a pull may take before another holder is asked, and before the state is fetched instead. */
const RETRY_MS = 1_000;
const GIVE_UP_MS = 4_000;

export class Pull {
  readonly #self: VolunteerId;
  readonly #sinceMs: number;
  #askedMs = -Infinity;
  readonly #asked = new Set<string>();

  constructor(self: VolunteerId, nowMs: number) {
    this.#self = self;
    this.#sinceMs = nowMs;
  }

  get nextDeadlineMs(): number {
    return this.#askedMs + RETRY_MS;
  }

  /**
   * Whom to ask now; empty: those who were asked have time left.
   * @param authors whose updates are missing.
   * @param holders who may hold them, the likeliest first.
   */
  next(
    authors: readonly VolunteerId[],
    holders: readonly VolunteerId[],
    linked: ReadonlySet<VolunteerId>,
    nowMs: number,
  ): readonly Wanted[] | 'give-up' {
    if (nowMs - this.#sinceMs >= GIVE_UP_MS) return 'give-up';
    if (nowMs - this.#askedMs < RETRY_MS) return [];
    this.#askedMs = nowMs;
    const wanted = authors.flatMap((author) => {
      const from = holders.find(
        (id) => id !== this.#self && linked.has(id) && !this.#asked.has(`${id} ${author}`),
      );
      return from === undefined ? [] : [{ from, author }];
    });
    if (wanted.length < authors.length) return 'give-up';
    for (const { from, author } of wanted) this.#asked.add(`${from} ${author}`);
    return wanted;
  }
}
