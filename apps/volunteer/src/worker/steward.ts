/**
 * Keeps the person's limits in the worker, where a hidden page slows no clock: holds what the person asked for, what is
 * known of the device and what was used today, and answers what follows now (pauses.ts decides). Time is an argument.
 */
import { DataPace, used, today, type DayUse } from '../data-cap.ts';
import type { Limits } from '../limits.ts';
import { decide, lasting, type Asked, type Cause, type Facts, type Verdict } from '../pauses.ts';

/** A running count of bytes, both ways. */
export interface Bytes {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export class Steward {
  #limits: Limits;
  #facts: Facts;
  #asked: Asked = { kind: 'nothing' };
  #overrides: ReadonlySet<Cause> = new Set();
  readonly #pace = new DataPace();
  /** Counts of each source when they were last added to the day. */
  readonly #counted = new Map<string, Bytes>();

  constructor(limits: Limits, facts: Facts) {
    this.#limits = limits;
    this.#facts = facts;
  }

  get use(): DayUse {
    return this.#facts.use;
  }
  /** Null: too early to tell. */
  get bytesPerHour(): number | null {
    return this.#pace.bytesPerHour;
  }
  get links(): Limits['links'] {
    return this.#limits.links;
  }

  setLimits(limits: Limits): void {
    this.#limits = limits;
    // Whoever sets the rules anew means them.
    this.#overrides = new Set();
  }

  learn(facts: Partial<Omit<Facts, 'use'>>): void {
    this.#facts = { ...this.#facts, ...facts };
  }

  /** `source` has moved so many bytes since it began; what is new of them counts for today. */
  count(source: string, bytes: Bytes, nowMs: number): void {
    const before = this.#counted.get(source) ?? { sentBytes: 0, receivedBytes: 0 };
    // A count that is behind for a moment (it is told by somebody else) takes nothing back.
    const now = {
      sentBytes: Math.max(before.sentBytes, bytes.sentBytes),
      receivedBytes: Math.max(before.receivedBytes, bytes.receivedBytes),
    };
    this.#counted.set(source, now);
    const more = {
      sentBytes: now.sentBytes - before.sentBytes,
      receivedBytes: now.receivedBytes - before.receivedBytes,
    };
    this.#facts = { ...this.#facts, use: used(this.#facts.use, more, nowMs) };
    this.#pace.look(this.#facts.use, nowMs);
  }
  /** `source` begins to count at zero again. */
  restart(source: string): void {
    this.#counted.delete(source);
  }

  pause(untilMs: number | null): void {
    this.#asked = { kind: 'pause', untilMs };
  }

  /** Ends the person's pause; where a rule holds the device back, sets that rule aside until it has ceased to apply once. */
  resume(nowMs: number): void {
    this.#asked = { kind: 'nothing' };
    for (;;) {
      const verdict = this.verdict(nowMs);
      if (verdict.kind === 'train' || verdict.cause === null) return;
      this.#overrides = new Set([...this.#overrides, verdict.cause]);
    }
  }

  verdict(nowMs: number): Verdict {
    this.#facts = { ...this.#facts, use: today(this.#facts.use, nowMs) };
    const question = { limits: this.#limits, facts: this.#facts, overrides: this.#overrides };
    this.#overrides = lasting(question, nowMs);
    return decide({ ...question, overrides: this.#overrides, asked: this.#asked }, nowMs);
  }
}
