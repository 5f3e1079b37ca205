/**
 * One round at a run's averaging server (SPEC S): whose updates are in, when it closes, and what closed the last ones, for
 * tabs that were away. The closing rules are those of every group (R3); the server leads all rounds, so there is nobody to
 * agree with. Pure.
 */
import { gainOf, inspectUpdate, median, type CodecRule, type MeanRule } from '@murmuration/codec';
import {
  LIMITS,
  type Decision,
  type FrameOf,
  type Head,
  type Stretch,
  type UpdateBody,
  type VolunteerId,
} from '@murmuration/protocol';
import { Answers, type Answer } from './answers.ts';
import type { HeldUpdate } from './held-updates.ts';
import { DecisionLog } from './decision-log.ts';
import { SHOWN_RATIO, type RoundLength } from './round-length.ts';
import { GRACE_MAX_MS, RoundClock } from './round-clock.ts';
import { fastestOf, spellAt } from './speeds.ts';

const SAMPLES_MAX = LIMITS.localStepsMax * LIMITS.batchMax;
/** A tab that missed so many rounds in a row is no longer waited for (its updates still count when they come). */
const MISSED_MAX = 3;

export class ServerRound {
  readonly #codec: CodecRule;
  readonly #rule: MeanRule;
  readonly #parameterCount: number;
  #head: Head;
  #updates = new Map<VolunteerId, HeldUpdate>();
  /** Being combined: what comes now comes too late. */
  #closing: readonly HeldUpdate[] | null = null;
  readonly #clock: RoundClock;
  readonly #length: RoundLength;
  #startMs: number;
  /** Who took part in the round before. */
  #tabs: ReadonlySet<VolunteerId> = new Set();
  #left = 0;
  /** Everybody's update is in it: how long it took is not a grace. */
  #isWhole = false;
  #missed = new Map<VolunteerId, number>();
  readonly #answers = new Answers();
  readonly #log = new DecisionLog();

  constructor(options: {
    codec: CodecRule;
    rule: MeanRule;
    parameterCount: number;
    adapts: boolean;
    length: RoundLength;
    head: Head;
    nowMs: number;
  }) {
    this.#codec = options.codec;
    this.#rule = options.rule;
    this.#parameterCount = options.parameterCount;
    this.#head = options.head;
    this.#clock = new RoundClock(options.nowMs, options.adapts);
    this.#length = options.length;
    this.#startMs = options.nowMs;
    this.#length.begin({ round: options.head.round, stretch: 1 }, options.nowMs);
  }

  get head(): Head {
    return this.#head;
  }

  /** [R2] As in every group. Null: taken. */
  add(peer: VolunteerId, frame: FrameOf<'update'>, nowMs: number): string | null {
    const { round, author } = frame;
    if (peer !== author) return 'not-author';
    if (round < this.#head.round || (round === this.#head.round && this.#closing !== null))
      return 'old-round';
    if (round > this.#head.round) return 'future-round';
    if (frame.anchor !== this.#head.fingerprint) return 'other-anchor';
    const earlier = this.#updates.get(author);
    if (earlier !== undefined) return earlier.crc === frame.crc ? 'duplicate' : 'equivocation';
    if (this.#updates.size >= LIMITS.linksMax) return 'future-round';
    const rejection = inspectUpdate(frame.encoded, this.#codec, this.#parameterCount);
    if (rejection !== null) return rejection;
    this.#updates.set(author, frame);
    this.#clock.arrived(nowMs);
    return null;
  }

  /**
   * The updates to combine, ascending by author, once the round is to be closed; null: it is not.
   * @param alive tabs that take part [R3]
   * @param tabsMin with fewer tabs no round is closed [S5]
   */
  close(alive: ReadonlySet<VolunteerId>, tabsMin: number, nowMs: number): readonly HeldUpdate[] | null {
    if (this.#closing !== null || this.#updates.size === 0 || alive.size < tabsMin) return null;
    const expected = [...alive].filter((id) => (this.#missed.get(id) ?? 0) < MISSED_MAX);
    const arrived = expected.filter((id) => this.#updates.has(id)).length;
    this.#clock.judge(2 * arrived >= expected.length, nowMs);
    if (arrived < expected.length && nowMs < this.#clock.closeMs) return null;
    const missed = (id: VolunteerId) => (this.#updates.has(id) ? 0 : (this.#missed.get(id) ?? 0) + 1);
    this.#missed = new Map([...alive].map((id) => [id, missed(id)]));
    this.#left = [...this.#tabs].filter((id) => !alive.has(id)).length;
    this.#tabs = new Set(alive);
    this.#isWhole = arrived === expected.length;
    this.#closing = [...this.#updates.values()].sort((a, b) => (a.author < b.author ? -1 : 1));
    return this.#closing;
  }

  /** When `close` should be asked again at the latest; Infinity: only after an event. */
  get nextDeadlineMs(): number {
    if (this.#closing !== null || this.#updates.size === 0) return Infinity;
    return this.#clock.nextDeadlineMs(null);
  }

  /** The numbers of what stands for all that are being combined. */
  get summary(): Omit<UpdateBody, 'author' | 'anchor' | 'slice' | 'encoded'> {
    return summaryOf(this.#closing ?? []);
  }
  /** How far their mean is followed. */
  get gain(): number {
    return gainOf(this.#closing?.length ?? 1, this.#rule);
  }

  /** The round is closed by this update; the next one begins. */
  advance(head: Head, update: HeldUpdate, nowMs: number): Answer {
    const { round, fingerprint: anchor } = this.#head;
    const counted = new Map((this.#closing ?? []).map(({ author, crc }) => [author, crc]));
    const graceMs = this.#clock.measuredGraceMs;
    const stretch = this.#stretchAfter(nowMs);
    const answer = { round, anchor, update, counted, graceMs, stretch };
    this.#answers.remember(answer);
    this.#head = head;
    this.#updates = new Map();
    this.#closing = null;
    this.#clock.next(graceMs, [], nowMs);
    this.#length.begin({ round: head.round, stretch }, nowMs);
    this.#startMs = nowMs;
    this.#noteGrace(round);
    return answer;
  }

  /** [R17] Of the next round. From here an exchange is seen only where it shows, as time in which half of the tabs did not train. */
  #stretchAfter(nowMs: number): Stretch {
    const updates = this.#closing ?? [];
    const roundMs = nowMs - this.#startMs;
    const shows = roundMs > SHOWN_RATIO * median(updates.map(({ trainMs }) => trainMs));
    const exchangeMs = this.#isWhole ? (shows ? roundMs : 'hidden') : null;
    this.#length.closed(updates, { members: this.#tabs.size, left: this.#left, exchangeMs }, nowMs);
    const stretch = this.#length.next(this.#head.round + 1);
    const change = this.#length.takeChange();
    if (change !== null) this.#log.changed(change);
    return stretch;
  }

  #noteGrace(round: number): void {
    const { measuredGrace } = this.#clock;
    if (measuredGrace === undefined) return;
    const { ms, usualMs, deviationMs } = measuredGrace;
    this.#log.stands('grace', round, GRACE_MAX_MS, ms, { usualMs, deviationMs });
  }

  /** [C4] Not told yet. */
  takeDecisions(): Decision[] {
    return this.#log.take();
  }

  /**
   * They cannot be combined: the round counts none of them, and their authors keep them in their residuals. Returns those
   * whose authors have to be told so, as not every commit settles an update.
   */
  countNone(): readonly HeldUpdate[] {
    this.#closing = [];
    return [];
  }

  /** [S4] What a tab that stands there has missed, ascending; null: it has to fetch the state. */
  since(round: number, anchor: string): readonly Answer[] | null {
    return this.#answers.since(round, anchor, this.#head);
  }
}

export function summaryOf(
  updates: readonly UpdateBody[],
): Omit<UpdateBody, 'author' | 'anchor' | 'slice' | 'encoded'> {
  if (updates.length === 0) return { sampleCount: 1, ...spellAt(null), loss: 0 };
  const samples = updates.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
  const loss = updates.reduce((sum, update) => sum + update.loss * update.sampleCount, 0) / samples;
  // Every tab's pace follows the fastest [R9, pace.ts].
  return { sampleCount: Math.min(SAMPLES_MAX, samples), ...spellAt(fastestOf(updates)), loss };
}
