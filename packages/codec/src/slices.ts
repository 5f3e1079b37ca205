/**
 * Slices keep anchors of different groups together. A group's members add the same mean to their anchors, but in a swarm
 * of several groups each tab comes to a round from another group, so its anchor differs a little. In every round the
 * members of a group also exchange one slice of their anchors themselves and move to its mean: which slice, the round
 * says. No residual belongs to it, so nothing is lost when one does not arrive, and it repairs whatever else went wrong.
 *
 * Sent as blockwise int8 twice, the second time what the first one lost: one int8 alone would keep members half a percent
 * apart. The difference of two roundings moves an anchor, so members that stand on the same slice do not move at all.
 */
import { median } from './averaging.ts';
import {
  addDecoded,
  encodeUpdate,
  encodedBytes,
  inspectUpdate,
  type UpdateRejection,
} from './update-codec.ts';

/**
 * A slice is about this many parameters: 66 kB a round and peer. The number of slices is odd, so that with an even
 * number of planes every slice comes to be averaged in every plane.
 */
const SLICE_VALUES = 32_768;
const SLICES_MIN = 9;
/** A member whose slice lies this many times further off than is usual moves nobody by more than that. */
const CLIP_RATIO = 2;

/** Parameters from `from` on, up to and without `to`. */
export interface SliceRange {
  readonly from: number;
  readonly to: number;
}

/** The slice that is exchanged in this round. */
export function sliceOf(round: number, parameterCount: number): SliceRange {
  const count = Math.max(SLICES_MIN, Math.ceil(parameterCount / SLICE_VALUES) | 1);
  const index = round % count;
  return {
    from: Math.floor((index * parameterCount) / count),
    to: Math.floor(((index + 1) * parameterCount) / count),
  };
}

/** The most bytes that a slice of such a model takes. */
export const sliceMaxBytes = (parameterCount: number): number =>
  2 * encodedBytes('int8', Math.min(SLICE_VALUES + 1, Math.ceil(parameterCount / SLICES_MIN)));

export function encodeSlice(anchor: Float32Array, { from, to }: SliceRange): Uint8Array {
  const rest = anchor.slice(from, to);
  const coarse = encodeUpdate('int8', rest);
  addDecoded(coarse, -1, rest);
  const bytes = new Uint8Array(2 * coarse.length);
  bytes.set(coarse);
  bytes.set(encodeUpdate('int8', rest), coarse.length);
  return bytes;
}

const halves = (bytes: Uint8Array) => [
  bytes.subarray(0, bytes.length >> 1),
  bytes.subarray(bytes.length >> 1),
];

/** The slices that came along with updates. */
export const slicesOf = (updates: readonly { readonly slice: Uint8Array }[]): Uint8Array[] =>
  updates.flatMap(({ slice }) => (slice.length > 0 ? [slice] : []));

/** Null: the bytes may be averaged. */
export function inspectSlice(bytes: Uint8Array, { from, to }: SliceRange): UpdateRejection | null {
  for (const half of halves(bytes)) {
    const rejection = inspectUpdate(half, 'int8', to - from);
    if (rejection !== null) return rejection;
  }
  return null;
}

function addSlice(bytes: Uint8Array, factor: number, target: Float64Array): void {
  for (const half of halves(bytes)) addDecoded(half, factor, target);
}

/**
 * Moves the anchor's slice to the mean of the members' slices, in place.
 * @param slices of the members that count, ours among them if it counts; each was inspected. None: nothing moves.
 */
export function averageSlice(anchor: Float32Array, range: SliceRange, slices: readonly Uint8Array[]): void {
  const count = range.to - range.from;
  const own = new Float64Array(count);
  addSlice(encodeSlice(anchor, range), -1, own);
  const ways = slices.map((slice) => {
    const way = own.slice();
    addSlice(slice, 1, way);
    return way;
  });
  const lengths = ways.map((way) => Math.sqrt(way.reduce((sum, value) => sum + value * value, 0)));
  const moved = lengths.filter((length) => length > 0);
  if (moved.length === 0) return;
  const lengthMax = CLIP_RATIO * median(moved);
  const mean = new Float64Array(count);
  for (const [i, way] of ways.entries()) {
    const share = Math.min(1, lengthMax / Math.max(lengths[i]!, Number.MIN_VALUE)) / ways.length;
    for (let at = 0; at < count; at++) mean[at]! += share * way[at]!;
  }
  for (let at = 0; at < count; at++) anchor[range.from + at]! += mean[at]!;
}
