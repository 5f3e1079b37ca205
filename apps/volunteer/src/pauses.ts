/**
 * Whether to train now, and how hard: the person's word and limits against what is known of the device and the moment.
 * Every pause has its reason, its end where one is known, and can be overridden: an override holds until its cause has
 * gone away once. Pure: time is an argument.
 */
import type { PauseReason } from '@murmuration/swarm';
import { isReached, type DayUse } from './data-cap.ts';
import { PRESET_SHARES, type Limits } from './limits.ts';
import { isWithin, nextAtMinute, nextMidnightMs } from './schedule.ts';

/** What the page and the worker know. Times are of the wall clock. */
export interface Facts {
  /** `unknown`: this browser does not tell. */
  readonly power: 'mains' | 'battery' | 'unknown';
  /** The browser was asked to save data. */
  readonly savesData: boolean;
  readonly isHidden: boolean;
  /** When the person last touched this tab after the click that began it all; null: never. */
  readonly usedAtMs: number | null;
  readonly use: DayUse;
}

/** What the person asked for by a button. */
export type Asked =
  | { readonly kind: 'nothing' }
  /** `untilMs` null: until the person resumes. */
  | { readonly kind: 'pause'; readonly untilMs: number | null };

/** Rules that can pause; `save-data` is the browser's own data cap and has its word. */
export type Cause = Exclude<PauseReason, 'user' | 'timer'> | 'save-data';
const CAUSES = ['battery', 'data-cap', 'save-data', 'schedule', 'hidden', 'idle-rule'] as const;

export type Verdict =
  | { readonly kind: 'train'; readonly share: number; readonly isGentleForYou: boolean }
  | {
      readonly kind: 'pause';
      readonly reason: PauseReason;
      /** The rule that an override would set aside; null: the person's own pause. */
      readonly cause: Cause | null;
      readonly untilMs: number | null;
    };

/** Somebody who has not touched the tab for this long is not using it. A guess. */
export const USED_FOR_MS = 60_000;

export interface Question {
  readonly limits: Limits;
  readonly asked: Asked;
  readonly facts: Facts;
  readonly overrides: ReadonlySet<Cause>;
}

export function decide({ limits, asked, facts, overrides }: Question, nowMs: number): Verdict {
  if (asked.kind === 'pause' && (asked.untilMs === null || nowMs < asked.untilMs))
    return {
      kind: 'pause',
      reason: asked.untilMs === null ? 'user' : 'timer',
      cause: null,
      untilMs: asked.untilMs,
    };
  for (const cause of CAUSES) {
    if (overrides.has(cause) || !applies(cause, limits, facts, nowMs)) continue;
    const reason = cause === 'save-data' ? 'data-cap' : cause;
    return { kind: 'pause', reason, cause, untilMs: endOf(cause, limits, facts, nowMs) };
  }
  const isGentleForYou =
    limits.whileUsed === 'gentle' && isUsed(facts, nowMs) && limits.share > PRESET_SHARES.gentle;
  return { kind: 'train', share: isGentleForYou ? PRESET_SHARES.gentle : limits.share, isGentleForYou };
}

/** The overrides that are still needed: of a cause that has gone away, the next time asks again. */
export const lasting = (
  { limits, facts, overrides }: Omit<Question, 'asked'>,
  nowMs: number,
): ReadonlySet<Cause> => new Set([...overrides].filter((cause) => applies(cause, limits, facts, nowMs)));

const isUsed = ({ usedAtMs }: Facts, nowMs: number): boolean =>
  usedAtMs !== null && nowMs < usedAtMs + USED_FOR_MS;

function applies(cause: Cause, limits: Limits, facts: Facts, nowMs: number): boolean {
  switch (cause) {
    case 'battery':
      return limits.battery === 'pause' && facts.power === 'battery';
    case 'data-cap':
      return isReached(facts.use, limits.dataPerDayBytes);
    case 'save-data':
      return facts.savesData;
    case 'schedule':
      return limits.hours !== null && !isWithin(limits.hours, nowMs);
    case 'hidden':
      return limits.whileHidden === 'pause' && facts.isHidden;
    case 'idle-rule':
      return limits.whileUsed === 'pause' && isUsed(facts, nowMs);
    default:
      return cause satisfies never;
  }
}

/** When the cause goes away by itself; null: that is not known. */
function endOf(cause: Cause, limits: Limits, facts: Facts, nowMs: number): number | null {
  switch (cause) {
    case 'data-cap':
      return nextMidnightMs(nowMs);
    case 'schedule':
      return limits.hours === null ? null : nextAtMinute(limits.hours.fromMinute, nowMs);
    case 'idle-rule':
      return (facts.usedAtMs ?? nowMs) + USED_FOR_MS;
    case 'battery':
    case 'save-data':
    case 'hidden':
      return null;
    default:
      return cause satisfies never;
  }
}
