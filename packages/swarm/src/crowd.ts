/**
 * Who is at work for an averaging server that waits for nobody: whoever sent an update lately, how much, how often. Frozen
 * and very slow tabs are linked, but no part of what the others' updates are held against. Pure: it is told the time.
 */
import { median } from '@murmuration/codec';
import type { UpdateBody, VolunteerId } from '@murmuration/protocol';
import { fastestOf } from './speeds.ts';

/** Who has been silent for so many of its usual intervals is not at work. As many as rounds that may be missed (server-round.ts). */
const INTERVALS_MISSED_MAX = 3;
/** Weight of the newest interval in the running mean. A guess. */
const NEWEST_WEIGHT = 0.3;
/** What an interval is taken for before one was seen, and the least that is believed. */
const INTERVAL_FIRST_MS = 1_000;
const INTERVAL_MIN_MS = 100;
/** One author's part is bounded: claimed sample counts are its word (codec, averaging.ts). */
const SAMPLES_RATIO_MAX = 4;

interface Worker extends Pick<UpdateBody, 'sampleCount' | 'stepCount' | 'trainMs'> {
  readonly lastMs: number;
  /** Running mean of the times between its updates; null: there was one. */
  readonly everyMs: number | null;
}

export interface Shift {
  readonly count: number;
  /** No update counts for more. */
  readonly samplesMax: number;
  /** Of everybody's last update together. */
  readonly samples: number;
  /** Time between two updates of one tab. */
  readonly usualMs: number;
  /** Steps a millisecond of the fastest (speeds.ts): every tab's pace follows it. */
  readonly fastest: number | null;
}

export class Crowd {
  readonly #workers = new Map<VolunteerId, Worker>();

  sent({ author, sampleCount, stepCount, trainMs }: UpdateBody, nowMs: number): void {
    const before = this.#workers.get(author);
    const gapMs = before === undefined ? null : nowMs - before.lastMs;
    const everyMs =
      gapMs === null || before?.everyMs == null
        ? gapMs
        : before.everyMs + NEWEST_WEIGHT * (gapMs - before.everyMs);
    this.#workers.set(author, { sampleCount, stepCount, trainMs, lastMs: nowMs, everyMs });
  }

  /**
   * Those at work now: whose update waits, and who is linked and sent one lately. The others that are not linked are forgotten.
   * @param waiting at least one, and all of them were `sent`
   */
  shift(
    waiting: { has: (author: VolunteerId) => boolean },
    linked: { has: (author: VolunteerId) => boolean },
    nowMs: number,
  ): Shift {
    for (const author of this.#workers.keys())
      if (!linked.has(author) && !waiting.has(author)) this.#workers.delete(author);
    const known = [...this.#workers.values()].flatMap(({ everyMs }) => (everyMs === null ? [] : [everyMs]));
    const usualMs = known.length > 0 ? Math.max(INTERVAL_MIN_MS, median(known)) : INTERVAL_FIRST_MS;
    const patienceMs = ({ everyMs }: Worker) =>
      INTERVALS_MISSED_MAX * Math.max(INTERVAL_MIN_MS, everyMs ?? usualMs);
    const atWork = [...this.#workers]
      .filter(([author, worker]) => waiting.has(author) || nowMs - worker.lastMs <= patienceMs(worker))
      .map(([, worker]) => worker);
    const samplesMax = SAMPLES_RATIO_MAX * median(atWork.map(({ sampleCount }) => sampleCount));
    return {
      count: atWork.length,
      samplesMax,
      samples: atWork.reduce((sum, { sampleCount }) => sum + Math.min(samplesMax, sampleCount), 0),
      usualMs,
      fastest: fastestOf(atWork),
    };
  }
}
