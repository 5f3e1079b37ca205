/** What closed a server's last rounds, for tabs that were away (SPEC S4). Bounded. Pure. */
import type { Head, Stretch, VolunteerId } from '@murmuration/protocol';
import { keptRounds, type HeldUpdate } from './held-updates.ts';

/** What closed a round: the update that stands for all, and whose updates those were. */
export interface Answer {
  readonly round: number;
  /** Where the round began. */
  readonly anchor: string;
  readonly update: HeldUpdate;
  readonly counted: ReadonlyMap<VolunteerId, number>;
  readonly graceMs: number;
  readonly stretch: Stretch;
}

export class Answers {
  readonly #byRound = new Map<number, Answer>();

  remember(answer: Answer): void {
    this.#byRound.set(answer.round, answer);
    const oldest = answer.round - keptRounds(answer.update.encoded.length);
    for (const round of this.#byRound.keys()) if (round < oldest) this.#byRound.delete(round);
  }

  /** [S4] What a tab that stands there has missed of what leads to `head`, ascending; null: it has to fetch the state. */
  since(round: number, anchor: string, head: Head): readonly Answer[] | null {
    if (this.#byRound.get(round)?.anchor !== anchor) return null;
    return Array.from({ length: head.round - round }, (_, i) => this.#byRound.get(round + i)!);
  }
}
