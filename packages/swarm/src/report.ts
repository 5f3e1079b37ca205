/** The parts of a report that are for people and for the next plan, each left out where there is nothing to say. Pure. */
import { LIMITS, type Decision, type VolunteerMessageOf } from '@murmuration/protocol';

/** What the hands measured; null: not measured. */
export interface Measured {
  readonly duty: number | null;
  readonly rttMs: number | null;
  readonly uplinkKbit: number | null;
}

export function forPeople(
  { duty, rttMs, uplinkKbit }: Measured,
  decisions: Decision[],
): Pick<VolunteerMessageOf<'report'>, 'duty' | 'rttMs' | 'uplinkKbit' | 'decisions'> {
  const percent = (share: number) => Math.round(100 * Math.min(1, Math.max(0, share))) / 100;
  return {
    ...(duty === null ? {} : { duty: percent(duty) }),
    ...(rttMs === null ? {} : { rttMs: Math.round(Math.min(LIMITS.roundTripMaxMs, Math.max(0, rttMs))) }),
    ...(uplinkKbit === null
      ? {}
      : { uplinkKbit: Math.round(Math.min(LIMITS.uplinkMaxKbit, Math.max(1, uplinkKbit))) }),
    ...(decisions.length === 0 ? {} : { decisions }),
  };
}
