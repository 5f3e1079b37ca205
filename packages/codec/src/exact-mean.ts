/**
 * A weighted sum of updates in whole numbers, so that every machine, and a GPU as well as a CPU, comes to the same bits,
 * in whatever order it adds.
 *
 * Mental model. Each block of 256 values has a unit, a power of two so large that all updates together stay under 2^24
 * units; the sum is then exact in an i32, and as a float32 too. An update's factor and scale become one whole multiplier
 * a block (two for a sparse one: its larger and its smaller magnitude), rounded once, here, in double precision; after
 * that nothing is rounded any more:
 *   sum[i] = total over updates of multiplier[block] * code[i];   mean[i] = unit[block] * sum[i].
 * With n updates of equal size a multiplier has 24 - 7 - log2(n) bits beyond int8's codes: the scale of one of 8 updates
 * is off by 3e-5 of itself at most, where its codes are off by 4e-3 of theirs.
 *
 * It refuses to know what the factors mean (averaging.ts) and where the sum goes (replica.ts).
 */
import { addBlockCodes, BLOCK_VALUES, blockCount, peakCode, scaleOf } from './block-codes.ts';
import { CHUNK_VALUES, ENTRY_INDEX, ENTRY_LARGER, ENTRY_NEGATIVE, magnitudeOfLevel } from './top-k.ts';
import { bodyOf, valuesOf, type OpenUpdate } from './update-codec.ts';
import { powerOfTwo } from './vectors.ts';

/** An update that counts, and what it is multiplied by. */
export interface SumPart {
  readonly update: OpenUpdate;
  readonly factor: number;
}

/** What is left to do, in whole numbers. */
export interface SumPlan {
  readonly parts: readonly SumPart[];
  /** Power of two, a block. */
  readonly units: Float32Array;
  /** As `parts`. Dense: one a block, times the code. Sparse: two a block, of the larger and the smaller magnitude. */
  readonly multipliers: readonly Int32Array[];
}

/** Room that is left for the rounding of multipliers: half of the largest code for each of 32 updates. */
const SUM_MAX = 2 ** 24 - 2 ** 12;
const BLOCKS_PER_CHUNK = CHUNK_VALUES / BLOCK_VALUES;
/** Units stay normal float32 numbers, whatever is summed. */
const UNIT_POWER_MIN = -120;

/** @param parts in an order that everybody shares: the units' sums are rounded. */
export function planSum(parts: readonly SumPart[], count: number): SumPlan {
  const blocks = blockCount(count);
  const peaks = parts.map(({ update }) => blockPeaks(update, count));
  const largest = new Float64Array(blocks);
  for (const [p, { factor }] of parts.entries())
    for (let block = 0; block < blocks; block++) largest[block]! += factor * peaks[p]![block]!;
  const units = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) units[block] = unitFor(largest[block]!);
  return { parts, units, multipliers: parts.map((part) => multipliersOf(part, units)) };
}

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** Smallest power of two of which `SUM_MAX` reach `size`. */
function unitFor(size: number): number {
  if (size === 0) return powerOfTwo(UNIT_POWER_MIN);
  floats[0] = size;
  const power = Math.max(UNIT_POWER_MIN, (words[0]! >>> 23) - 127 + 1 - 24);
  const unit = powerOfTwo(power);
  return size > SUM_MAX * unit ? 2 * unit : unit;
}

/** The largest magnitude that each block of an update may hold. */
function blockPeaks(update: OpenUpdate, count: number): Float64Array {
  const peaks = new Float64Array(blockCount(count));
  switch (update.kind) {
    case 'blocks': {
      const body = bodyOf(update);
      const codes = peakCode(update.bits);
      for (let block = 0; block < peaks.length; block++) peaks[block] = codes * scaleOf(body, block);
      return peaks;
    }
    case 'kept':
      for (let block = 0; block < peaks.length; block++)
        peaks[block] = magnitudeOfLevel(update.kept.larger[Math.floor(block / BLOCKS_PER_CHUNK)]!);
      return peaks;
    case 'values': {
      const values = valuesOf(update);
      for (let i = 0; i < count; i++) {
        const block = Math.floor(i / BLOCK_VALUES);
        peaks[block] = Math.max(peaks[block]!, Math.abs(values[i]!));
      }
      return peaks;
    }
    default:
      return update satisfies never;
  }
}

function multipliersOf({ update, factor }: SumPart, units: Float32Array): Int32Array {
  switch (update.kind) {
    case 'blocks': {
      const body = bodyOf(update);
      return Int32Array.from(units, (unit, block) => roundHalfEven((factor * scaleOf(body, block)) / unit));
    }
    case 'kept': {
      const multipliers = new Int32Array(2 * units.length);
      const { larger, smaller } = update.kept;
      for (const [block, unit] of units.entries()) {
        const chunk = Math.floor(block / BLOCKS_PER_CHUNK);
        multipliers[2 * block] = roundHalfEven((factor * magnitudeOfLevel(larger[chunk]!)) / unit);
        multipliers[2 * block + 1] = roundHalfEven((factor * magnitudeOfLevel(smaller[chunk]!)) / unit);
      }
      return multipliers;
    }
    case 'values':
      return new Int32Array(0);
    default:
      return update satisfies never;
  }
}

const ROUNDER = 6755399441055744;
const roundHalfEven = (value: number) => value + ROUNDER - ROUNDER;

/** The sum, float32. Every value is a whole number under 2^24 times a power of two, so nothing is lost in it. */
export function sumOf({ parts, units, multipliers }: SumPlan, count: number): Float32Array {
  const sum = new Int32Array(count);
  for (const [p, part] of parts.entries()) addPart(part, units, multipliers[p]!, sum);
  const mean = new Float32Array(count);
  for (let block = 0; block < units.length; block++) {
    const unit = units[block]!;
    const end = Math.min((block + 1) * BLOCK_VALUES, count);
    for (let i = block * BLOCK_VALUES; i < end; i++) mean[i] = unit * sum[i]!;
  }
  return mean;
}

function addPart(
  { update, factor }: SumPart,
  units: Float32Array,
  multipliers: Int32Array,
  sum: Int32Array,
): void {
  switch (update.kind) {
    case 'blocks':
      addBlockCodes(update.bits, sum.length, bodyOf(update), multipliers, sum);
      return;
    case 'kept': {
      const { counts, entries } = update.kept;
      let place = 0;
      for (let chunk = 0; chunk < counts.length; chunk++)
        for (const end = place + counts[chunk]!; place < end; place++) {
          const entry = entries[place]!;
          const at = chunk * CHUNK_VALUES + (entry & ENTRY_INDEX);
          const multiplier = multipliers[((at >>> 8) << 1) + (entry >= ENTRY_LARGER ? 0 : 1)]!;
          sum[at]! += (entry & ENTRY_NEGATIVE) === 0 ? multiplier : -multiplier;
        }
      return;
    }
    case 'values': {
      const values = valuesOf(update);
      for (let i = 0; i < sum.length; i++) sum[i]! += roundHalfEven((factor * values[i]!) / units[i >>> 8]!);
      return;
    }
    default:
      update satisfies never;
  }
}
