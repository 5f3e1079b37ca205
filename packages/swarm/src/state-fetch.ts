/**
 * A newcomer fetching the group's state: whom to ask, how long to wait, what to keep of the rounds that go on
 * meanwhile. Pure. A donor may die at any moment: the next one is asked, and nobody else notices.
 */
import { stateBytes } from '@murmuration/codec';
import type { FrameOf, VolunteerId } from '@murmuration/protocol';

/** A donor answers at its next free moment in the trainer, then sends. Home uplinks of 5 Mbit/s carry 600 bytes/ms. */
const ANSWER_MAX_MS = 10_000;
const BYTES_PER_MS_MIN = 600;
/** Without any donor for so long, the coordinator is told (it may introduce others or found a new term). */
const STRANDED_MS = 8_000;
/** Updates and commits kept while the state is on its way: rounds, and bytes of updates. */
const EARLY_ROUNDS = 16;
const EARLY_MAX_BYTES = 64 * 1024 * 1024;

type RoundFrame = FrameOf<'update'> | FrameOf<'commit'>;

const bytesOf = (frame: RoundFrame) => (frame.kind === 'update' ? frame.encoded.length : 0);

/** What was said in the group while we could not yet take part. Bounded by rounds and group size. */
export class EarlyFrames {
  readonly #kept = new Map<string, { peer: VolunteerId; frame: RoundFrame }>();
  #newestRound = 0;
  #bytes = 0;

  keep(peer: VolunteerId, frame: RoundFrame): string | null {
    if (frame.kind === 'update' && frame.author !== peer) return 'not-author';
    this.#newestRound = Math.max(this.#newestRound, frame.round);
    const key = `${frame.kind}.${frame.term}.${frame.round}.${peer}`;
    if (!this.#kept.has(key)) this.#bytes += bytesOf(frame);
    this.#kept.set(key, { peer, frame });
    // The oldest go first: the state that comes will be newer than they are.
    for (const [old, { frame: kept }] of this.#kept) {
      if (kept.round + EARLY_ROUNDS > this.#newestRound && this.#bytes <= EARLY_MAX_BYTES) continue;
      this.#kept.delete(old);
      this.#bytes -= bytesOf(kept);
    }
    return null;
  }

  frames(term: number): { readonly peer: VolunteerId; readonly frame: RoundFrame }[] {
    return [...this.#kept.values()].filter(({ frame }) => frame.term === term);
  }
}

export class StateFetch {
  readonly early = new EarlyFrames();
  readonly #patienceMs: number;
  #first: VolunteerId | null;
  #asked: { donor: VolunteerId; atMs: number } | null = null;
  #accepted: { term: number; anchor: string } | null = null;
  readonly #tried = new Set<VolunteerId>();
  #aloneSinceMs: number;

  constructor(options: { parameterCount: number; first: VolunteerId | null; nowMs: number }) {
    this.#patienceMs = ANSWER_MAX_MS + stateBytes(options.parameterCount) / BYTES_PER_MS_MIN;
    this.#first = options.first;
    this.#aloneSinceMs = options.nowMs;
  }

  /** Term and anchor of the state that is being loaded. */
  get accepted(): { readonly term: number; readonly anchor: string } | null {
    return this.#accepted;
  }

  get nextDeadlineMs(): number {
    if (this.#accepted !== null) return Infinity;
    return this.#asked === null ? this.#aloneSinceMs + STRANDED_MS : this.#asked.atMs + this.#patienceMs;
  }

  /** What to do now: ask a donor, tell the coordinator, or wait (null). */
  next(
    donors: readonly { readonly id: VolunteerId }[],
    nowMs: number,
  ): { readonly kind: 'ask'; readonly donor: VolunteerId } | { readonly kind: 'stranded' } | null {
    if (this.#accepted !== null) return null;
    if (this.#asked !== null) {
      if (nowMs < this.#asked.atMs + this.#patienceMs) return null;
      this.#asked = null;
    }
    const untried = donors.filter(({ id }) => !this.#tried.has(id));
    const donor = untried.find(({ id }) => id === this.#first) ?? untried[0];
    if (donor !== undefined) {
      this.#first = null;
      this.#tried.add(donor.id);
      this.#asked = { donor: donor.id, atMs: nowMs };
      return { kind: 'ask', donor: donor.id };
    }
    if (nowMs < this.#aloneSinceMs + STRANDED_MS) return null;
    this.#aloneSinceMs = nowMs;
    this.#tried.clear();
    return { kind: 'stranded' };
  }

  /** Whether this peer was asked and may still answer. */
  isAsked(peer: VolunteerId): boolean {
    return this.#asked?.donor === peer && this.#accepted === null;
  }

  /** Its answer is being loaded. */
  accept(state: { readonly term: number; readonly anchor: string }): void {
    this.#accepted = state;
  }

  /** The state was not what its donor said, or none at all: somebody else is asked. */
  refused(): void {
    this.#accepted = null;
    this.#asked = null;
  }

  lost(peer: VolunteerId): void {
    if (this.isAsked(peer)) this.#asked = null;
  }
}
