/**
 * Newcomers that asked us for the state: one copy of the replica serves all that wait for it. Pure.
 */
import type { Head, VolunteerId } from '@murmuration/protocol';
import type { Outbox } from './outbox.ts';
import type { TrainerEvent } from './ports.ts';

export class Donations {
  readonly #outbox: Outbox;
  readonly #runTag: number;
  readonly #donees = new Set<VolunteerId>();

  constructor(outbox: Outbox, runTag: number) {
    this.#outbox = outbox;
    this.#runTag = runTag;
  }

  asked(peer: VolunteerId): void {
    this.#donees.add(peer);
  }

  lost(peer: VolunteerId): void {
    this.#donees.delete(peer);
  }

  /** Asks the trainer for a copy when somebody waits and none is on its way. */
  advance(): void {
    if (this.#donees.size > 0 && !this.#outbox.inFlight('capture')) this.#outbox.train({ kind: 'capture' });
  }

  /** The copy is here. Without a head there is nothing to give: the newcomers will ask somebody else. */
  captured(event: Extract<TrainerEvent, { kind: 'captured' }>, head: Head | null): void {
    const { round, anchor, state } = event;
    if (head !== null)
      for (const peer of this.#donees)
        this.#outbox.send(peer, {
          kind: 'state',
          runTag: this.#runTag,
          term: head.term,
          round,
          anchor,
          state,
        });
    this.#donees.clear();
  }
}
