/**
 * Fetching the updates that a commit lists and that did not come by themselves: whom to ask, when to give up.
 *
 * Where lines are thin an update may be listed while it still travels to us. To ask for it then is to have it sent twice, over
 * a line that is the bottleneck already; so those who are there are given the time that an exchange usually takes. Pure.
 */
import type { VolunteerId } from '@murmuration/protocol';
import type { HeldCommit } from './commit.ts';
import type { Reach } from './leadership.ts';
import { holdersOf, type Voices } from './voices.ts';

/** Ask `from` for the update of `author`. */
export interface Wanted {
  readonly from: VolunteerId;
  readonly author: VolunteerId;
}

/** Time a pull may take before another holder is asked. */
const RETRY_MS = 1_000;
/** Time in which something of what is missing has to come, and all of it: a leader may list what nobody has. */
const GIVE_UP_MS = 4_000;
const GIVE_UP_AT_LAST_MS = 20_000;

export class Pull {
  readonly #self: VolunteerId;
  readonly #voices: Voices;
  /** Until then, what its author may still be sending is waited for. */
  readonly #patientUntilMs: number;
  #dueMs = -Infinity;
  /** Something came, of so many. */
  #progressMs: number;
  #missingCount = 0;
  readonly #askedMs = new Map<VolunteerId, number>();
  readonly #asked = new Set<string>();

  /** @param usualMs what an exchange takes */
  constructor(self: VolunteerId, voices: Voices, usualMs: number, nowMs: number) {
    this.#self = self;
    this.#voices = voices;
    this.#patientUntilMs = nowMs + usualMs;
    this.#progressMs = this.#patientUntilMs;
  }

  get nextDeadlineMs(): number {
    return this.#dueMs;
  }

  /**
   * Whom to ask now; empty: those who were asked have time left, or what is missing may be on its way.
   * @param authors whose updates are missing.
   * @param isKnown whether this author sent us updates before: then it sends us this one as well.
   */
  next(
    authors: readonly VolunteerId[],
    commit: HeldCommit,
    {
      alive,
      linked,
      isKnown,
    }: Pick<Reach, 'alive' | 'linked'> & { readonly isKnown: (author: VolunteerId) => boolean },
    nowMs: number,
  ): readonly Wanted[] | 'give-up' {
    // Who said it holds what it lists; after it, anybody listed may. What we did not send, nobody holds.
    const holders = [commit.source, commit.leader, ...holdersOf(commit, this.#voices, linked)];
    const there = new Set([...alive].map((id) => this.#voices.of(id)));
    if (authors.length < this.#missingCount) this.#progressMs = Math.max(this.#progressMs, nowMs);
    this.#missingCount = authors.length;
    const giveUpMs = Math.min(this.#progressMs + GIVE_UP_MS, this.#patientUntilMs + GIVE_UP_AT_LAST_MS);
    if (nowMs >= giveUpMs) return 'give-up';
    this.#dueMs = giveUpMs;
    const wanted: Wanted[] = [];
    for (const author of authors) {
      const askedMs = this.#askedMs.get(author);
      const mayCome = there.has(author) && isKnown(author);
      const firstMs = mayCome ? this.#patientUntilMs : nowMs;
      const askMs = askedMs === undefined ? firstMs : askedMs + RETRY_MS;
      if (askMs > nowMs) {
        this.#dueMs = Math.min(this.#dueMs, askMs);
        continue;
      }
      const from = holders.find(
        (id) => id !== this.#self && linked.has(id) && !this.#asked.has(`${id} ${author}`),
      );
      if (from === undefined) return 'give-up';
      wanted.push({ from, author });
    }
    for (const { from, author } of wanted) {
      this.#askedMs.set(author, nowMs);
      this.#asked.add(`${from} ${author}`);
    }
    if (wanted.length > 0) this.#dueMs = Math.min(this.#dueMs, nowMs + RETRY_MS);
    return wanted;
  }
}
