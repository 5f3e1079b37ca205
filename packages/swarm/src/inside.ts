/** A member of a node's rounds (SPEC N): what a member of a run does, and how it comes to a replica without anybody. Pure. */
import type { Head, VolunteerId } from '@murmuration/protocol';
import type { ReplicaFetch } from './fetch-wishes.ts';
import { GroupRound } from './group-round.ts';
import { INSIDE, Membership } from './membership.ts';
import type { MembershipOptions } from './standing.ts';
import type { CycleRule } from './voices.ts';

/** What is different inside a node (node-tier.ts). */
export interface InsideRules {
  /** Values of a node's state. */
  readonly valueCount: number;
  readonly cycle: CycleRule;
  readonly fetch: (first: VolunteerId | null, nowMs: number) => ReplicaFetch;
  readonly stranded: () => void;
}

export class Inside extends Membership {
  readonly #outbox: MembershipOptions['outbox'];

  constructor(options: MembershipOptions & { readonly inside: InsideRules }) {
    super(options);
    this.#outbox = options.outbox;
  }

  /** [N2] A node begins where the run stands: at the first round of this cycle. */
  begin(term: number, round: number): void {
    this.current = { kind: 'founding', term, round, sha256: '' };
    this.#outbox.train({ kind: 'load-state', round, chunks: [], commits: [], ...INSIDE });
    // Who fetched until now is a newcomer to nobody.
    this.sayHelloToAll();
  }

  /** Our replica is worth nothing any more. */
  forsake(): void {
    if (this.current.kind === 'none') return;
    this.become({ kind: 'none' });
  }

  /** [N3] The nodes' round was applied. */
  moveTo(head: Head, nowMs: number): void {
    if (this.round instanceof GroupRound) this.round.moveTo(head, nowMs);
  }

  /** [N2] These stand where we stand. */
  seat(members: readonly VolunteerId[], nowMs: number): void {
    if (this.round instanceof GroupRound) this.round.seat(members, nowMs);
  }
}
