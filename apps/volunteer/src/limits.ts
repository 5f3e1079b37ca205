/**
 * What a person allows: the four limits of the consent screen and the rules beside them, as plain data. The page edits
 * and remembers them, the worker keeps them. Pure.
 */
import type { LinkPolicy } from '@murmuration/protocol';

export const PRESET_SHARES = { gentle: 0.25, balanced: 0.5, full: 1 } as const;
export type Preset = keyof typeof PRESET_SHARES;
export const SHARE_MIN = 0.05;

/** Minutes since local midnight; `to` before `from` runs over midnight. */
export interface Hours {
  readonly fromMinute: number;
  readonly toMinute: number;
}

export interface Limits {
  /** Of the graphics device's time, 0.05..1. */
  readonly share: number;
  /** Up and down together, from midnight to midnight; null: no limit. */
  readonly dataPerDayBytes: number | null;
  readonly battery: 'pause' | 'go-on';
  readonly links: LinkPolicy;
  /** While the person uses this tab: go on the same, gently (`PRESET_SHARES.gentle` at most), or pause. */
  readonly whileUsed: 'same' | 'gentle' | 'pause';
  readonly whileHidden: 'go-on' | 'pause';
  /** Contribute only between these; null: at any time. */
  readonly hours: Hours | null;
}

export const MEGABYTE = 1_000_000;
/** What the consent screen offers; the rest is between them. */
export const DATA_CHOICES_BYTES = [200 * MEGABYTE, 1_000 * MEGABYTE, 5_000 * MEGABYTE] as const;

export const DEFAULT_LIMITS: Limits = {
  share: PRESET_SHARES.gentle,
  dataPerDayBytes: 1_000 * MEGABYTE,
  battery: 'pause',
  links: 'direct',
  whileUsed: 'same',
  whileHidden: 'go-on',
  hours: null,
};

/** The preset that a share is, or `custom`. */
export const presetOf = (share: number): Preset | 'custom' =>
  (Object.keys(PRESET_SHARES) as Preset[]).find((name) => PRESET_SHARES[name] === share) ?? 'custom';

/** What was remembered, field by field: whatever is missing or makes no sense is the default's. */
export function limitsFrom(stored: unknown): Limits {
  if (typeof stored !== 'object' || stored === null) return DEFAULT_LIMITS;
  const fields = stored as Readonly<Record<string, unknown>>;
  const oneOf = <T extends string>(name: string, choices: readonly T[], otherwise: T): T =>
    choices.find((choice) => choice === fields[name]) ?? otherwise;
  const { share, dataPerDayBytes, hours } = fields;
  return {
    share: isBetween(share, SHARE_MIN, 1) ? share : DEFAULT_LIMITS.share,
    dataPerDayBytes:
      dataPerDayBytes === null || isBetween(dataPerDayBytes, MEGABYTE, 1e15)
        ? dataPerDayBytes
        : DEFAULT_LIMITS.dataPerDayBytes,
    battery: oneOf('battery', ['pause', 'go-on'], DEFAULT_LIMITS.battery),
    links: oneOf('links', ['direct', 'relay-only', 'no-peers'], DEFAULT_LIMITS.links),
    whileUsed: oneOf('whileUsed', ['same', 'gentle', 'pause'], DEFAULT_LIMITS.whileUsed),
    whileHidden: oneOf('whileHidden', ['go-on', 'pause'], DEFAULT_LIMITS.whileHidden),
    hours: isHours(hours) ? hours : null,
  };
}

const MINUTES_A_DAY = 1_440;
const isBetween = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && value >= min && value <= max;
const isMinute = (value: unknown): boolean =>
  Number.isInteger(value) && isBetween(value, 0, MINUTES_A_DAY - 1);
const isHours = (value: unknown): value is Hours =>
  typeof value === 'object' &&
  value !== null &&
  isMinute((value as Hours).fromMinute) &&
  isMinute((value as Hours).toMinute);
