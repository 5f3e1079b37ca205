/** Which way of training fits a crowd, and what it will take. Pure. */
export * from './assumed.ts';
export * from './crowd.ts';
export { crowdOf, crowdText, type KnownTab, type PlannedCrowd } from './known-crowd.ts';
export * from './learning.ts';
export * from './plan-run.ts';
export * from './predict.ts';
export { roundCost, type Bound, type RoundCost } from './round-cost.ts';
export { groupingOf, type Grouping } from './group.ts';
export { choose, roundFault, type Choice, type Wishes } from './choose.ts';
export { returnsOf, type Cause, type Return, type Returns } from './returns.ts';
export { bytesText, percentText, reasonsFor, returnsWords, timeText, waysText, wayText } from './words.ts';
