/**
 * The product's own task for imaginary tabs: the preset `cnn` on the built-in digits, drawn and cut into shards by the code
 * that the coordinator serves them with; a byte p counts as p / 255, as in a tab.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeShards, sourceOf } from '@murmuration/coordinator/datasets';
import { presetModel, readShard, type DatasetRequest, type SampleLayout } from '@murmuration/protocol';
import { ImageModel, type LabelledSamples, type TabModel, type TabTask } from '@murmuration/simulator';

type DigitsRequest = Extract<DatasetRequest, { kind: 'digits' }>;

export interface DigitsData {
  readonly shards: readonly LabelledSamples[];
  readonly validation: LabelledSamples;
  readonly sampleShape: readonly number[];
  readonly classCount: number;
}

export async function digitsData(request: DigitsRequest): Promise<DigitsData> {
  const directory = await mkdtemp(join(tmpdir(), 'murmuration-digits-'));
  try {
    const blobs = new Map<string, Uint8Array>();
    const put = (bytes: Uint8Array) => {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      blobs.set(sha256, bytes.slice());
      return Promise.resolve(sha256);
    };
    const noUpload = () => Promise.reject(new Error('digits are drawn, not uploaded'));
    const made = await makeShards(await sourceOf(request, noUpload, directory), request, { directory, put });
    if (made.target.kind !== 'class') throw new Error(`digits: their target is ${made.target.kind}`);
    return {
      shards: made.shards.map(({ sha256 }) => samplesOf(made, blobs.get(sha256)!)),
      validation: samplesOf(made, blobs.get(made.validation.sha256)!),
      ...{ sampleShape: made.sampleShape, classCount: made.target.classCount },
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function samplesOf(layout: SampleLayout, bytes: Uint8Array): LabelledSamples {
  const block = readShard(layout, bytes);
  if (typeof block === 'string') throw new Error(`digits: ${block}`);
  const { features, targets, sampleCount: count } = block;
  const inputs = new Float32Array(features.byteLength);
  for (let i = 0; i < inputs.length; i++) inputs[i] = features.getUint8(i) / 255;
  return { inputs, labels: Uint8Array.from({ length: count }, (_, i) => targets.getUint8(i)), count };
}

/** @param settings of the run: batch and optimiser */
export function digitsTask(
  { shards, validation, sampleShape, classCount }: DigitsData,
  settings: ConstructorParameters<typeof ImageModel>[1],
): TabTask {
  const model: TabModel = new ImageModel(presetModel('cnn', sampleShape, classCount), settings);
  return { model, shard: (index) => shards[index]!, validation };
}
