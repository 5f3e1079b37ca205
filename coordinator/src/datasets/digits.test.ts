import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Workshop } from '../../testing/data.ts';
import { DIGIT_STYLES } from './digit-skeletons.ts';
import { DIGIT_CLASS_COUNT, DIGIT_SIDE_PIXELS, drawDigits } from './digits.ts';
import { digitsPlan } from './sources.ts';

const PIXELS = DIGIT_SIDE_PIXELS * DIGIT_SIDE_PIXELS;

describe('drawn digits', () => {
  it('are the same bytes on every machine: the hash of 200 samples of seed 1 is fixed', () => {
    const { samples, labels } = drawDigits({ seed: 1, count: 200 });
    const hash = createHash('sha256').update(samples).update(labels).digest('hex');
    // Changes only when the drawing changes on purpose; then tests/digits must prove the hardness anew.
    expect(hash).toBe('68d5dc39625cddf316efdcfe02f9dc490931dc59da26ad5f61305aa4e46d1528');
  });

  it('use no function of Math whose last bit an engine may choose', () => {
    for (const file of ['./digits.ts', './digit-skeletons.ts']) {
      const source = readFileSync(new URL(file, import.meta.url), 'utf8').replace(
        /\/\*[^]*?\*\/|\/\/.*/g,
        '',
      );
      const used = new Set(source.match(/Math\.\w+|\*\*/g) ?? []);
      for (const exact of ['Math.sqrt', 'Math.floor', 'Math.min', 'Math.max']) used.delete(exact);
      expect([...used]).toEqual([]);
    }
  });

  it('depend on seed and index alone: sample i is the same whatever the count', () => {
    const few = drawDigits({ seed: 9, count: 37 });
    const many = drawDigits({ seed: 9, count: 120 });
    expect(Buffer.compare(many.samples.subarray(0, 37 * PIXELS), few.samples)).toBe(0);
    expect(many.labels.subarray(0, 37)).toEqual(few.labels);
    const later = drawDigits({ seed: 9, first: 30, count: 7 });
    expect(Buffer.compare(few.samples.subarray(30 * PIXELS), later.samples)).toBe(0);
    expect(later.labels).toEqual(few.labels.subarray(30));
    expect(Buffer.compare(drawDigits({ seed: 10, count: 37 }).samples, few.samples)).not.toBe(0);
  });

  it('never repeat a picture in 2,000, so validation holds nothing that was trained', () => {
    const count = 2_000;
    const { samples } = drawDigits({ seed: 2, count });
    const pictures = new Set<string>();
    for (let i = 0; i < count; i++)
      pictures.add(Buffer.from(samples.subarray(i * PIXELS, (i + 1) * PIXELS)).toString('latin1'));
    expect(pictures.size).toBe(count);
  });

  it('take turns: every ten consecutive samples hold each digit once', () => {
    const { labels } = drawDigits({ seed: 3, count: 40 });
    expect(DIGIT_CLASS_COUNT).toBe(10);
    for (let i = 0; i < 40; i += 10)
      expect([...labels.subarray(i, i + 10)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('are ink on paper: bright strokes on a ground that is mostly blank, and the ink stays off the edge', () => {
    const count = 500;
    const { samples } = drawDigits({ seed: 4, count });
    let edgeInk = 0;
    for (let i = 0; i < count; i++) {
      const picture = samples.subarray(i * PIXELS, (i + 1) * PIXELS);
      const ink = picture.filter((grey) => grey > 120).length;
      expect(ink).toBeGreaterThan(10);
      expect(ink).toBeLessThan(PIXELS / 2);
      expect(picture.filter((grey) => grey === 0).length).toBeGreaterThan(PIXELS / 3);
      for (let k = 0; k < DIGIT_SIDE_PIXELS; k++) if (picture[k]! > 120) edgeInk++;
    }
    expect(edgeInk / count).toBeLessThan(0.5);
  });

  it('have at least two styles for every digit, each of real strokes in or near the box', () => {
    for (const styles of DIGIT_STYLES) {
      expect(styles.length).toBeGreaterThanOrEqual(2);
      for (const stroke of styles.flat()) {
        expect(stroke.length).toBeGreaterThanOrEqual(2);
        for (const [x, y] of stroke) {
          expect(Math.min(x, y)).toBeGreaterThanOrEqual(-0.1);
          expect(Math.max(x, y)).toBeLessThanOrEqual(1.1);
        }
      }
    }
  });

  it.each([{}, { trainSampleCount: 1_234, validationSampleCount: 100, seed: 4 }])(
    'planned without drawing are what is drawn: %o',
    async (wish) => {
      const workshop = new Workshop();
      const request = { kind: 'digits', trainSampleCount: 600, validationSampleCount: 130, ...wish } as const;
      const { shards, validation, preview: _, preprocessing: __, ...made } = await workshop.make(request);
      workshop.close();
      const { manifest, shards: planned } = digitsPlan(request);
      expect(manifest).toMatchObject(made);
      expect(planned.map(({ sampleCount }) => sampleCount)).toEqual(
        shards.map(({ sampleCount }) => sampleCount),
      );
      expect(manifest.shardCount).toBe(shards.length);
      expect(manifest.validation).toMatchObject({
        sampleCount: validation.sampleCount,
        byteLength: validation.byteLength,
      });
    },
  );
});
