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
