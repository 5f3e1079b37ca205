/**
 * A zip of pictures, a folder a class: `cats/1.png`, `dogs/7.jpg`; folders around all of them are passed over, deeper
 * ones belong to their class. Classes take turns, so that the first samples show them all.
 */
import type { DatasetRequest } from '@murmuration/protocol';
import { DatasetError } from './dataset-error.ts';
import type { SampleSource } from './make-shards.ts';
import { pictureSample, type PictureSize } from './picture.ts';
import { ByteFeatures, ClassTarget, labelledRows } from './row-form.ts';
import { shownName, Zip } from './zip.ts';

const SIDE_DEFAULT = 32;
const FILE_MAX_BYTES = 32 * 1024 * 1024;
const CLASSES_MAX = 256;

/** @throws DatasetError naming the file in the zip; so does reading the blocks */
export async function imagesSource(
  path: string,
  wish: Pick<Extract<DatasetRequest, { kind: 'images' }>, 'height' | 'width' | 'channels'>,
): Promise<SampleSource> {
  const size: PictureSize = {
    height: wish.height ?? SIDE_DEFAULT,
    width: wish.width ?? SIDE_DEFAULT,
    channels: wish.channels ?? 3,
  };
  const zip = await Zip.open('file', path);
  try {
    for (const { name, byteLength } of zip.files)
      if (isPicture(name) && byteLength > FILE_MAX_BYTES)
        throw new DatasetError(
          'file',
          `"${shownName(name)}" has ${byteLength} bytes; a picture has at most ${FILE_MAX_BYTES}`,
        );
    const names = zip.files.map(({ name }) => name).filter(isPicture);
    const passedOver = zip.files.length - names.length;
    const classes = classesOf(names);
    const resize = { ...size, method: 'area' as const };
    return {
      features: new ByteFeatures([size.height, size.width, size.channels], resize),
      target: new ClassTarget('file', [...classes.keys()]),
      async *blocks() {
        try {
          for (const { name, label } of inTurns([...classes.values()]))
            yield labelledRows(await sampleOf(zip, name, size), Uint8Array.of(label));
        } finally {
          zip.close();
        }
      },
      notes: () => (passedOver > 0 ? [`${passedOver} files that are no PNG or JPEG were passed over.`] : []),
    };
  } catch (error) {
    zip.close();
    throw error;
  }
}

const isPicture = (name: string): boolean =>
  /\.(png|jpe?g)$/i.test(name) && !/(^|\/)(__MACOSX\/|\._)/.test(name);

/** Files by class, both in the order of their names. */
function classesOf(names: readonly string[]): Map<string, string[]> {
  if (names.length === 0) throw new DatasetError('file', 'holds no PNG or JPEG');
  const paths = names.toSorted().map((name) => name.split('/'));
  let depth = 0;
  while (paths.every((parts) => parts.length > depth + 2 && parts[depth] === paths[0]![depth])) depth++;
  const classes = new Map<string, string[]>();
  for (const parts of paths) {
    if (parts.length < depth + 2)
      throw new DatasetError(
        'file',
        `"${shownName(parts.join('/'))}" lies in no folder; a folder a class is expected`,
      );
    const name = parts[depth]!;
    const files = classes.get(name);
    if (files === undefined) classes.set(name, [parts.join('/')]);
    else files.push(parts.join('/'));
  }
  if (classes.size < 2)
    throw new DatasetError(
      'file',
      `holds one folder of pictures, "${[...classes.keys()][0]}"; at least two classes are needed`,
    );
  if (classes.size > CLASSES_MAX)
    throw new DatasetError(
      'file',
      `holds ${classes.size} folders; at most ${CLASSES_MAX} classes are possible`,
    );
  return classes;
}

function* inTurns(classes: readonly (readonly string[])[]): Generator<{ name: string; label: number }> {
  const longest = Math.max(...classes.map((files) => files.length));
  for (let turn = 0; turn < longest; turn++)
    for (const [label, files] of classes.entries())
      if (turn < files.length) yield { name: files[turn]!, label };
}

async function sampleOf(zip: Zip, name: string, size: PictureSize): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of zip.bytes('file', name)) pieces.push(piece);
  try {
    return pictureSample(Buffer.concat(pieces), size);
  } catch (error) {
    throw new DatasetError(
      'file',
      `"${shownName(name)}" cannot be read: ${(error as Error).message.slice(0, 100)}`,
    );
  }
}
