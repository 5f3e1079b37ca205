/**
 * Imaginary time: a heap of things to happen, in order of time and then of scheduling. Nothing else moves the world, so
 * a seed and its options decide everything that happens. Pure.
 */
import { mulberry, streamSeed } from '@murmuration/codec';

interface Scheduled {
  readonly atMs: number;
  readonly sequence: number;
  readonly run: () => void;
}

export class World {
  readonly seed: number;
  #nowMs = 0;
  #sequence = 0;
  #heap: Scheduled[] = [];
  #traceHash = 0x811c9dc5;
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

  trace(text: string): void {
    let h = this.#traceHash;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
    this.#traceHash = Math.imul(h ^ 10, 0x01000193);
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + Math.max(0, delayMs), run);
  }

  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ atMs: Math.max(atMs, this.#nowMs), sequence: this.#sequence++, run });
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!before(heap[child]!, heap[parent]!)) break;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      child = parent;
    }
  }

  /** Lets the next thing happen. False: nothing is left, or it lies beyond `untilMs`. */
  step(untilMs: number): boolean {
    const heap = this.#heap;
    const next = heap[0];
    if (next === undefined || next.atMs > untilMs) return false;
    const last = heap.pop()!;
    if (heap.length > 0) {
      heap[0] = last;
      let parent = 0;
      for (;;) {
        let smallest = parent;
        for (const child of [2 * parent + 1, 2 * parent + 2])
          if (child < heap.length && before(heap[child]!, heap[smallest]!)) smallest = child;
        if (smallest === parent) break;
        [heap[smallest], heap[parent]] = [heap[parent]!, heap[smallest]!];
        parent = smallest;
      }
    }
    this.#nowMs = next.atMs;
    this.#eventCount += 1;
    next.run();
    return true;
  }
}

const before = (a: Scheduled, b: Scheduled) =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
