/**
 * What this machine's uplink carries: while something waits to leave for a while, what has left is what the line took. It is told
 * to the coordinator (SPEC C5), which plans the next run by it. Where nothing ever waits for long nothing is known, and
 * the line is no bound either.
 *
 * A line was busy from one look to the next if less left meanwhile than waited at the first: then it was never empty. Looks of
 * which that holds one after another are a burst. Pure: it is told the time.
 */
import { median } from '@murmuration/codec';
import type { Line } from './scheme-choice.ts';

/** A shorter burst says more of buffers than of a line. A guess: some looks. */
const BURST_MIN_MS = 750;
/** A burst that does not end is measured in parts. */
const BURST_MAX_MS = 10_000;
const BURSTS_KEPT = 5;

interface Look extends Line {
  readonly atMs: number;
}

export class LineMeter {
  /** The first and the latest look of the burst that is under way; null: nothing waits. */
  #burst: { readonly first: Look; readonly latest: Look } | null = null;
  readonly #bytesPerMs: number[] = [];

  /** To be called a few times a second. */
  look(line: Line, nowMs: number): void {
    const look = { ...line, atMs: nowMs };
    const burst = this.#burst;
    const wasBusy = burst !== null && line.leftBytes - burst.latest.leftBytes < burst.latest.waitingBytes;
    if (wasBusy) this.#burst = { ...burst, latest: look };
    if (wasBusy && nowMs - burst.first.atMs < BURST_MAX_MS) return;
    this.#end();
    this.#burst = line.waitingBytes > 0 ? { first: look, latest: look } : null;
  }

  /** Median of the last bursts; null: there was none that was long enough. */
  get uplinkKbit(): number | null {
    return this.#bytesPerMs.length === 0 ? null : Math.round(8 * median(this.#bytesPerMs));
  }

  #end(): void {
    if (this.#burst === null) return;
    const { first, latest } = this.#burst;
    const bytes = latest.leftBytes - first.leftBytes;
    const ms = latest.atMs - first.atMs;
    if (ms < BURST_MIN_MS || bytes <= 0) return;
    this.#bytesPerMs.push(bytes / ms);
    this.#bytesPerMs.splice(0, this.#bytesPerMs.length - BURSTS_KEPT);
  }
}
