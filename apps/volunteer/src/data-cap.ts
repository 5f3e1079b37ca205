/** Bytes of one local day, up and down, and whether they are as many as the person allowed. Pure. */
export interface DayUse {
  /** Year-month-day of the local calendar, e.g. `2026-11-28`. */
  readonly day: string;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export function dayOf(nowMs: number): string {
  const at = new Date(nowMs);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The use of today: a new day begins with nothing. */
export const today = (use: DayUse, nowMs: number): DayUse =>
  use.day === dayOf(nowMs) ? use : { day: dayOf(nowMs), sentBytes: 0, receivedBytes: 0 };

export function used(
  use: DayUse,
  more: { readonly sentBytes: number; readonly receivedBytes: number },
  nowMs: number,
): DayUse {
  const now = today(use, nowMs);
  return {
    day: now.day,
    sentBytes: now.sentBytes + Math.max(0, more.sentBytes),
    receivedBytes: now.receivedBytes + Math.max(0, more.receivedBytes),
  };
}

/** What was remembered of an earlier visit; nonsense is a fresh day. */
export function dayUseFrom(stored: unknown, nowMs: number): DayUse {
  const { day, sentBytes, receivedBytes } = (stored ?? {}) as Partial<Record<keyof DayUse, unknown>>;
  const isCount = (value: unknown): value is number =>
    typeof value === 'number' && Number.isFinite(value) && value >= 0;
  if (typeof day !== 'string' || !isCount(sentBytes) || !isCount(receivedBytes))
    return { day: dayOf(nowMs), sentBytes: 0, receivedBytes: 0 };
  return today({ day, sentBytes, receivedBytes }, nowMs);
}

export const isReached = (use: DayUse, capBytes: number | null): boolean =>
  capBytes !== null && use.sentBytes + use.receivedBytes >= capBytes;

/** Looked back over, and the least that says anything: the first minute is mostly the model on its way. */
const PACE_OVER_MS = 10 * 60_000;
const PACE_MIN_MS = 60_000;
const LOOKS_MAX = 120;

/** How fast a day's data are used up, from looks at its count. */
export class DataPace {
  #looks: { readonly atMs: number; readonly bytes: number }[] = [];

  look(use: DayUse, nowMs: number): void {
    const bytes = use.sentBytes + use.receivedBytes;
    const last = this.#looks.at(-1);
    if (last !== undefined && nowMs - last.atMs < PACE_OVER_MS / LOOKS_MAX) return;
    // A new day counts from nothing.
    if (last !== undefined && bytes < last.bytes) this.#looks = [];
    this.#looks.push({ atMs: nowMs, bytes });
    this.#looks = this.#looks.filter(({ atMs }) => nowMs - atMs <= PACE_OVER_MS);
  }

  /** Null: too early to tell. */
  get bytesPerHour(): number | null {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    if (first === undefined || last === undefined || last.atMs - first.atMs < PACE_MIN_MS) return null;
    return ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 3_600_000;
  }
}

/** How long the rest of the cap lasts at this pace; null: there is no cap, or nothing moves. */
export function capLastsMs(usedBytes: number, capBytes: number | null, bytesPerHour: number): number | null {
  if (capBytes === null || bytesPerHour <= 0) return null;
  return (Math.max(0, capBytes - usedBytes) / bytesPerHour) * 3_600_000;
}
