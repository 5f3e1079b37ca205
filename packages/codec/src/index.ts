/** Numbers made small and restored, averaged and anchored. Pure: the same bits on every machine. */
export * from './anchor.ts';
export * from './averaging.ts';
export { believedMax, believedMin, borneOutMax } from './claims.ts';
export * from './combiner.ts';
export { BLOCK_VALUES, blockCount, MAGNITUDE_MIN, peakCode, type CodeBits } from './block-codes.ts';
export { planSum, sumOf, type SumPart, type SumPlan } from './exact-mean.ts';
export * from './mean-rule.ts';
export * from './node-replica.ts';
export * from './random.ts';
export * from './replica.ts';
export * from './slices.ts';
export * from './state.ts';
export {
  CHUNK_VALUES as TOP_K_CHUNK_VALUES,
  chunkCountOf,
  emptyKept,
  ENTRY_INDEX,
  ENTRY_LARGER,
  ENTRY_NEGATIVE,
  keptMax,
  type KeptValues,
} from './top-k.ts';
export * from './update-codec.ts';
export * from './vectors.ts';
