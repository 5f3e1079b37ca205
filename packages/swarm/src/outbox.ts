/** Where the parts of the mind put their wishes: effects in order, trainer tickets under way, counts of refusals. */
import type { OutgoingFrame, VolunteerId, VolunteerMessage } from '@murmuration/protocol';
import type { Effect, OfTier, TrainerCommand } from './ports.ts';

export class Outbox {
  #effects: Effect[] = [];
  #ticket = 0;
  readonly #tickets = new Map<number, TrainerCommand>();
  readonly #counts = new Map<string, number>();

  /** Refusals and failures so far, by reason. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** The effects since the last call, in order. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  push(effect: Effect): void {
    this.#effects.push(effect);
  }

  say(message: VolunteerMessage): void {
    this.#effects.push({ kind: 'tell-coordinator', message });
  }

  send(peer: VolunteerId, frame: OutgoingFrame): void {
    this.#effects.push({ kind: 'send', peer, frame });
  }

  /** Returns the ticket of the answer. */
  train(command: TrainerCommand): number {
    this.#ticket += 1;
    this.#tickets.set(this.#ticket, command);
    this.#effects.push({ kind: 'train', ticket: this.#ticket, command });
    return this.#ticket;
  }

  /** The command that a trainer's event answers; undefined when it is nobody's any more. */
  answered(ticket: number): TrainerCommand | undefined {
    const command = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    return command;
  }

  inFlight(...kinds: readonly TrainerCommand['kind'][]): boolean {
    for (const command of this.#tickets.values()) if (kinds.includes(command.kind)) return true;
    return false;
  }
  /** A copy for newcomers is being made: of the run's state, or of our node's. */
  isCapturing(tier: OfTier['tier']): boolean {
    for (const command of this.#tickets.values())
      if (command.kind === 'capture' && command.tier === tier) return true;
    return false;
  }

  /** The trainer owes us an answer. */
  get isTrainerBusy(): boolean {
    return this.#tickets.size > 0;
  }

  /** Answers to commands given so far concern nobody any more. */
  forgetTickets(): void {
    this.#tickets.clear();
  }

  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}
