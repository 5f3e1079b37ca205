/**
 * `npm run bench:swarm -- utilisation`: the share of their time that tabs train, on home lines, by the length of a
 * round's training and the size of the model (simulator, study-utilisation.ts).
 */
import { studyUtilisation, type UtilisationOptions, type UtilisationRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

const TARGET = 0.9;
/** The row's own, and what it is compared with: shorter rounds, smaller models, dense updates. */
const CASES: readonly Partial<UtilisationOptions>[] = [
  { parameterCount: 1_000_000, localSteps: 40 },
  { parameterCount: 1_000_000, localSteps: 20 },
  { parameterCount: 1_000_000, localSteps: 5 },
  { parameterCount: 1_000_000, localSteps: 40, codec: 'int8' },
  { parameterCount: 100_000, localSteps: 10 },
  { parameterCount: 100_000, localSteps: 5 },
];

export function measureUtilisation({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const details: { readonly options: Partial<UtilisationOptions>; readonly row: UtilisationRow }[] = [];
  const measure = (changes: Partial<UtilisationOptions>): UtilisationRow[] =>
    Array.from({ length: seeds }, (_, i) => {
      const options = { seed: i + 1, ...(isQuick ? QUICK : {}), ...changes };
      const row = studyUtilisation(options);
      details.push({ options, row });
      return row;
    });
  const rows = (isQuick ? CASES.slice(0, 1) : CASES).map((changes) => {
    const found = measure(changes);
    const shares = found.map((row) => row.share);
    const least = Math.min(...shares);
    const { roundMs, trainMs, uplinkBytes } = found[0]!;
    const what =
      `utilisation: ${changes.parameterCount!.toLocaleString('en')} parameters, ${changes.codec ?? 'topk-128'}, ` +
      `H = ${changes.localSteps} steps of 100 to 150 ms, 5 Mbit/s up, 100 ms RTT, 1 % loss`;
    // Updates so large for their line that no round of the study closed: there is no share to speak of.
    const measured = Number.isNaN(least)
      ? 'no round closed within the study: the updates are too large for this line'
      : `${percent(least)} in the worst of ${shares.length} seeds (worst tab ${percent(Math.min(...found.map((row) => row.shareOfWorstTab)))}; ` +
        `of a round's ${Math.round(roundMs)} ms ${Math.round(trainMs)} are training; ${Math.round(uplinkBytes / 1_000)} kB up)`;
    say(`${what}: ${measured}`);
    return { what, target: `at least ${percent(TARGET)}`, measured, isMet: least >= TARGET };
  });
  return Promise.resolve({ rows, details });
}

/** A model of ten thousand parameters over a line as thin. */
const QUICK = { rounds: 5, scaledParameterMax: 10_000 } as const;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
