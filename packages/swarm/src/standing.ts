/** Where a member of a run, or of a node, stands, as others of the mind ask for it. Pure. */
import type { Head, RunManifest, Stretch, VolunteerId } from '@murmuration/protocol';
import type { Arrival } from './arrival.ts';
import { Credit } from './ballots.ts';
import type { CrewBook } from './crew-book.ts';
import type { InsideRules } from './inside.ts';
import type { Reach } from './leadership.ts';
import type { NodeTier } from './node-tier.ts';
import type { Outbox } from './outbox.ts';
import type { OwnWork } from './own-work.ts';
import type { Peers } from './peers.ts';
import type { RoundLength } from './round-length.ts';
import type { Round } from './rounds.ts';
import type { Line } from './scheme-choice.ts';
import { Sending } from './sending.ts';

export type Role = Arrival | { readonly kind: 'member'; readonly round: Round };

const NO_TERM = -1;

export interface MembershipOptions {
  readonly manifest: RunManifest;
  readonly runTag: number;
  readonly self: VolunteerId;
  readonly peers: Peers;
  readonly outbox: Outbox;
  readonly paused: boolean;
  /** Of the run's rounds. */
  readonly length?: RoundLength;
  /** Towards peers; left out: not looked at. */
  readonly line?: () => Line;
  /** Of a run with tiers: our node. */
  readonly node?: NodeTier | undefined;
  /** Of a node. */
  readonly inside?: InsideRules;
  /** What was said in this group before; left out: nothing. */
  readonly own?: OwnWork;
}

/** The run is neither paused nor at its end. `isHeld`: the node waits for the round of nodes. */
export interface Circumstances {
  readonly coordinatorUp: boolean;
  readonly roundsGoOn: boolean;
  readonly isHeld?: boolean;
}
export abstract class Standing {
  readonly crews: CrewBook;
  readonly #peers: Peers;
  protected current: Role = { kind: 'none' };
  protected paused: boolean;
  protected readonly length: RoundLength | undefined;
  /** Of candidates; a state that is fetched anew forgives nobody. */
  protected readonly credit = new Credit();
  readonly #line: MembershipOptions['line'];
  readonly #sending = new Sending();

  constructor(
    parts: Pick<MembershipOptions, 'peers' | 'paused' | 'length' | 'line'> & { readonly crews: CrewBook },
  ) {
    this.#peers = parts.peers;
    this.crews = parts.crews;
    this.paused = parts.paused;
    this.length = parts.length;
    this.#line = parts.line;
  }

  get role(): Role {
    return this.current;
  }
  /** The round that it is in; null: it is no member. */
  protected get round(): Round | null {
    return this.current.kind === 'member' ? this.current.round : null;
  }
  get head(): Head | null {
    return this.round?.head ?? null;
  }
  get alive(): ReadonlySet<VolunteerId> {
    return this.#peers.reach(this.head?.term ?? NO_TERM).alive;
  }
  protected get reach(): Reach {
    const all = this.#peers.reach(this.head?.term ?? NO_TERM);
    return this.head === null ? all : this.crews.reach(all, this.#peers, this.head.round);
  }
  protected readonly isSending = (nowMs: number): boolean =>
    this.#line !== undefined && this.#sending.isAtWork(this.#line(), nowMs);
  get members(): readonly VolunteerId[] {
    return this.round?.members ?? [];
  }
  /** [R17] Of the round that it is in. */
  get stretch(): Stretch {
    return this.round?.stretch ?? 1;
  }
  get updateCount(): number {
    return this.round?.updateCount ?? 0;
  }
  get atBoundary(): boolean {
    return this.round?.closing === false;
  }
  /** This round or the next is ours to close. In a group of two there is no better time. */
  get leadsSoon(): boolean {
    return this.round !== null && this.alive.size > 1 && this.round.leadsSoon(this.reach.alive);
  }
  /** Our update of this round is out. */
  get isPublished(): boolean {
    return this.round?.ownUpdate !== undefined;
  }
  /** The round to train for now. */
  protected get working(): Round | null {
    return this.atBoundary && !this.paused ? this.round : null;
  }
}
