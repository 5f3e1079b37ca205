/**
 * The averaging server of a central run as its ledger knows it: no volunteer, so that no lease, evaluation or count
 * concerns it, but whoever holds no replica joins where it stands, and it alone founds (SPEC S).
 */
import type { CoordinatorMessage, Decision, Head, VolunteerId } from '@murmuration/protocol';

/** What can be said of it. `gone`: its thread ended; it comes back with nothing. */
export type ServerEvent =
  | { readonly kind: 'server-came' }
  | { readonly kind: 'server-gone' }
  | { readonly kind: 'server-stands'; readonly head: Head | null }
  /** No tab gave it a state, or its checkpoint would not load. */
  | { readonly kind: 'server-stranded' }
  /** It adapted something by itself. */
  | { readonly kind: 'server-decided'; readonly decisions: readonly Decision[] };

export class ServerSeat {
  readonly id: VolunteerId;
  readonly #tell: (to: VolunteerId, message: CoordinatorMessage) => void;
  isHere = false;
  head: Head | null = null;
  /** The term that it was told to join. */
  joinTold: number | null = null;
  isStranded = false;

  constructor(id: VolunteerId, tell: (to: VolunteerId, message: CoordinatorMessage) => void) {
    this.id = id;
    this.#tell = tell;
  }

  came(): void {
    this.isHere = true;
    this.head = null;
    this.joinTold = null;
    this.isStranded = false;
  }
  gone(): void {
    this.isHere = false;
    this.head = null;
  }

  tell(message: CoordinatorMessage): void {
    if (this.isHere) this.#tell(this.id, message);
  }

  /** A replica of today's term, not older than the latest checkpoint. */
  holds(term: number, roundMin: number): boolean {
    return this.head !== null && this.head.term === term && this.head.round >= roundMin;
  }
}
