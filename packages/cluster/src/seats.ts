/**
 * The seats of a fleet: seat 3 is the third volunteer tab, and whoever replaces it. A seat is taken by one tab at a time.
 */
import type { Tab, TabFleet } from './tabs.ts';

export class Seats {
  readonly #fleet: TabFleet;
  readonly #urlOf: (seat: number) => string;
  readonly #tabs = new Map<number, Tab>();
  readonly #busy = new Set<number>();

  /** @param urlOf the volunteer page of a seat, with what its tab wishes */
  constructor(fleet: TabFleet, urlOf: (seat: number) => string) {
    this.#fleet = fleet;
    this.#urlOf = urlOf;
  }

  /** Opens the volunteer page in this seat and gives consent. */
  async take(seat: number): Promise<Tab> {
    const tab = await this.#fleet.openVolunteer(this.#urlOf(seat));
    this.#tabs.set(seat, tab);
    return tab;
  }

  leave(seat: number): void {
    this.#tabs.delete(seat);
  }

  tabOf(seat: number): Tab | null {
    return this.#tabs.get(seat) ?? null;
  }

  /** Does `act` with the seat's tab while no other fault holds the seat. Null: it is empty or held. */
  async hold<T>(seat: number, act: (tab: Tab) => Promise<T>): Promise<T | null> {
    const tab = this.tabOf(seat);
    if (tab === null || this.#busy.has(seat)) return null;
    this.#busy.add(seat);
    try {
      return await act(tab);
    } finally {
      this.#busy.delete(seat);
    }
  }
}
