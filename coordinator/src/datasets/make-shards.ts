/**
 * From a source of rows to what travels: shards for training and one blob that is held out, in the layout of
 * protocol/dataset.ts. Four passes, of which only the first reads the source; memory does not grow with the rows:
 *
 *   survey   every row goes into a spool; classes, missing values and the hashes that split are counted
 *   deal     a row is held out, or trains and goes into a bucket drawn by the seed; the forms are fitted on what trains
 *   encode   bucket by bucket, shuffled by the seed, into shards; what is held out, in its order, into its blob
 *
 * Rows in a random bucket, shuffled there, are as evenly mixed as a shuffle of the whole. By label, each class has
 * buckets of its own, and they follow each other. The same source and wish give the same bytes, hence the same addresses.
 */
import { mulberry, shuffledIndices, streamSeed } from '@murmuration/codec';
import {
  featureBytes,
  LIMITS,
  shardByteLength,
  targetBytes,
  type DatasetCutWish,
  type Preprocessing,
  type Preview,
  type SampleLayout,
  type Sha256,
  type Shard,
} from '@murmuration/protocol';
import { DatasetError } from './dataset-error.ts';
import type { FeatureForm, TargetForm } from './row-form.ts';
import { shardSizes } from './shard-sizes.ts';
import { BucketSpool, Spool } from './spool.ts';
import { isHeldOut, rowHash, SplitSurvey, type SplitCut } from './split.ts';

/** Where rows come from. `blocks` is read once; each block holds whole rows: raw features, then raw target. */
export interface SampleSource {
  readonly features: FeatureForm;
  readonly target: TargetForm;
  blocks(): AsyncIterable<Uint8Array>;
  /** When the source itself says which rows train: the first so many. */
  readonly trainSampleCount?: number;
  /** Sentences for the preview, once all blocks were read. */
  notes?(): readonly string[];
}

export interface World {
  /** For temporary files. */
  readonly directory: string;
  readonly put: (bytes: Uint8Array) => Promise<Sha256>;
}

export interface MadeDataset extends SampleLayout {
  readonly trainSampleCount: number;
  readonly shards: readonly Shard[];
  readonly validation: Shard;
  readonly preview: Preview;
  readonly preprocessing: Pick<Preprocessing, 'input' | 'target'>;
}

const VALIDATION_SHARE = 0.2;
/** Unless the wish says a share: more says hardly more of a model, and every tab that evaluates goes through them all. */
const VALIDATION_SAMPLES_MAX = 20_000;
const SEED = 1;
/** Raw rows of one bucket, which are in memory at once. */
const BUCKET_BYTES = 4 * 1024 * 1024;
const BUCKETS_MAX = 1_024;
const PREVIEW_SAMPLES = 20;

/** @throws DatasetError naming the field at fault */
export async function makeShards(
  source: SampleSource,
  wish: DatasetCutWish,
  world: World,
): Promise<MadeDataset> {
  const spool = await Spool.create(world.directory);
  try {
    return await new Making(source, wish, world, spool).run();
  } finally {
    await spool.close();
  }
}

class Making {
  readonly #features: FeatureForm;
  readonly #target: TargetForm;
  readonly #source: SampleSource;
  readonly #wish: DatasetCutWish;
  readonly #world: World;
  readonly #spool: Spool;
  readonly #seed: number;
  readonly #rowBytes: number;
  readonly #survey = new SplitSurvey();
  #rowCount = 0;
  #trainCount = 0;
  readonly #trainOfClass: number[] = [];
  readonly #samples: Preview['samples'] = [];

  constructor(source: SampleSource, wish: DatasetCutWish, world: World, spool: Spool) {
    this.#source = source;
    this.#features = source.features;
    this.#target = source.target;
    this.#wish = wish;
    this.#world = world;
    this.#spool = spool;
    this.#seed = wish.seed ?? SEED;
    this.#rowBytes = source.features.rawBytes + 8 * source.target.rawSize;
  }

  async run(): Promise<MadeDataset> {
    await this.#surveyRows();
    // Asked now, because a set that cannot be learned is refused before anything is cut; the fit comes later.
    const { encoding, sampleShape } = this.#features;
    const sizes: SampleLayout = { encoding, sampleShape: [...sampleShape], target: this.#target.target() };
    const bytesPerSample = shardByteLength(sizes, 1);
    if (bytesPerSample > LIMITS.shardMaxBytes || sampleShape.some((n) => n > LIMITS.dimensionMax))
      throw new DatasetError(
        'file',
        `one sample of [${sampleShape}] takes ${bytesPerSample} bytes; a shard has at most ${LIMITS.shardMaxBytes}, a dimension ${LIMITS.dimensionMax}`,
      );
    const blobSampleCountMax = Math.floor(LIMITS.shardMaxBytes / bytesPerSample);
    const heldOut = this.#split(blobSampleCountMax);
    const buckets = this.#planBuckets();
    const dealt = await BucketSpool.create(this.#world.directory, this.#rowBytes, buckets.count + 1);
    try {
      await this.#deal(dealt, buckets, heldOut);
      const layout: SampleLayout = { ...sizes, target: this.#target.target() };
      const shards = await this.#encodeShards(dealt, buckets.count, layout, blobSampleCountMax);
      const heldOutRows = await dealt.read(buckets.count);
      const order = Uint32Array.from({ length: heldOutRows.length / this.#rowBytes }, (_, i) => i);
      const cutter = new ShardCutter(layout, this.#features, this.#target, this.#world.put);
      const validation = await cutter.put(0, [{ rows: heldOutRows, order }], order.length, this.#rowBytes);
      return {
        ...layout,
        trainSampleCount: this.#trainCount,
        shards,
        validation,
        preview: this.#preview(validation.sampleCount),
        preprocessing: { input: this.#features.preprocessing(), target: this.#target.preprocessing() },
      };
    } finally {
      await dealt.close();
    }
  }

  async #surveyRows(): Promise<void> {
    const targetAt = this.#features.rawBytes;
    for await (const block of this.#source.blocks()) {
      const view = viewOf(block);
      for (let at = 0; at < block.length; at += this.#rowBytes) {
        if (this.#rowCount >= LIMITS.samplesMax)
          throw new DatasetError('file', `more than ${LIMITS.samplesMax} rows; bring fewer`);
        this.#features.survey(view, at);
        this.#target.survey(view, at + targetAt, this.#rowCount);
        this.#survey.add(rowHash(this.#seed, block, at, at + targetAt));
        this.#rowCount += 1;
      }
      await this.#spool.append(block);
    }
    if (this.#rowCount < 2)
      throw new DatasetError('file', `${this.#rowCount} rows; at least one must train and one be held out`);
  }

  /** A row's side, asked for row after row. */
  #split(blobSampleCountMax: number): (index: number, hash: () => number) => boolean {
    const count = this.#rowCount;
    const {
      trainSampleCount,
      validationShare = Math.min(VALIDATION_SHARE, VALIDATION_SAMPLES_MAX / count),
      splitBy,
    } = this.#wish;
    const fixed = this.#source.trainSampleCount ?? trainSampleCount;
    if (fixed !== undefined || splitBy === 'order') {
      const trains = fixed ?? Math.max(1, count - Math.max(1, Math.round(count * validationShare)));
      if (trains >= count)
        throw new DatasetError(
          'trainSampleCount',
          `${trains} of ${count} samples; at least 1 must train and 1 validate`,
        );
      if (count - trains > blobSampleCountMax)
        throw new DatasetError(
          fixed === undefined ? 'validationShare' : 'trainSampleCount',
          `leaves ${count - trains} samples to validate; at most ${blobSampleCountMax} of [${this.#features.sampleShape}] fit into one blob`,
        );
      return (index) => index >= trains;
    }
    const wanted = Math.min(Math.max(1, Math.round(count * validationShare)), blobSampleCountMax);
    const cut: SplitCut | null = this.#survey.cut(wanted, blobSampleCountMax);
    if (cut === null)
      throw new DatasetError(
        'file',
        `the ${count} rows are too alike to hold some out (equal rows stay together); bring other rows, or use splitBy "order"`,
      );
    return (_, hash) => isHeldOut(hash(), cut);
  }

  #planBuckets(): Buckets {
    const bucketsOf = (rows: number) => Math.max(1, Math.ceil((rows * this.#rowBytes) / BUCKET_BYTES));
    if (this.#wish.shardBy !== 'label') {
      const count = Math.min(BUCKETS_MAX, bucketsOf(this.#rowCount));
      return { count, of: (_, draw) => Math.floor(draw * count) };
    }
    const classes = this.#target.classCounts();
    if (classes === null)
      throw new DatasetError('shardBy', '"label" needs classes; this target is not one of a few');
    const first: number[] = [];
    const counts = classes.map(bucketsOf);
    let count = 0;
    for (const own of counts) {
      first.push(count);
      count += own;
    }
    return { count, of: (label, draw) => first[label]! + Math.floor(draw * counts[label]!) };
  }

  async #deal(
    dealt: BucketSpool,
    buckets: Buckets,
    heldOut: (index: number, hash: () => number) => boolean,
  ): Promise<void> {
    const targetAt = this.#features.rawBytes;
    const random = mulberry(streamSeed(this.#seed, 'deal'));
    let index = 0;
    for await (const block of this.#spool.blocks(this.#rowBytes)) {
      const view = viewOf(block);
      for (let at = 0; at < block.length; at += this.#rowBytes, index++) {
        const isOut = heldOut(index, () => rowHash(this.#seed, block, at, at + targetAt));
        const label = this.#target.classOf(view, at + targetAt);
        if (!isOut) {
          this.#trainCount += 1;
          this.#trainOfClass[label] = (this.#trainOfClass[label] ?? 0) + 1;
          this.#features.fit(view, at);
          this.#target.fit(view, at + targetAt);
        }
        if (index < PREVIEW_SAMPLES)
          this.#samples.push({
            side: isOut ? 'validation' : 'train',
            input: this.#features.sample(view, at),
            target: this.#target.sample(view, at + targetAt),
          });
        const full = dealt.add(isOut ? buckets.count : buckets.of(label, random()), block, at);
        if (full !== null) await full;
      }
    }
  }

  /** Sizes of the shards differ by one sample at most. */
  async #encodeShards(
    dealt: BucketSpool,
    bucketCount: number,
    layout: SampleLayout,
    blobSampleCountMax: number,
  ): Promise<Shard[]> {
    const trainCount = this.#trainCount;
    const asked = this.#wish.shardSampleCount;
    if (asked !== undefined && asked > blobSampleCountMax)
      throw new DatasetError(
        'shardSampleCount',
        `${asked}; expected 1 to ${blobSampleCountMax} samples of [${layout.sampleShape}]`,
      );
    const sizes = shardSizes(trainCount, { sampleCountMax: blobSampleCountMax, asked });
    if (sizes.length > LIMITS.shardsMax)
      throw new DatasetError(
        'shardSampleCount',
        `makes ${sizes.length} shards; at most ${LIMITS.shardsMax} are possible`,
      );
    const cutter = new ShardCutter(layout, this.#features, this.#target, this.#world.put);
    const shards: Shard[] = [];
    /** Rows that are read and not cut yet: the end of one bucket and the beginnings of others. */
    let waiting: Portion[] = [];
    let waitingCount = 0;
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const rows = await dealt.read(bucket);
      if (rows.length === 0) continue;
      const view = viewOf(rows);
      for (let at = 0; at < rows.length; at += this.#rowBytes) this.#features.count(view, at);
      const count = rows.length / this.#rowBytes;
      waiting.push({ rows, order: shuffledIndices(streamSeed(this.#seed, 'bucket', bucket), 0, 0, count) });
      waitingCount += count;
      for (let need = sizes[shards.length]; need !== undefined && waitingCount >= need;) {
        shards.push(await cutter.put(shards.length, waiting, need, this.#rowBytes));
        waiting = waiting.filter(({ order }) => order.length > 0);
        waitingCount -= need;
        need = sizes[shards.length];
      }
      waiting = [copied(waiting, this.#rowBytes)];
    }
    return shards;
  }

  #preview(validationSampleCount: number): Preview {
    const names = this.#target.preprocessing();
    return {
      trainSampleCount: this.#trainCount,
      validationSampleCount,
      classes:
        names.kind === 'class'
          ? this.#target.classCounts()!.map((count, label) => {
              const train = this.#trainOfClass[label] ?? 0;
              return { name: names.classNames[label]!, train, validation: count - train };
            })
          : null,
      ...this.#features.preview(),
      samples: this.#samples,
      notes: [...(this.#source.notes?.() ?? [])],
    };
  }
}

interface Buckets {
  readonly count: number;
  /** @param draw uniform in [0, 1) */
  readonly of: (label: number, draw: number) => number;
}

/** Rows in memory and the order in which they are still to be cut. */
interface Portion {
  readonly rows: Uint8Array;
  order: Uint32Array;
}

/** What is still to be cut, in its order and in a buffer of its own: the bucket's buffer is used again. */
function copied(portions: readonly Portion[], rowBytes: number): Portion {
  const count = portions.reduce((sum, { order }) => sum + order.length, 0);
  const rows = new Uint8Array(count * rowBytes);
  let i = 0;
  for (const portion of portions)
    for (const row of portion.order)
      rows.set(portion.rows.subarray(row * rowBytes, (row + 1) * rowBytes), i++ * rowBytes);
  return { rows, order: Uint32Array.from({ length: count }, (_, i) => i) };
}

class ShardCutter {
  readonly #layout: SampleLayout;
  readonly #features: FeatureForm;
  readonly #target: TargetForm;
  readonly #put: (bytes: Uint8Array) => Promise<Sha256>;

  constructor(
    layout: SampleLayout,
    features: FeatureForm,
    target: TargetForm,
    put: (bytes: Uint8Array) => Promise<Sha256>,
  ) {
    this.#layout = layout;
    this.#features = features;
    this.#target = target;
    this.#put = put;
  }

  /** Takes `count` rows from the front of the portions. */
  async put(index: number, portions: readonly Portion[], count: number, rowBytes: number): Promise<Shard> {
    const featureSize = featureBytes(this.#layout);
    const targetSize = targetBytes(this.#layout);
    const bytes = new Uint8Array(count * (featureSize + targetSize));
    const out = viewOf(bytes);
    let i = 0;
    for (const portion of portions) {
      const view = viewOf(portion.rows);
      const taken = portion.order.subarray(0, count - i);
      portion.order = portion.order.subarray(taken.length);
      for (const row of taken) {
        this.#features.encode(view, row * rowBytes, out, i * featureSize);
        this.#target.encode(
          view,
          row * rowBytes + this.#features.rawBytes,
          out,
          count * featureSize + i * targetSize,
        );
        i += 1;
      }
      if (i === count) break;
    }
    return { index, sha256: await this.#put(bytes), sampleCount: count, byteLength: bytes.length };
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
