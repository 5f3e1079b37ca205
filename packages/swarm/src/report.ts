/** The parts of a report that are for people, each left out where there is nothing to say. Pure. */
import { LIMITS, type Decision, type VolunteerMessageOf } from '@murmuration/protocol';

/** What the hands measured; null: not measured. */
export interface Measured {
  readonly duty: number | null;
  readonly rttMs: number | null;
}

export function forPeople(
  { duty, rttMs }: Measured,
  decisions: Decision[],
): Pick<VolunteerMessageOf<'report'>, 'duty' | 'rttMs' | 'decisions'> {
  const percent = (share: number) => Math.round(100 * Math.min(1, Math.max(0, share))) / 100;
  return {
    ...(duty === null ? {} : { duty: percent(duty) }),
    ...(rttMs === null ? {} : { rttMs: Math.round(Math.min(LIMITS.roundTripMaxMs, Math.max(0, rttMs))) }),
    ...(decisions.length === 0 ? {} : { decisions }),
  };
}
