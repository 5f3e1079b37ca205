/**
 * Imaginary time: a heap of things to happen, in order of time and then of scheduling. Nothing else moves the world, so
 * a seed and its options decide everything that happens. Pure.
 *
 * Cost: the heap's keys lie in flat arrays, because a large swarm holds hundreds of thousands of appointments at once
 * and looks at their times far more often than at what they do.
 */
import { mulberry, streamSeed } from '@murmuration/codec';

const FIRST_CAPACITY = 1_024;

export class World {
  readonly seed: number;
  #nowMs = 0;
  #sequence = 0;
  #size = 0;
  #atMs = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  readonly #run: ((() => void) | null)[] = [];
  #traceHash = 0x811c9dc5;
  readonly #time = new Float64Array(1);
  readonly #timeWords = new Uint32Array(this.#time.buffer);
  #eventCount = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  get nowMs(): number {
    return this.#nowMs;
  }
  get eventCount(): number {
    return this.#eventCount;
  }
  /** Hash over everything that was traced: equal in every run of the same seed and options. */
  get traceHash(): string {
    return (this.#traceHash >>> 0).toString(16).padStart(8, '0');
  }

  /** An independent stream of chance for one purpose. */
  chance(...purpose: readonly (string | number)[]): () => number {
    return mulberry(streamSeed(this.seed, ...purpose));
  }

  /** Takes what happened now into the trace: who, what, and one number about it. */
  trace(who: number, what: number, detail: number): void {
    this.#time[0] = this.#nowMs;
    let h = this.#traceHash;
    h = Math.imul(h ^ this.#timeWords[0]!, 0x01000193) ^ (h >>> 15);
    h = Math.imul(h ^ this.#timeWords[1]!, 0x01000193) ^ (h >>> 15);
    h = Math.imul(h ^ who, 0x01000193) ^ (h >>> 15);
    h = Math.imul(h ^ what, 0x01000193) ^ (h >>> 15);
    this.#traceHash = Math.imul(h ^ detail, 0x01000193) ^ (h >>> 15);
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + Math.max(0, delayMs), run);
  }

  at(atMs: number, run: () => void): void {
    const when = Math.max(atMs, this.#nowMs);
    const order = this.#sequence++;
    let hole = this.#size++;
    if (hole === this.#atMs.length) this.#grow();
    // A new appointment is the last among those of its time: only a strictly later parent moves down.
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (this.#atMs[parent]! <= when) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#put(hole, when, order, run);
  }

  /** Lets the next thing happen. False: nothing is left, or it lies beyond `untilMs`. */
  step(untilMs: number): boolean {
    if (this.#size === 0 || this.#atMs[0]! > untilMs) return false;
    const run = this.#run[0]!;
    this.#nowMs = this.#atMs[0]!;
    this.#eventCount += 1;
    this.#removeFirst();
    run();
    return true;
  }

  #removeFirst(): void {
    const last = --this.#size;
    const when = this.#atMs[last]!;
    const order = this.#order[last]!;
    const run = this.#run[last]!;
    this.#run[last] = null;
    if (last === 0) return;
    let hole = 0;
    for (let child = 1; child < last; child = 2 * hole + 1) {
      if (child + 1 < last && this.#isBefore(child + 1, this.#atMs[child]!, this.#order[child]!)) child += 1;
      if (!this.#isBefore(child, when, order)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#put(hole, when, order, run);
  }

  #isBefore(index: number, atMs: number, order: number): boolean {
    const mine = this.#atMs[index]!;
    return mine < atMs || (mine === atMs && this.#order[index]! < order);
  }

  #move(from: number, to: number): void {
    this.#atMs[to] = this.#atMs[from]!;
    this.#order[to] = this.#order[from]!;
    this.#run[to] = this.#run[from]!;
  }

  #put(index: number, atMs: number, order: number, run: () => void): void {
    this.#atMs[index] = atMs;
    this.#order[index] = order;
    this.#run[index] = run;
  }

  #grow(): void {
    const atMs = new Float64Array(2 * this.#atMs.length);
    const order = new Float64Array(2 * this.#order.length);
    atMs.set(this.#atMs);
    order.set(this.#order);
    this.#atMs = atMs;
    this.#order = order;
  }
}

const kindCodes = new Map<string, number>();
/** A number for an event's kind, for `trace`: the same in every process. */
export function codeOf(kind: string): number {
  let code = kindCodes.get(kind);
  if (code === undefined) {
    code = 0;
    for (let i = 0; i < kind.length; i++) code = Math.imul(code ^ kind.charCodeAt(i), 0x01000193);
    kindCodes.set(kind, code);
  }
  return code;
}
