/**
 * Finds an IDX dataset in a directory: images and their labels, plain or gzip, by MNIST's naming
 * (`train-images-idx3-ubyte.gz` with `train-labels-idx1-ubyte.gz`, `t10k-...`). What is inside the files is the
 * coordinator's to judge; here only their presence is.
 */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Sentence } from './places.ts';

export interface IdxFiles {
  readonly images: string;
  readonly labels: string;
  /** Name for people: the directory's. */
  readonly name: string;
}

const IMAGES = /^(.*?)-?images[-.]idx3-ubyte(\.gz)?$/;
const LABELS = /^(.*?)-?labels[-.]idx1-ubyte(\.gz)?$/;

/** @throws Sentence naming the directory and the fix. With several sets, `train` goes first. */
export async function findIdxFiles(directory: string): Promise<IdxFiles> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    throw new Sentence(
      `--data: ${directory} cannot be read (${error.code}); give a directory with IDX files.`,
    );
  });
  const images = names
    .flatMap((name) => {
      const match = IMAGES.exec(name);
      return match === null ? [] : [{ name, prefix: match[1]! }];
    })
    .toSorted(
      (a, b) => Number(b.prefix === 'train') - Number(a.prefix === 'train') || a.name.localeCompare(b.name),
    );
  const first = images[0];
  if (first === undefined)
    throw new Sentence(
      `--data: ${directory} holds no *-images-idx3-ubyte or *-images-idx3-ubyte.gz; give a directory with IDX files.`,
    );
  const labels = names.filter((name) => LABELS.exec(name)?.[1] === first.prefix).toSorted()[0];
  if (labels === undefined)
    throw new Sentence(
      `--data: ${directory} holds ${first.name} but not its labels; add ${first.prefix}-labels-idx1-ubyte (or .gz).`,
    );
  return {
    images: join(directory, first.name),
    labels: join(directory, labels),
    name: basename(directory) || 'idx',
  };
}
