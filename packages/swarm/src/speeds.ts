/**
 * How fast the fastest of some authors is. A speed is its author's word, and everybody's steps and the length of rounds
 * follow the fastest (SPEC R9, R17): by one lie all others would train a step a round. Pure.
 */
import { believedMax, borneOutMax } from '@murmuration/codec';
import { LIMITS, type UpdateBody } from '@murmuration/protocol';

export type Spell = Pick<UpdateBody, 'stepCount' | 'trainMs'>;

/** Steps a millisecond. */
export const speedOf = ({ stepCount, trainMs }: Spell): number => stepCount / trainMs;

/** Of those who said how long it took: 0 ms says nothing. */
const speedsOf = (spells: readonly Spell[]): number[] =>
  spells.filter(({ trainMs }) => trainMs > 0).map(speedOf);

/** Steps a millisecond of the fastest, as far as it is believed; null: nobody said. */
export function fastestOf(spells: readonly Spell[]): number | null {
  const speeds = speedsOf(spells);
  return speeds.length === 0 ? null : believedMax(speeds);
}

/** Steps a millisecond of the fastest that the others bear out; null: nobody said. */
export function fastOf(spells: readonly Spell[]): number | null {
  const speeds = speedsOf(spells);
  return speeds.length === 0 ? null : borneOutMax(speeds);
}

/** As an update says a speed. */
export function spellAt(speed: number | null): Spell {
  if (speed === null) return { stepCount: 1, trainMs: 0 };
  const stepCount = LIMITS.localStepsMax;
  return { stepCount, trainMs: Math.min(0xffffffff, Math.max(1, Math.round(stepCount / speed))) };
}
