import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { findIdxFiles } from './idx-files.ts';

const made: string[] = [];
function directoryWith(...names: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'idx-'));
  made.push(directory);
  for (const name of names) writeFileSync(join(directory, name), '');
  return directory;
}
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

describe('--data DIR', () => {
  it('finds images with their labels, gzip or not', async () => {
    const zipped = directoryWith('t10k-images-idx3-ubyte.gz', 't10k-labels-idx1-ubyte.gz', 'README.md');
    expect(await findIdxFiles(zipped)).toMatchObject({
      images: join(zipped, 't10k-images-idx3-ubyte.gz'),
      labels: join(zipped, 't10k-labels-idx1-ubyte.gz'),
    });
    const plain = directoryWith('my-images-idx3-ubyte', 'my-labels-idx1-ubyte.gz');
    expect(await findIdxFiles(plain)).toMatchObject({ labels: join(plain, 'my-labels-idx1-ubyte.gz') });
  });
  it('takes the training set where there are two', async () => {
    const both = directoryWith(
      't10k-images-idx3-ubyte.gz',
      't10k-labels-idx1-ubyte.gz',
      'train-images-idx3-ubyte.gz',
      'train-labels-idx1-ubyte.gz',
    );
    expect(await findIdxFiles(both)).toMatchObject({
      images: join(both, 'train-images-idx3-ubyte.gz'),
      labels: join(both, 'train-labels-idx1-ubyte.gz'),
    });
  });
  it('a bad directory is answered with the flag and the fix', async () => {
    await expect(findIdxFiles(join(directoryWith(), 'absent'))).rejects.toThrow(
      /--data: .*absent cannot be read \(ENOENT\)/,
    );
    await expect(findIdxFiles(directoryWith('a.csv'))).rejects.toThrow(
      /--data: .* holds no \*-images-idx3-ubyte/,
    );
    await expect(
      findIdxFiles(directoryWith('train-images-idx3-ubyte', 't10k-labels-idx1-ubyte')),
    ).rejects.toThrow(/but not its labels; add train-labels-idx1-ubyte/);
  });
});
