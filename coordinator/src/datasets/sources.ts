/** From what is asked for to rows: the door to every kind of data. What a file looks like inside is its reader's business. */
import { LIMITS, shardByteLength } from '@murmuration/protocol';
import type { DatasetManifest, DatasetRequest, SampleLayout } from '@murmuration/protocol';
import { csvTable } from './csv.ts';
import { DIGIT_CLASS_COUNT, DIGIT_SIDE_PIXELS, drawDigits } from './digits.ts';
import { idxSource } from './idx.ts';
import { imagesSource } from './images.ts';
import type { SampleSource } from './make-shards.ts';
import { npzSource } from './npz.ts';
import { parquetTable } from './parquet.ts';
import { ByteFeatures, ClassTarget, labelledRows } from './row-form.ts';
import { shardSizes } from './shard-sizes.ts';
import { tableSource } from './table.ts';
import { textSource } from './text.ts';

const DIGITS_SEED = 1;
const DIGITS_TRAIN_COUNT = 12_000;
const DIGITS_VALIDATION_COUNT = 2_000;
const DIGITS_AT_ONCE = 256;
const DIGIT_NAMES = Array.from({ length: DIGIT_CLASS_COUNT }, (_, digit) => String(digit));

/**
 * @param path where the upload of a field lies
 * @param directory for temporary files
 * @throws DatasetError naming the field
 */
export async function sourceOf(
  request: DatasetRequest,
  path: (field: string, upload: string) => Promise<string>,
  directory: string,
): Promise<SampleSource> {
  switch (request.kind) {
    case 'digits':
      return digitsSource(request);
    case 'idx':
      return idxSource({
        images: await path('images', request.images),
        labels: await path('labels', request.labels),
      });
    case 'csv':
      return tableSource(await csvTable(await path('file', request.file), request.delimiter), request);
    case 'parquet':
      return tableSource(await parquetTable(await path('file', request.file), request.leaveOut), {
        ...request,
        // They are not in the table any more.
        leaveOut: [],
      });
    case 'npz':
      return npzSource(
        {
          file: await path('file', request.file),
          ...(request.labels === undefined ? {} : { labels: await path('labels', request.labels) }),
        },
        request,
      );
    case 'images':
      return imagesSource(await path('file', request.file), request);
    case 'text':
      return textSource(await path('file', request.file), request, directory);
    default:
      return request satisfies never;
  }
}

/** Name and licence of data that is drawn here. */
export const DIGITS_LICENCE = 'CC0-1.0, drawn by this program';
export const digitsName = ({ seed = DIGITS_SEED }: { readonly seed?: number }): string =>
  seed === DIGITS_SEED ? 'Digits' : `Digits ${seed}`;

type DigitsRequest = Extract<DatasetRequest, { kind: 'digits' }>;

/** What the dataset of such a request would be, without drawing it: no blob is there, so ids and hashes are zeros. */
export function digitsPlan(request: DigitsRequest): {
  readonly manifest: DatasetManifest;
  readonly shards: readonly { readonly sampleCount: number }[];
} {
  const { trainSampleCount = DIGITS_TRAIN_COUNT, validationSampleCount: heldOut = DIGITS_VALIDATION_COUNT } =
    request;
  const layout: SampleLayout = {
    encoding: 'uint8',
    sampleShape: [DIGIT_SIDE_PIXELS, DIGIT_SIDE_PIXELS, 1],
    target: { kind: 'class', classCount: DIGIT_CLASS_COUNT, classNames: [...DIGIT_NAMES] },
  };
  const sampleCountMax = Math.floor(LIMITS.shardMaxBytes / shardByteLength(layout, 1));
  const shards = shardSizes(trainSampleCount, { sampleCountMax }).map((sampleCount) => ({ sampleCount }));
  const byteLength = shardByteLength(layout, heldOut);
  return {
    manifest: {
      ...{ id: `data_${'0'.repeat(26)}`, name: digitsName(request), kind: 'digits', licence: DIGITS_LICENCE },
      ...layout,
      ...{ trainSampleCount, shardCount: shards.length },
      validation: { index: 0, sha256: '0'.repeat(64), sampleCount: heldOut, byteLength },
    },
    shards,
  };
}

function digitsSource(request: DigitsRequest): SampleSource {
  const { seed = DIGITS_SEED, trainSampleCount = DIGITS_TRAIN_COUNT } = request;
  const count = trainSampleCount + (request.validationSampleCount ?? DIGITS_VALIDATION_COUNT);
  const features = new ByteFeatures([DIGIT_SIDE_PIXELS, DIGIT_SIDE_PIXELS, 1]);
  return {
    features,
    target: new ClassTarget('labels', DIGIT_NAMES),
    trainSampleCount,
    async *blocks() {
      for (let first = 0; first < count; first += DIGITS_AT_ONCE) {
        const { samples, labels } = drawDigits({
          seed,
          first,
          count: Math.min(DIGITS_AT_ONCE, count - first),
        });
        yield labelledRows(samples, labels);
        // Some milliseconds a block: the sockets have their turn in between.
        await new Promise(setImmediate);
      }
    },
  };
}
