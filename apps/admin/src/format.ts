/** Numbers as researchers read them. Pure; the locale is the browser's unless a test says otherwise. */

import type { CheckpointView } from '@murmuration/protocol';
import { strings } from './strings.ts';
import type { Axis } from './view.ts';

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

/** 2.4, 24, 240. */
export const rateText = (perSecond: number): string =>
  perSecond >= 9.95 ? String(Math.round(perSecond)) : perSecond.toFixed(1);

/** 0.93125 as 93.13 %; two digits, because runs are compared. Null is a dash. */
export const percentText = (share: number | null): string =>
  share === null ? '–' : `${(share * 100).toFixed(2)} %`;

/** Four significant digits; beyond measure in powers of ten. Null is a dash. */
export function lossText(loss: number | null): string {
  if (loss === null) return '–';
  return loss !== 0 && (Math.abs(loss) < 0.001 || Math.abs(loss) >= 1e5)
    ? loss.toExponential(2)
    : loss.toPrecision(4);
}

/** What a checkpoint is judged by: accuracy where there is one, else its error, else its loss; a dash without any. */
export function bestText(best: Pick<CheckpointView, 'accuracy' | 'error' | 'loss'> | null): string {
  if (best === null) return '–';
  if (best.accuracy !== null) return percentText(best.accuracy);
  return best.error == null ? strings.bestLoss(lossText(best.loss)) : strings.bestError(lossText(best.error));
}

/** A value of the configuration: words as they are, drawn numbers by their first four digits; a dash where there is none. */
export function settingText(value: unknown): string {
  if (value === undefined) return '–';
  if (typeof value === 'number')
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** 9 s, 4 min 05 s, 2 h 03 min, 3 d 04 h. Rounds down: what it names has passed. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const pad = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${pad(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${pad(minutes % 60)} min`;
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`;
}

/** 4:05 or 2:03:09, for axes. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const pad = (value: number) => String(value).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}

/** A place on an axis: 4:05, or round 1,024. */
export const axisText = (axis: Axis, at: number): string =>
  axis === 'time' ? clockText(at * 1000) : countText(at);

/** A range as people say it; one value when both ends read the same. */
export function etaText([soonestMs, latestMs]: readonly [number, number]): string {
  const [soonest, latest] = [durationText(soonestMs), durationText(latestMs)];
  if (soonest === latest) return soonest;
  return soonestMs < 500 ? `up to ${latest}` : `${soonest} to ${latest}`;
}

/** The prefix and six characters: enough to tell tabs apart, short enough for a column. */
export const shortId = (id: string): string => id.slice(0, id.indexOf('_') + 7);
