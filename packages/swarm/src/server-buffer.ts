/**
 * What an averaging server of an asynchronous run has collected since its last version of the model (SPEC A): the
 * counterpart of server-round.ts where nobody is waited for. A version is closed when the updates of a share of those at
 * work are there, or the first one has waited for as long as that takes.
 *
 *   an update that is s versions behind, u being usual, weighs samples * min(1, sqrt((1 + u) / (1 + s)))
 *   gain = gain(n at work) * weight of these / samples of one update of everybody at work
 *
 * The square root is FedBuff's (Nguyen et al. 2022, section 5). It is relative because an update is always a version or so
 * behind: when that cost everybody a quarter of its weight, runs learned less from equal samples (docs/strategies.md).
 *
 * So a sample moves the model by as much as in a round of all, however few updates close a version; with everybody's
 * update in it, a version is a round. Pure.
 */
import { gainOf, inspectUpdate, type CodecRule, type MeanRule } from '@murmuration/codec';
import { LIMITS, type FrameOf, type Head, type UpdateBody, type VolunteerId } from '@murmuration/protocol';
import { Answers, type Answer } from './answers.ts';
import { Crowd, type Shift } from './crowd.ts';
import type { HeldUpdate } from './held-updates.ts';
import { summaryOf, type ServerRound } from './server-round.ts';
import { spellAt } from './speeds.ts';

/** A version is closed with the updates of so many of those at work; what was measured: docs/strategies.md. */
const BUFFER_SHARE = 0.25;
/** Or when the first of them has waited for this share of the usual time between two updates of a tab. */
const WAIT_SHARE = 0.5;

/** Weight of the newest update in the running mean of staleness. A guess: some versions of a small group. */
const NEWEST_WEIGHT = 0.05;

interface Waiting extends HeldUpdate {
  readonly round: number;
}

const keyOf = ({ author, crc }: Pick<HeldUpdate, 'author' | 'crc'>) => `${author} ${crc}`;

export class ServerBuffer implements Pick<ServerRound, keyof ServerRound> {
  readonly #codec: CodecRule;
  readonly #rule: MeanRule;
  readonly #parameterCount: number;
  readonly #stalenessMax: number;
  #head: Head;
  /** Where the versions began whose updates are taken. */
  readonly #anchors = new Map<number, string>();
  readonly #waiting = new Map<VolunteerId, Waiting>();
  #firstMs = Infinity;
  #closing: readonly Waiting[] | null = null;
  #gain = 1;
  /** The version in which each of the last updates was counted. */
  readonly #counted = new Map<string, number>();
  readonly #crowd = new Crowd();
  #shift: Shift | null = null;
  #isShort = false;
  /** Running mean over the counted updates, versions. */
  #usualStaleness = 0;
  readonly #answers = new Answers();

  constructor(options: {
    codec: CodecRule;
    rule: MeanRule;
    parameterCount: number;
    stalenessMax: number;
    head: Head;
  }) {
    this.#codec = options.codec;
    this.#rule = options.rule;
    this.#parameterCount = options.parameterCount;
    this.#stalenessMax = options.stalenessMax;
    this.#head = options.head;
    this.#anchors.set(options.head.round, options.head.fingerprint);
  }

  get head(): Head {
    return this.#head;
  }
  get gain(): number {
    return this.#gain;
  }
  /** Of the version that is collected for now. */
  get #next(): number {
    return this.#head.round + (this.#closing === null ? 0 : 1);
  }

  /**
   * [A1] [A3] Null: taken. `duplicate`: a commit will list it. Any other word is a refusal, also `counted`: the commit that
   * lists it left before the refusal does.
   */
  add(peer: VolunteerId, frame: FrameOf<'update'>, nowMs: number): string | null {
    const { round, author } = frame;
    if (peer !== author) return 'not-author';
    if (round > this.#head.round) return 'future-round';
    if (this.#closing?.some((held) => keyOf(held) === keyOf(frame))) return 'duplicate';
    if (this.#counted.has(keyOf(frame))) return 'counted';
    if (this.#next - round > this.#stalenessMax) return 'stale';
    if (this.#anchors.get(round) !== frame.anchor) return 'other-anchor';
    const earlier = this.#waiting.get(author);
    if (earlier !== undefined) return earlier.crc === frame.crc ? 'duplicate' : 'one-waits';
    if (this.#waiting.size >= LIMITS.linksMax) return 'one-waits';
    const rejection = inspectUpdate(frame.encoded, this.#codec, this.#parameterCount);
    if (rejection !== null) return rejection;
    this.#waiting.set(author, frame);
    this.#crowd.sent(frame, nowMs);
    this.#firstMs = Math.min(this.#firstMs, nowMs);
    return null;
  }

  /** [A2] The updates to combine, each with its weight for `sampleCount`; null: not yet. As in `ServerRound`. */
  close(alive: ReadonlySet<VolunteerId>, tabsMin: number, nowMs: number): readonly HeldUpdate[] | null {
    this.#isShort = alive.size < tabsMin;
    if (this.#closing !== null || this.#waiting.size === 0 || this.#isShort) return null;
    const shift = this.#crowd.shift(this.#waiting, alive, nowMs);
    this.#shift = shift;
    if (this.#waiting.size < Math.ceil(BUFFER_SHARE * shift.count) && nowMs < this.#dueMs) return null;
    this.#closing = [...this.#waiting.values()].sort((a, b) => (a.author < b.author ? -1 : 1));
    this.#waiting.clear();
    this.#firstMs = Infinity;
    const weighed = this.#closing.map((update) => {
      const samples = Math.min(shift.samplesMax, update.sampleCount);
      return { ...update, sampleCount: samples * this.#discount(this.#head.round - update.round) };
    });
    const weight = weighed.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
    this.#gain = gainOf(shift.count, this.#rule) * Math.min(1, weight / shift.samples);
    return weighed;
  }

  #discount(staleness: number): number {
    const usual = this.#usualStaleness;
    this.#usualStaleness += NEWEST_WEIGHT * (staleness - usual);
    return Math.min(1, Math.sqrt((1 + usual) / (1 + staleness)));
  }

  get #dueMs(): number {
    return this.#firstMs + WAIT_SHARE * (this.#shift?.usualMs ?? 0);
  }

  get nextDeadlineMs(): number {
    if (this.#closing !== null || this.#waiting.size === 0 || this.#isShort) return Infinity;
    return this.#dueMs;
  }

  get summary(): Omit<UpdateBody, 'author' | 'anchor' | 'slice' | 'encoded'> {
    const summary = summaryOf(this.#closing ?? []);
    return this.#shift === null ? summary : { ...summary, ...spellAt(this.#shift.fastest) };
  }

  advance(head: Head, update: HeldUpdate): Answer {
    const { round, fingerprint: anchor } = this.#head;
    const closed = this.#closing ?? [];
    for (const each of closed) this.#counted.set(keyOf(each), round);
    const counted = new Map(closed.map(({ author, crc }) => [author, crc]));
    const answer = { round, anchor, update, counted, graceMs: 0, stretch: 1 as const };
    this.#answers.remember(answer);
    this.#head = head;
    this.#anchors.set(head.round, head.fingerprint);
    this.#closing = null;
    const oldest = head.round - this.#stalenessMax;
    for (const [key, countedIn] of this.#counted) if (countedIn < oldest) this.#counted.delete(key);
    for (const old of this.#anchors.keys()) if (old < oldest) this.#anchors.delete(old);
    return answer;
  }

  countNone(): readonly HeldUpdate[] {
    const none = this.#closing ?? [];
    this.#closing = [];
    return none;
  }

  /** Nobody is waited for, so there is no grace. */
  takeDecisions(): [] {
    return [];
  }

  since(round: number, anchor: string): readonly Answer[] | null {
    return this.#answers.since(round, anchor, this.#head);
  }
}
