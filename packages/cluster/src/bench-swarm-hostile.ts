/**
 * `npm run bench:swarm -- hostile`: every attack of the simulator's hostile tabs, at 12.5 % and at 20 %, against the same
 * seeds with all tabs honest (simulator, study-hostile.ts).
 */
import { ATTACKS, HOSTILE_SHARES, HostileStudy, type HostileRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';

const ROUNDS = 60;
const QUICK_ROUNDS = 20;

export async function measureHostile({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const study = new HostileStudy({
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    rounds: isQuick ? QUICK_ROUNDS : ROUNDS,
  });
  const details: HostileRow[] = [];
  const rows: SwarmRow[] = [];
  for (const attack of ATTACKS)
    for (const share of HOSTILE_SHARES) {
      const row = study.row(attack, share);
      details.push(row);
      rows.push(rowOf(row));
      say(`  ${rows.at(-1)!.what}: ${rows.at(-1)!.measured}`);
    }
  return { rows, details };
}

function rowOf({ attack, share, loss, cost, timeRatio, failedSeeds, isWithinTarget }: HostileRow): SwarmRow {
  const percent = (value: number) => `${value < 0 ? '' : '+'}${(100 * value).toFixed(1)} %`;
  const failed = failedSeeds.length > 0 ? `; seeds ${failedSeeds.join(', ')} did not pass` : '';
  return {
    what: `${(100 * share.hostileShare).toFixed(1)} % of ${share.tabs} tabs hostile: ${attack}`,
    target: `loss within ${(100 * share.target).toFixed(0)} % of clean, every run finishes`,
    measured: `loss ${loss.toFixed(4)} (${percent(cost)}), time x${timeRatio.toFixed(2)}${failed}`,
    isMet: isWithinTarget,
  };
}
