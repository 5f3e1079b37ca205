import fc from 'fast-check';
import { zipSync } from 'fflate';
import jpeg from 'jpeg-js';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import { type AnyWish, Workshop } from '../../testing/data.ts';
import { pictureSample } from './picture.ts';

const workshop = new Workshop();
afterAll(() => workshop.close());

type Colour = readonly [red: number, green: number, blue: number, alpha?: number];
type Paint = (x: number, y: number) => Colour;

function png(width: number, height: number, paint: Paint): Buffer {
  const picture = new PNG({ width, height });
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [red, green, blue, alpha = 255] = paint(x, y);
      picture.data.set([red, green, blue, alpha], (y * width + x) * 4);
    }
  return PNG.sync.write(picture);
}
function jpg(width: number, height: number, [red, green, blue]: Colour): Buffer {
  const data = Buffer.alloc(width * height * 4, Buffer.of(red, green, blue, 255));
  return jpeg.encode({ width, height, data }, 95).data;
}
const plain = (colour: Colour, width = 4, height = 4) => png(width, height, () => colour);

describe('a picture as a sample', () => {
  it('is shrunk by the mean of the area that each new pixel covers', () => {
    const picture = png(6, 4, (x, y) => [x < 3 ? 0 : 200, y < 2 ? 100 : 50, 10]);
    expect([...pictureSample(picture, { width: 2, height: 2, channels: 3 })]).toEqual([
      0, 100, 10, 200, 100, 10, 0, 50, 10, 200, 50, 10,
    ]);
    const uneven = png(3, 1, (x) => [x * 90, 0, 0]);
    expect([...pictureSample(uneven, { width: 2, height: 1, channels: 3 })]).toEqual([30, 0, 0, 150, 0, 0]);
  });

  it('is enlarged, made grey, and laid over white where it is transparent', () => {
    expect([...pictureSample(plain([9, 9, 9], 1, 1), { width: 3, height: 1, channels: 1 })]).toEqual([
      9, 9, 9,
    ]);
    expect([...pictureSample(plain([255, 0, 0]), { width: 1, height: 1, channels: 1 })]).toEqual([76]);
    const half = png(1, 1, () => [0, 0, 0, 0]);
    expect([...pictureSample(half, { width: 1, height: 1, channels: 3 })]).toEqual([255, 255, 255]);
  });

  it('JPEG gives the colours that it was made of', () => {
    const [red, green, blue] = pictureSample(jpg(16, 16, [200, 60, 30]), {
      width: 1,
      height: 1,
      channels: 3,
    });
    expect([Math.abs(red! - 200), Math.abs(green! - 60), Math.abs(blue! - 30)].every((off) => off <= 4)).toBe(
      true,
    );
  });

  it('[U3] a picture of a million megapixels is refused by its header', () => {
    const huge = Buffer.from(plain([0, 0, 0]));
    huge.writeUInt32BE(1_000_000, 16);
    huge.writeUInt32BE(1_000_000, 20);
    expect(() => pictureSample(huge, { width: 1, height: 1, channels: 1 })).toThrow(
      /1000000 x 1000000 pixels/,
    );
  });
});

const zip = (files: Record<string, Uint8Array>) => workshop.file(zipSync(files, { level: 0 }));
/** 20 pictures a class, of different colours each. */
function classes(folder: (name: string) => string): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (let i = 0; i < 20; i++) {
    files[folder(`cat/${i}.png`)] = plain([10 + i, 20, 30]);
    files[folder(`dog/${i}.JPG`)] = jpg(8, 8, [200, 10 * i, 30]);
  }
  return files;
}
type ImagesWish = Omit<Extract<AnyWish, { kind: 'images' }>, 'kind' | 'file'>;
const make = (file: string, wish: ImagesWish = {}) => workshop.make({ kind: 'images', file, ...wish });
const refusal = (file: string) => workshop.refusal({ kind: 'images', file });

describe('a zip of pictures', () => {
  it('a folder is a class; classes take turns; folders around all are passed over', async () => {
    const made = await make(zip(classes((name) => name)), { width: 4, height: 4, channels: 3 });
    expect(made).toMatchObject({
      encoding: 'uint8',
      sampleShape: [4, 4, 3],
      target: { kind: 'class', classCount: 2, classNames: ['cat', 'dog'] },
    });
    expect(made.preview.samples.slice(0, 4).map(({ target }) => target)).toEqual([
      'cat',
      'dog',
      'cat',
      'dog',
    ]);
    expect(made.preprocessing.input).toMatchObject({
      resize: { width: 4, height: 4, channels: 3, method: 'area' },
    });
    const deep = await make(zip(classes((name) => `data/all/${name}`)), { width: 4, height: 4 });
    expect(deep.shards).toEqual(made.shards);
  });

  it('other files are passed over and counted', async () => {
    const files = {
      ...classes((name) => name),
      'readme.txt': Buffer.of(1),
      '__MACOSX/cat/._1.png': Buffer.of(1),
    };
    expect((await make(zip(files))).preview.notes).toEqual([
      '2 files that are no PNG or JPEG were passed over.',
    ]);
  });

  it('[U10] [U13] names the file that cannot be read, and says what is missing', async () => {
    const files = classes((name) => name);
    const damaged = Buffer.from(files['cat/7.png']!);
    damaged[45]! ^= 0xff;
    const says = async (more: Record<string, Uint8Array>) =>
      (await refusal(zip({ ...files, ...more }))).message;
    expect(await says({ 'cat/7.png': damaged })).toMatch(/"cat\/7.png" cannot be read/);
    expect(await says({ 'dog/3.JPG': files['dog/3.JPG']!.subarray(0, 200) })).toMatch(
      /"dog\/3.JPG" cannot be read/,
    );
    expect(await says({ 'cat/8.png': Buffer.from('GIF89a') })).toMatch(/"cat\/8.png" .*begins with 47494638/);
    expect(await says({ 'loose.png': plain([0, 0, 0]) })).toMatch(/"loose.png" lies in no folder/);
    expect(
      (await refusal(zip({ 'a/1.png': plain([0, 0, 0]), 'a/2.png': plain([1, 1, 1]) }))).message,
    ).toMatch(/one folder/);
    expect((await refusal(zip({ 'a/1.txt': Buffer.of(1) }))).message).toMatch(/no PNG or JPEG/);
  });

  it('answers any damage with a dataset or a DatasetError', async () => {
    const whole = zipSync(
      classes((name) => name),
      { level: 0 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        async (changes) => {
          const damaged = Uint8Array.from(whole);
          for (const [at, byte] of changes) damaged[at] = byte;
          const wish: AnyWish = { kind: 'images', file: workshop.file(damaged), width: 4, height: 4 };
          const made = await workshop.make(wish).catch(() => null);
          if (made === null) expect(await workshop.refusal(wish)).toMatchObject({ name: 'DatasetError' });
        },
      ),
      { seed: 6, numRuns: 40 },
    );
  });
});
