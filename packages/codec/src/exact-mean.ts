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
import { CHUNK_VALUES, ENTRY_INDEX, magnitudeOfLevel } from './top-k.ts';
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
  const largest = new Float64Array(blocks);
  for (const { update, factor } of parts) addPeaks(update, factor, largest);
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

/** largest += factor * the largest magnitude that each block of the update may hold. */
function addPeaks(update: OpenUpdate, factor: number, largest: Float64Array): void {
  switch (update.kind) {
    case 'blocks': {
      const body = bodyOf(update);
      const codes = peakCode(update.bits);
      for (let block = 0; block < largest.length; block++)
        largest[block]! += factor * (codes * scaleOf(body, block));
      return;
    }
    case 'kept': {
      const { larger } = update.kept;
      for (let chunk = 0; chunk < larger.length; chunk++) {
        const peak = factor * magnitudeOfLevel(larger[chunk]!);
        const end = Math.min((chunk + 1) * BLOCKS_PER_CHUNK, largest.length);
        for (let block = chunk * BLOCKS_PER_CHUNK; block < end; block++) largest[block]! += peak;
      }
      return;
    }
    case 'values': {
      const values = valuesOf(update);
      for (let block = 0; block < largest.length; block++) {
        const end = Math.min((block + 1) * BLOCK_VALUES, values.length);
        let peak = 0;
        for (let i = block * BLOCK_VALUES; i < end; i++) {
          const magnitude = Math.abs(values[i]!);
          if (magnitude > peak) peak = magnitude;
        }
        largest[block]! += factor * peak;
      }
      return;
    }
    default:
      update satisfies never;
  }
}

function multipliersOf({ update, factor }: SumPart, units: Float32Array): Int32Array {
  switch (update.kind) {
    case 'blocks': {
      const body = bodyOf(update);
      const multipliers = new Int32Array(units.length);
      for (let block = 0; block < units.length; block++)
        multipliers[block] = roundHalfEven((factor * scaleOf(body, block)) / units[block]!);
      return multipliers;
    }
    case 'kept': {
      const multipliers = new Int32Array(2 * units.length);
      const { larger, smaller } = update.kept;
      for (let chunk = 0; chunk < larger.length; chunk++) {
        const high = factor * magnitudeOfLevel(larger[chunk]!);
        const low = factor * magnitudeOfLevel(smaller[chunk]!);
        const end = Math.min((chunk + 1) * BLOCKS_PER_CHUNK, units.length);
        for (let block = chunk * BLOCKS_PER_CHUNK; block < end; block++) {
          multipliers[2 * block] = roundHalfEven(high / units[block]!);
          multipliers[2 * block + 1] = roundHalfEven(low / units[block]!);
        }
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

/**
 * The sum, float32, added up as that: every term and every sum on the way is a whole number under 2^24 times the block's
 * power of two, so nothing is rounded.
 */
export function sumOf({ parts, units, multipliers }: SumPlan, count: number): Float32Array {
  const mean = new Float32Array(count);
  for (const [p, part] of parts.entries()) addPart(part, units, multipliers[p]!, mean);
  return mean;
}

function addPart(
  { update, factor }: SumPart,
  units: Float32Array,
  multipliers: Int32Array,
  mean: Float32Array,
): void {
  switch (update.kind) {
    case 'blocks':
      addBlockCodes(
        update.bits,
        mean.length,
        bodyOf(update),
        (block) => units[block]! * multipliers[block]!,
        mean,
      );
      return;
    case 'kept': {
      const { counts, entries } = update.kept;
      // Of each block of a chunk: positive smaller and larger, negative smaller and larger; no branch is left to guess.
      const terms = new Float64Array(4 * BLOCKS_PER_CHUNK);
      let place = 0;
      for (let chunk = 0; chunk < counts.length; chunk++) {
        const first = chunk * BLOCKS_PER_CHUNK;
        const blocks = Math.min(BLOCKS_PER_CHUNK, units.length - first);
        for (let block = 0; block < blocks; block++) {
          const unit = units[first + block]!;
          const high = unit * multipliers[2 * (first + block)]!;
          const low = unit * multipliers[2 * (first + block) + 1]!;
          terms[block] = low;
          terms[BLOCKS_PER_CHUNK + block] = -low;
          terms[2 * BLOCKS_PER_CHUNK + block] = high;
          terms[3 * BLOCKS_PER_CHUNK + block] = -high;
        }
        // What is above an entry's index: sign, then magnitude.
        const start = chunk * CHUNK_VALUES;
        for (const end = place + counts[chunk]!; place < end; place++) {
          const entry = entries[place]!;
          mean[start + (entry & ENTRY_INDEX)]! += terms[entry >>> 8]!;
        }
      }
      return;
    }
    case 'values': {
      const values = valuesOf(update);
      for (let i = 0; i < mean.length; i++) {
        const unit = units[i >>> 8]!;
        mean[i]! += unit * roundHalfEven((factor * values[i]!) / unit);
      }
      return;
    }
    default:
      update satisfies never;
  }
}
