import { describe, expect, it } from 'vitest';
import { averageUpdates } from './averaging.ts';
import { Combiner } from './combiner.ts';
import { mulberry } from './random.ts';
import { Replica } from './replica.ts';
import { decodeUpdate, encodeUpdate, type Scheme } from './update-codec.ts';
import { norm, relativeDistance } from './vectors.ts';

const COUNT = 9_000;
const SCHEMES: readonly Scheme[] = ['fp32', 'fp16', 'int8', 'int4', 'sign', 'topk-64'];
const random = mulberry(3);
const noise = (scale: number) => Float32Array.from({ length: COUNT }, () => scale * (2 * random() - 1));
const start = noise(1);
const roundOf = (scheme: Scheme) =>
  ['a', 'b', 'c', 'd', 'e', 'f'].map((author, i) => ({
    author,
    sampleCount: 40 + i,
    encoded: encodeUpdate(
      scheme,
      noise(0.1).map((value, at) => value + start[at]! / 20),
    ),
  }));

describe.each(SCHEMES)('a combiner that answers in %s', (scheme) => {
  const options = { parameterCount: COUNT, outerLearningRate: 0.7 };

  it('[S2] stands on the bits of whoever applies its answer as the only update of the round', () => {
    const server = new Combiner(options);
    const tab = new Replica({ ...options, scheme });
    server.load(start);
    tab.load(start);
    for (let round = 0; round < 4; round++) {
      tab.formUpdate(tab.anchor.map((value, i) => value + (i % 7) / 1_000));
      const encoded = server.combine(roundOf(scheme), scheme);
      tab.commit([{ author: 'whoever', sampleCount: 9, encoded }], 'counted');
      expect(tab.fingerprint).toBe(server.fingerprint);
    }
  });

  it('[S2] keeps what rounding lost, and sends it with the next answer', () => {
    const server = new Combiner({ ...options, outerLearningRate: 1 });
    server.load(start);
    const fade = scheme === 'topk-64' ? 0.95 : 1;
    for (let round = 0; round < 3; round++) {
      const updates = roundOf(scheme);
      const before = server.residual.slice();
      const sent = decodeUpdate(server.combine(updates, scheme));
      const mean = averageUpdates(updates, COUNT, 'all', 2);
      const owed = mean.map((value, i) => value + fade * before[i]! - sent[i]!);
      const wrong = norm(owed.map((value, i) => value - server.residual[i]!));
      expect(wrong).toBeLessThan(1e-6 * norm(mean));
    }
  });
});

describe('a combiner', () => {
  it('[S2] of one update answers what its author would have applied alone, and has no gain', () => {
    const [update] = roundOf('fp32');
    const server = new Combiner({ parameterCount: COUNT, outerLearningRate: 1 });
    server.load(start);
    const sent = decodeUpdate(server.combine([update!], 'fp32'));
    expect(relativeDistance(sent, decodeUpdate(update!.encoded))).toBeLessThan(1e-5);
  });
});
