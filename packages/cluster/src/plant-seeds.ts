/** In the process of one planted bug: runs seeds until something is wrong. See bin/plant-run.mjs. */
import { profileOptions, simulate, type ProfileName } from '@murmuration/simulator';

export interface PlantJob {
  readonly seeds: readonly number[];
  readonly rounds: number;
}

/** What became of one seed. `caught`: the rule that was broken, or null. */
export interface PlantLine {
  readonly seed: number;
  readonly profile: ProfileName;
  readonly caught: string | null;
  readonly text: string;
}

/** Every fourth seed has hostile tabs; the others have faults only. */
export const profileOf = (seed: number): ProfileName => (seed % 4 === 0 ? 'hostile' : 'mix');

export function runPlanted({ seeds, rounds }: PlantJob, say: (line: PlantLine) => void): void {
  for (const seed of seeds) {
    const profile = profileOf(seed);
    const line = outcome(profile, seed, rounds);
    say({ seed, profile, ...line });
    if (line.caught !== null) return;
  }
}

function outcome(
  profile: ProfileName,
  seed: number,
  rounds: number,
): { caught: string | null; text: string } {
  try {
    const report = simulate(profileOptions(profile, { seed, rounds }));
    const [first] = report.violations;
    if (first !== undefined) return { caught: first.rule, text: first.text };
    if (!report.finished)
      return { caught: 'finish', text: `the run was ${report.state} at the end of its time` };
    return { caught: null, text: '' };
  } catch (error) {
    return { caught: 'crash', text: String(error) };
  }
}
