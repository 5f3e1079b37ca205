/** Which node each tab of a run is of, as the coordinator says it, and from when on that is so here. Pure. */
import type { CoordinatorMessageOf, VolunteerId } from '@murmuration/protocol';
import type { Outbox } from './outbox.ts';
import type { Voices } from './voices.ts';

type Nodes = NonNullable<CoordinatorMessageOf<'introduce'>['nodes']>;
interface Told {
  readonly own: VolunteerId;
  readonly of: ReadonlyMap<VolunteerId, VolunteerId>;
}
/** Answers to these would be taken for the new node's. */
const OF_A_NODE = ['load-state', 'form-update', 'commit'] as const;

export class NodeNames implements Voices {
  readonly #self: VolunteerId;
  #now: Told | null = null;
  #next: Told | null = null;

  constructor(self: VolunteerId) {
    this.#self = self;
  }

  /** Ours; null: not introduced yet. */
  get own(): VolunteerId | null {
    return this.#now?.own ?? null;
  }
  of = (id: VolunteerId): VolunteerId =>
    id === this.#self ? (this.own ?? id) : (this.#now?.of.get(id) ?? id);
  isMate = (peer: VolunteerId): boolean => this.#now !== null && this.#now.of.get(peer) === this.#now.own;
  /** Introduced, whether linked or not. */
  get mates(): readonly VolunteerId[] {
    return [...(this.#now?.of.keys() ?? [])].filter(this.isMate);
  }

  told(peers: readonly VolunteerId[], { own, ofPeers }: Nodes): void {
    this.#next = { own, of: new Map(peers.map((peer, i) => [peer, ofPeers[i] ?? peer])) };
  }

  /** [N6] What was asked of the trainer for our node is answered before we are of another. True: from now on we are. */
  heed(outbox: Outbox): boolean {
    const [former, next] = [this.own, this.#next];
    if (next === null) return false;
    const isBusy = outbox.inFlight(...OF_A_NODE) || outbox.isCapturing('inside');
    if (former !== null && former !== next.own && isBusy) return false;
    this.#now = next;
    this.#next = null;
    return former !== next.own;
  }
}
