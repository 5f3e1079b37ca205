/** The whole grid in imaginary time: production mind, codec, wire and ledger; imaginary hands, network and clock. */
export * from './adversary.ts';
export * from './attacks.ts';
export * from './consensus.ts';
export * from './options.ts';
export * from './profiles.ts';
export * from './simulate.ts';
export * from './sometimes.ts';
export * from './study-hostile.ts';
export * from './story.ts';
export * from './picture.ts';
export * from './shrink.ts';
export * from './study-text.ts';
export * from './study-training.ts';
export { trainLowRank, type LowRankOptions } from './study-low-rank.ts';
export { ROUNDS_SHARE } from './faults.ts';
export * from './study-architectures.ts';
export * from './study-nodes.ts';
export * from './tab-model.ts';
export { ImageModel } from './image-model.ts';
export * from './study-schedules.ts';
export * from './study-strategies.ts';
export { studyHybrid, type HybridRow } from './study-hybrid.ts';
export { studyLength, type LengthOptions, type LengthRow } from './study-length.ts';
export { studyJoin, type JoinRow } from './study-join.ts';
export { studySpread, type SpreadRow } from './study-spread.ts';
export { studyStall, type StallOptions, type StallRow } from './study-stall.ts';
export { studyStragglers, type StragglersOptions, type StragglersRow } from './study-stragglers.ts';
export { timeToLoss, type TimeToLoss } from './study-time-to-loss.ts';
export { studyUtilisation, type UtilisationOptions, type UtilisationRow } from './study-utilisation.ts';
export { fuzzFrames, type FuzzReport } from './fuzz-frames.ts';
export { codecRow, codecTraining, type CodecRow, type CodecTraining } from './study-codec.ts';
export {
  ADAPTIVE_DEFAULTS,
  reachedMs,
  studyAdaptive,
  type AdaptiveOptions,
  type AdaptiveRow,
} from './study-adaptive.ts';
