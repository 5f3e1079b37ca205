/**
 * The exchange alone, without any training: how many rounds until a swarm agrees. Every seat holds a few random floats;
 * a round averages inside each group exactly; the variance between seats says how far they are from agreement.
 *
 * A share of the seats fails in every round, in its middle: the others of the group finish among themselves, without the
 * value of the dead. What becomes of the failed seat decides more than the grouping, so it is a choice here:
 *   replaced  a newcomer takes the seat in the next round, with the value of a survivor of its groups (production: it
 *             fetches the state from a member); a newcomer finds no survivor only if all its neighbours died at once,
 *             and then copies anybody;
 *   lagging   the same tab comes back with its old value, as one that froze for a round would before it notices.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import { drawPlanes, type Plane } from '@murmuration/coordinator/introductions';

export interface ConsensusOptions {
  readonly seed: number;
  readonly seatCount: number;
  readonly groupSize: number;
  /** Number of fixed partitions that take turns, or groups drawn anew for each round. */
  readonly planes: number | 'anew';
  /** Share of the seats that fails in each round. */
  readonly failingShare: number;
  readonly failed: 'replaced' | 'lagging';
  /** Values of one seat. */
  readonly width?: number;
  readonly roundsMax?: number;
}

export interface ConsensusResult {
  /** Variance between seats after each round, in units of the first; entry 0 is 1. */
  readonly variances: readonly number[];
  /** Distance of the final mean from the first one, in units of the first standard deviation of the mean (1/root n). */
  readonly meanDrift: number;
}

/** The first round whose variance is at most `share` of the start; Infinity when no round reached it. */
export function roundsUntil({ variances }: ConsensusResult, share: number): number {
  const round = variances.findIndex((variance) => variance <= share);
  return round === -1 ? Infinity : round;
}

export function consensus(options: ConsensusOptions): ConsensusResult {
  const { seed, seatCount, groupSize, failingShare, failed, width = 64, roundsMax = 12 } = options;
  const chance = mulberry(streamSeed(seed, 'failures'));
  const values = startingValues(seed, seatCount * width);
  const fixed =
    options.planes === 'anew' ? null : drawPlanes({ seed, seatCount, groupSize, planeCount: options.planes });
  const neighbours = fixed === null ? null : seatGroups(fixed, seatCount);
  const planeOf = (round: number): Plane =>
    fixed === null
      ? drawPlanes({ seed: streamSeed(seed, 'anew', round), seatCount, groupSize, planeCount: 1 })[0]!
      : fixed[round % fixed.length]!;
  const start = spreadOf(values, seatCount, width);
  const variances = [1];
  const isAlive = new Uint8Array(seatCount);
  let mean = start.mean;
  for (let round = 0; round < roundsMax; round++) {
    for (let seat = 0; seat < seatCount; seat++) isAlive[seat] = chance() < failingShare ? 0 : 1;
    for (const group of planeOf(round)) averageSurvivors(values, width, group, isAlive);
    if (failed === 'replaced')
      for (let seat = 0; seat < seatCount; seat++) {
        if (isAlive[seat] === 1) continue;
        const near = (neighbours?.[seat] ?? [])
          .flatMap((group) => [...group])
          .filter((s) => isAlive[s] === 1);
        let donor = near.length > 0 ? near[Math.floor(chance() * near.length)]! : seat;
        for (let tries = 0; isAlive[donor] === 0 && tries < 1_000; tries++)
          donor = Math.floor(chance() * seatCount);
        values.copyWithin(seat * width, donor * width, (donor + 1) * width);
      }
    const spread = spreadOf(values, seatCount, width);
    variances.push(spread.variance / start.variance);
    mean = spread.mean;
  }
  let drift = 0;
  for (let i = 0; i < width; i++) drift += (mean[i]! - start.mean[i]!) ** 2 / width;
  return { variances, meanDrift: Math.sqrt(drift / (start.variance / seatCount)) };
}

/** Each seat's groups, one of each plane. */
function seatGroups(planes: readonly Plane[], seatCount: number): Uint32Array[][] {
  const groups: Uint32Array[][] = Array.from({ length: seatCount }, () => []);
  for (const plane of planes) for (const group of plane) for (const seat of group) groups[seat]!.push(group);
  return groups;
}

/** Sums of three uniforms: a bell of standard deviation 0.5. */
function startingValues(seed: number, count: number): Float64Array {
  const random = mulberry(streamSeed(seed, 'values'));
  return Float64Array.from({ length: count }, () => random() + random() + random() - 1.5);
}

function averageSurvivors(
  values: Float64Array,
  width: number,
  group: Uint32Array,
  isAlive: Uint8Array,
): void {
  const survivors = [...group].filter((seat) => isAlive[seat] === 1);
  for (let i = 0; i < width; i++) {
    let sum = 0;
    for (const seat of survivors) sum += values[seat * width + i]!;
    for (const seat of survivors) values[seat * width + i] = sum / survivors.length;
  }
}

/** Mean over seats, value by value, and the variance around it, averaged over the values. */
function spreadOf(
  values: Float64Array,
  seatCount: number,
  width: number,
): { mean: Float64Array; variance: number } {
  const mean = new Float64Array(width);
  for (let at = 0; at < values.length; at++) mean[at % width]! += values[at]! / seatCount;
  let variance = 0;
  for (let at = 0; at < values.length; at++) variance += (values[at]! - mean[at % width]!) ** 2;
  return { mean, variance: variance / values.length };
}
