/**
 * One round of a tab whose run goes through an averaging server (SPEC S): its update goes to the server, and what closes
 * the round is the server's one update, which stands for everybody that was counted. The counterpart of group-round.ts
 * where nobody else is there to agree with: the server leads every round, a tab never does, and without it waits.
 *
 * A commit of the server's lists its update, and ours if that was counted. Averaging the server's update alone is applying
 * it, so all tabs and the server stand on the same bits. In an asynchronous run (SPEC A) ours stays pending from commit to
 * commit, until one lists it or the server refuses it. Pure.
 */
import { inspectUpdate, type CodecRule, type Fate } from '@murmuration/codec';
import type { FrameOf, Head, Stretch, VolunteerId } from '@murmuration/protocol';
import type { Commit } from './commit.ts';
import type { RoundDecision, RoundRejection } from './round-decision.ts';
import type { HeldUpdate } from './held-updates.ts';
import type { Round } from './rounds.ts';

/** Rounds ahead of ours that are kept: a tab that was away is brought forward by as many (S4). */
const ROUNDS_AHEAD_MAX = 32;
const HELD_MAX_BYTES = 64 * 1024 * 1024;

type Close = Extract<RoundDecision, { kind: 'close' }>;

export class ServedRound implements Round {
  readonly #self: VolunteerId;
  readonly #server: VolunteerId;
  readonly #codec: CodecRule;
  readonly #parameterCount: number;
  #head: Head;
  #closing = false;
  /** [R17] The server's word. */
  #stretch: Stretch = 1;
  readonly #isAsynchronous: boolean;
  /** And the round that it was formed in. */
  #own: HeldUpdate | undefined;
  #ownRound = 0;
  /** The server's, by round. */
  readonly #updates = new Map<number, HeldUpdate>();
  readonly #commits = new Map<number, Commit>();

  constructor(options: {
    self: VolunteerId;
    server: VolunteerId;
    codec: CodecRule;
    parameterCount: number;
    head: Head;
    isAsynchronous: boolean;
  }) {
    this.#self = options.self;
    this.#server = options.server;
    this.#codec = options.codec;
    this.#parameterCount = options.parameterCount;
    this.#head = options.head;
    this.#isAsynchronous = options.isAsynchronous;
  }

  get head(): Head {
    return this.#head;
  }
  get members(): readonly VolunteerId[] {
    return [this.#self, this.#server].sort();
  }
  get ownUpdate(): HeldUpdate | undefined {
    return this.#own;
  }
  get updateCount(): number {
    return this.#own === undefined ? 0 : 1;
  }
  get closing(): boolean {
    return this.#closing;
  }
  get catchingUp(): boolean {
    return this.#closing || this.#commits.has(this.#head.round);
  }
  get stretch(): Stretch {
    return this.#stretch;
  }
  leadsSoon(): boolean {
    return false;
  }
  held(): undefined {
    return undefined;
  }
  commitOf(): undefined {
    return undefined;
  }
  askedToYield(): null {
    return null;
  }
  yielded(): void {}
  /** Only what the server says moves a round. */
  nextDeadlineMs(): number {
    return Infinity;
  }

  addOwn(update: HeldUpdate): void {
    this.#own = update;
    this.#ownRound = this.#head.round;
  }

  /** [S4] [A3] Where the server stands there, what may have been lost on its way to it. */
  unanswered({ round }: { readonly round: number }): { round: number; update: HeldUpdate } | null {
    const isHere = round === this.#head.round && !this.#closing;
    if (this.#own === undefined || !(isHere || this.#isAsynchronous)) return null;
    return { round: this.#ownRound, update: this.#own };
  }

  /** [A3] Ours will not be counted, unless a commit that we have not applied yet lists it. */
  addRefusal(peer: VolunteerId, { crc }: { readonly crc: number }): RoundRejection | null {
    if (peer !== this.#server) return 'not-leader';
    const isListed = [...this.#commits.values()].some((commit) => this.#listedBy(commit) === crc);
    if (this.#own?.crc === crc && !isListed) this.#own = undefined;
    return null;
  }

  /** [S2] The server's update, of this round or of one to come. */
  addUpdate(peer: VolunteerId, frame: FrameOf<'update'>): RoundRejection | null {
    const { round, author } = frame;
    if (peer !== this.#server || author !== this.#server) return 'not-author';
    if (round < this.#head.round || (round === this.#head.round && this.#closing)) return 'old-round';
    if (round > this.#head.round + ROUNDS_AHEAD_MAX || this.#heldBytes > HELD_MAX_BYTES)
      return 'future-round';
    const rejection = inspectUpdate(frame.encoded, this.#codec, this.#parameterCount);
    if (rejection === null) this.#updates.set(round, frame);
    return rejection;
  }

  addCommit(peer: VolunteerId, frame: FrameOf<'commit'>): RoundRejection | null {
    const { round, leader } = frame;
    if (peer !== this.#server || leader !== this.#server) return 'not-leader';
    if (round < this.#head.round || (round === this.#head.round && this.#closing)) return 'old-round';
    if (round > this.#head.round + ROUNDS_AHEAD_MAX) return 'future-round';
    this.#commits.set(round, frame);
    return null;
  }

  decide(): RoundDecision | null {
    const commit = this.#commits.get(this.#head.round);
    if (this.#closing || commit === undefined) return null;
    const update = this.#updates.get(this.#head.round);
    // [S3] The server is right about where the run stands. What it said before its commit came before it.
    const isOurs = commit.anchor === this.#head.fingerprint;
    if (!isOurs || update === undefined || this.#listedBy(commit, this.#server) !== update.crc) {
      this.#commits.delete(this.#head.round);
      return { kind: 'resync', from: this.#server, why: 'other-anchor' };
    }
    this.#closing = true;
    return {
      kind: 'close',
      round: this.#head.round,
      updates: [update],
      own: this.#fateIn(commit),
      members: [],
      graceMs: commit.graceMs,
      stretch: commit.stretch,
      ballot: commit.ballot,
      announce: false,
    };
  }

  #fateIn(commit: Commit): Fate {
    if (this.#own === undefined) return 'uncounted';
    if (this.#listedBy(commit) === this.#own.crc) return 'counted';
    return this.#isAsynchronous ? 'pending' : 'uncounted';
  }

  #listedBy({ included }: Commit, author = this.#self): number | undefined {
    return included.find((entry) => entry.author === author)?.crc;
  }

  advance(head: Head, { own, stretch = 1 }: Pick<Close, 'own' | 'stretch'>): void {
    this.#head = head;
    this.#stretch = stretch;
    if (own !== 'pending') this.#own = undefined;
    this.#closing = false;
    for (const kept of [this.#updates, this.#commits])
      for (const round of kept.keys()) if (round < head.round) kept.delete(round);
  }

  get #heldBytes(): number {
    let bytes = 0;
    for (const { encoded } of this.#updates.values()) bytes += encoded.length;
    return bytes;
  }
}

/**
 * [S3] What a newcomer needs of a commit of the server's: its update. That an update of ours from before was counted
 * changes nothing in what the anchor moved by.
 */
export const ofServerAlone = (server: VolunteerId, frame: FrameOf<'commit'>): FrameOf<'commit'> => ({
  ...frame,
  included: frame.included.filter(({ author }) => author === server),
});
