/**
 * How many samples a shard has. Pure, so that a look before a launch says the same of data that nobody has made yet.
 *
 * A lease of 500 samples is about 16 steps of batch 32: seconds on the software adapter, so a vanished tab loses
 * little, and 12,000 samples make 24 shards, enough for a group of tabs. A guess. Smaller sets have smaller shards, so that
 * several tabs find one, but a batch fits; larger sets have larger ones, so that there are some thousands at most: each
 * costs a file and a row in the store.
 */
const SHARD_SAMPLE_COUNT = 500;
const SHARD_SAMPLE_COUNT_MIN = 32;
const SHARDS_WANTED = 16;
const SHARDS_WANTED_MAX = 2_000;

/**
 * Samples of each shard, which differ by one at most.
 * @param sampleCountMax that fit into a shard @param asked samples a shard, at most; undefined: as the set's size says
 */
export function shardSizes(
  trainCount: number,
  { sampleCountMax, asked }: { readonly sampleCountMax: number; readonly asked?: number | undefined },
): number[] {
  const size =
    asked ??
    Math.min(
      sampleCountMax,
      Math.max(
        SHARD_SAMPLE_COUNT_MIN,
        Math.min(SHARD_SAMPLE_COUNT, Math.ceil(trainCount / SHARDS_WANTED)),
        Math.ceil(trainCount / SHARDS_WANTED_MAX),
      ),
    );
  const count = Math.ceil(trainCount / size);
  const endOf = (shard: number) => Math.floor(((shard + 1) * trainCount) / count);
  return Array.from({ length: count }, (_, shard) => endOf(shard) - endOf(shard - 1));
}
