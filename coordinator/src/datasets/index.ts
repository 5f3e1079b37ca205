/** Datasets as the coordinator makes them, for programs that train on them without one. */
export { makeShards, type MadeDataset } from './make-shards.ts';
export { sourceOf } from './sources.ts';
