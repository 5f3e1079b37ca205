/** Numbers as people read them. Pure; the locale is the browser's unless a test says otherwise. */

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** 0 B, 999 B, 1.2 kB, 12 MB: at most three significant digits, steps of 1000. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 9.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** 12,345 in the reader's own grouping. */
export const countText = (count: number, locale?: string): string => Math.round(count).toLocaleString(locale);

/** 2.4, 24, 240: enough digits to see it move, no more. */
export const rateText = (perSecond: number): string =>
  perSecond >= 9.95 ? String(Math.round(perSecond)) : perSecond.toFixed(1);

/** 0.9312 as 93.1 %. */
export const percentText = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** 9 s, 4 min 05 s, 2 h 03 min. Rounds up, so that a countdown ends at 0 s when the thing happens. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const pad = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** 19 min, 2 h 30 min: of what is only known roughly. */
export function roughDurationText(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes < 60) return `${minutes} min`;
  const rest = Math.round((minutes % 60) / 10) * 10;
  const hours = Math.floor(minutes / 60) + (rest === 60 ? 1 : 0);
  return rest % 60 === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}

/** 25 % of 0.25; of a share people set, so no digits after the point. */
export const shareText = (share: number): string => `${Math.round(share * 100)} %`;

/** 14:05 in the reader's own way. */
export const clockText = (atMs: number, locale?: string): string =>
  new Date(atMs).toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
