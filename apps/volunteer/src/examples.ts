/**
 * Sample guesses: some pictures of the run's data, fetched once a run, and what the model makes of them now, asked of
 * the worker every few seconds while somebody looks. Data that are no pictures are not shown.
 */
import type { Prediction } from '@murmuration/trainer';

export interface Picture {
  readonly label: number;
  /** Grey, 0..255, row by row. */
  readonly pixels: Uint8Array;
}
export interface Guess {
  readonly label: number;
  /** 0..1 */
  readonly sureness: number;
}
export interface Examples {
  readonly width: number;
  readonly height: number;
  readonly pictures: readonly Picture[];
  /** One a picture; null: the model has not been asked yet, or does not name classes. */
  readonly guesses: readonly Guess[] | null;
  /** Each picture as an autoencoder draws it again, as `pixels`; null: it has not been asked yet, or is none. */
  readonly drawn: readonly Uint8Array[] | null;
}

const PICTURE_COUNT = 12;
/** Between two questions. The answer costs the device about as much as two steps. */
export const GUESS_EVERY_MS = 10_000;

/** @throws TypeError or Error when the coordinator does not answer as expected; the page then shows none. */
export async function fetchExamples(runId: string, until: AbortSignal): Promise<Examples | null> {
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await fetch(path, { signal: until });
    if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  return examplesOf(await get(`/api/public/runs/${runId}/samples?count=${PICTURE_COUNT}`));
}

/** Null: these samples are no grey pictures. @throws TypeError when the answer has another shape. */
export function examplesOf(answer: Readonly<Record<string, unknown>>): Examples | null {
  const { sampleShape, samples } = answer;
  if (!Array.isArray(sampleShape) || !Array.isArray(samples))
    throw new TypeError('samples: the answer has another shape');
  const [height, width, channels = 1] = sampleShape as number[];
  if (sampleShape.length < 2 || sampleShape.length > 3 || channels !== 1 || !height || !width) return null;
  const pictures = samples.map((sample: { label?: unknown; pixels?: unknown }) => {
    const pixels = Uint8Array.from(atob(String(sample.pixels)), (character) => character.charCodeAt(0));
    if (pixels.length !== width * height || !Number.isInteger(sample.label))
      throw new TypeError('samples: a picture has another size than the dataset says');
    return { label: sample.label as number, pixels };
  });
  return pictures.length === 0 ? null : { width, height, pictures, guesses: null, drawn: null };
}

/** As the trainer takes them: pixels / 255, one picture after the other. */
export function pixelsOf({ pictures, width, height }: Examples): Float32Array {
  const pixels = new Float32Array(pictures.length * width * height);
  for (const [index, picture] of pictures.entries())
    for (const [i, value] of picture.pixels.entries()) pixels[index * width * height + i] = value / 255;
  return pixels;
}

/** With the likeliest class of each picture, or the picture that the model makes of it. */
export function answered(examples: Examples, prediction: Prediction): Examples {
  if (prediction.kind === 'samples') {
    const size = examples.width * examples.height;
    const drawn = examples.pictures.map((_, index) =>
      Uint8Array.from(prediction.values.subarray(index * size, (index + 1) * size), (value) => 255 * value),
    );
    return { ...examples, drawn };
  }
  const { probabilities } = prediction;
  const classCount = probabilities.length / examples.pictures.length;
  const guesses = examples.pictures.map((_, index) => {
    const row = probabilities.subarray(index * classCount, (index + 1) * classCount);
    const sureness = row.reduce((a, b) => Math.max(a, b), 0);
    return { label: row.indexOf(sureness), sureness };
  });
  return { ...examples, guesses };
}
