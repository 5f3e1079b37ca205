/**
 * A newcomer's way to its first update: 1 M parameters from donors on home lines, without deaths and with a donor that
 * dies over each of some chunks. Imaginary network, real mind, wire and codec.
 */
import { studyJoin, type JoinRow } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmSubject } from './bench-swarm.ts';

const TARGET_MS = 3_000;
/** With --quick: a model of 300,000 parameters. */
const QUICK_HIDDEN = 4_000;
/** Chunks of 1 M parameters are 0 to 19. */
const DEADLY = [0, 5, 10, 15];
const QUICK_DEADLY = [0, 3];

export function measureJoin({ seeds, isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const size = isQuick ? { hidden: QUICK_HIDDEN } : {};
  const deadly = isQuick ? QUICK_DEADLY : DEADLY;
  const details: {
    readonly seed: number;
    readonly deadlyChunks: readonly number[];
    readonly row: JoinRow;
  }[] = [];
  for (let seed = 1; seed <= seeds; seed++)
    for (const deadlyChunks of [[], ...deadly.map((chunk) => [chunk])]) {
      const row = studyJoin({ seed, deadlyChunks, ...size });
      details.push({ seed, deadlyChunks, row });
      say(
        `join: seed ${seed}, ${deadlyChunks.length === 0 ? 'no death' : `death at chunk ${deadlyChunks.join()}`}: ` +
          `state ${ms(row.stateMs)}, update ${ms(row.updateMs)}, ${row.chunksLost} chunks lost`,
      );
    }
  const worst = (rows: typeof details) => Math.max(...rows.map(({ row }) => row.updateMs ?? Infinity));
  const clean = details.filter(({ row }) => row.deaths === 0);
  const deaths = details.filter(({ row }) => row.deaths > 0);
  const lostMax = Math.max(...deaths.map(({ row }) => row.chunksLost / row.deaths));
  const parameterCount = details[0]!.row.parameterCount.toLocaleString('en');
  const what = `newcomer, ${parameterCount} parameters, 20 Mbit/s down: first update after the first request`;
  return Promise.resolve({
    rows: [
      {
        what: `${what}, no donor dies`,
        target: 'at most 3 s',
        measured: `${ms(worst(clean))} in the worst of ${clean.length}`,
        isMet: worst(clean) <= TARGET_MS,
      },
      {
        what: `${what}, a donor dies over a chunk`,
        target: 'at most 3 s, at most one chunk lost a death',
        measured: `${ms(worst(deaths))} in the worst of ${deaths.length}, ${lostMax} chunks lost a death at most`,
        isMet: worst(deaths) <= TARGET_MS && lostMax <= 1,
      },
    ],
    details,
  });
}

const ms = (value: number | null) => (value === null ? 'never' : `${(value / 1_000).toFixed(2)} s`);
