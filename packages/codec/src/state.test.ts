import { describe, expect, it } from 'vitest';
import { mulberry } from './random.ts';
import { Replica } from './replica.ts';
import {
  CHUNK_VALUES,
  chunkBytes,
  chunkCount,
  chunkMaxBytes,
  decodeState,
  encodeState,
  inspectChunk,
  loadState,
} from './state.ts';
import { encodeUpdate } from './update-codec.ts';
import { fingerprint } from './vectors.ts';

/** Two whole chunks and an odd end. */
const COUNT = 2 * CHUNK_VALUES + 777;
const random = mulberry(5);
const noise = (scale: number) => Float32Array.from({ length: COUNT }, () => scale * (2 * random() - 1));
const anchor = noise(1);
/** Squares of values over eight decades, as gradients of different layers are. */
const secondMoment = Float32Array.from({ length: COUNT }, (_, i) => {
  const gradient = random() * 10 ** -(Math.floor(i / 20_000) % 8);
  return i % 100 === 0 ? 0 : gradient * gradient;
});
const state = { anchor, secondMoment, stepCount: 5_000 };
const chunks = encodeState(state);
/** Every byte is as frequent as any other: no code makes it shorter. */
const scattered = {
  anchor: new Float32Array(
    Uint32Array.from({ length: COUNT }, () => Math.floor(random() * 255) * 2 ** 23 + random() * 2 ** 23)
      .buffer,
  ),
  secondMoment: Float32Array.from({ length: COUNT }, (_, i) => {
    const code = i % 256 === 0 ? 0 : Math.floor(random() * 256);
    return code === 255 ? 0 : 2 ** -Math.floor(code / 8) * (1 - (code % 8) / 16);
  }),
  stepCount: 9,
};
const plain = encodeState(scattered);

describe('[J4] a state in chunks', () => {
  it('keeps the anchor exactly, roots of second moments within 3.2 %, zeros, and the step count', () => {
    const restored = decodeState(chunks, COUNT);
    expect(fingerprint(restored.anchor)).toBe(fingerprint(anchor));
    expect(restored.stepCount).toBe(5_000);
    let worst = 0;
    for (const [i, value] of secondMoment.entries()) {
      if (value === 0) expect(restored.secondMoment[i]).toBe(0);
      // What lies further under its block's largest is raised to the smallest level: a shorter step, never a wilder one.
      else if (restored.secondMoment[i]! < value * 1.07)
        worst = Math.max(worst, Math.abs(Math.sqrt(restored.secondMoment[i]! / value) - 1));
    }
    expect(worst).toBeGreaterThan(0.02);
    expect(worst).toBeLessThan(0.032);
  });

  it('takes 5.01 bytes a value at most, whatever is in it; a chunk and its frame fit into 256 KiB', () => {
    expect(chunkCount(1_000_000)).toBe(20);
    const most = Array.from({ length: 20 }, (_, i) => chunkBytes(i, 1_000_000)).reduce((a, b) => a + b);
    expect(most / 1_000_000).toBeLessThan(5.01);
    expect(chunkMaxBytes(50_000_000)).toBeLessThan(256 * 1024 - 64);
    expect(plain.map((bytes) => bytes.length)).toEqual([0, 1, 2].map((chunk) => chunkBytes(chunk, COUNT)));
    expect(fingerprint(decodeState(plain, COUNT).anchor)).toBe(fingerprint(scattered.anchor));
  });

  it('takes an eighth less for parameters and moments as training makes them', () => {
    const gauss = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const trained = encodeState({
      anchor: Float32Array.from({ length: COUNT }, () => 0.05 * gauss()),
      // A mean of squared gradients over some steps, of one layer.
      secondMoment: Float32Array.from({ length: COUNT }, () =>
        [1, 2, 3, 4].reduce((sum) => sum + (1e-3 * gauss()) ** 2 / 4, 0),
      ),
      stepCount: 100,
    });
    const bytes = trained.reduce((sum, chunk) => sum + chunk.length, 0);
    expect(bytes / COUNT).toBeLessThan((7 / 8) * 5.01);
  });

  it('brings second moments of donors with few steps to the bias of those with many', () => {
    const steady = (stepCount: number, value: number) =>
      encodeState({
        anchor,
        secondMoment: new Float32Array(COUNT).fill(value * (1 - 0.999 ** stepCount)),
        stepCount,
      });
    const [old, young] = [steady(5_000, 0.25), steady(50, 0.25)];
    const mixed = decodeState([old[0]!, young[1]!, old[2]!], COUNT);
    expect(mixed.stepCount).toBe(5_000);
    expect(mixed.secondMoment[CHUNK_VALUES]! / mixed.secondMoment[0]!).toBeGreaterThan(0.88);
    expect(mixed.secondMoment[CHUNK_VALUES]! / mixed.secondMoment[0]!).toBeLessThan(1.13);
  });

  it('[P4] a chunk of another length or place, or with a value that is not finite, is refused', () => {
    for (const [index, bytes] of chunks.entries()) expect(inspectChunk(bytes, index, COUNT)).toBeNull();
    expect(inspectChunk(chunks[2]!, 1, COUNT)).toBe('chunk-wrong-length');
    expect(inspectChunk(chunks[0]!, 3, COUNT)).toBe('chunk-wrong-length');
    expect(inspectChunk(chunks[0]!.subarray(1), 0, COUNT)).toBe('chunk-wrong-length');
    expect(inspectChunk(Uint8Array.of(), 0, COUNT)).toBe('chunk-wrong-length');
    const broken = (whole: Uint8Array, change: (view: DataView) => void) => {
      const bytes = whole.slice();
      change(new DataView(bytes.buffer));
      return inspectChunk(bytes, 0, COUNT);
    };
    const exponentsAt = 5 + 2 * 200 + 3 * CHUNK_VALUES;
    expect(broken(plain[0]!, (view) => view.setUint8(exponentsAt + 99, 255))).toBe('chunk-not-finite');
    expect(broken(plain[0]!, (view) => view.setUint16(5, 0x7f8, true))).toBe('chunk-not-finite');
    expect(broken(plain[0]!, (view) => view.setUint8(0, 2))).toBe('chunk-wrong-length');
    expect(broken(chunks[0]!, (view) => view.setUint8(0, 0))).toBe('chunk-wrong-length');
    // A code of which the exponent of what is not finite is a part.
    const { anchor: infinite } = decodeState(chunks, COUNT);
    infinite[7] = Infinity;
    expect(inspectChunk(encodeState({ ...state, anchor: infinite })[0]!, 0, COUNT)).toBe('chunk-not-finite');
  });

  it('[P4] whatever the second moment’s bytes are, they decode to finite values that are not negative', () => {
    const hostile = plain.map((bytes) => bytes.slice());
    for (const bytes of hostile) {
      const view = new DataView(bytes.buffer);
      view.setUint32(1, 1, true);
      const values = Math.min(CHUNK_VALUES, Math.floor((bytes.length - 5) / 5));
      for (let i = bytes.length - values; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256);
      for (let block = 0; block < Math.ceil(values / 256); block++)
        view.setUint16(5 + 2 * block, Math.floor(random() * 0x7f8), true);
    }
    new DataView(hostile[1]!.buffer).setUint32(1, 0xffffffff, true);
    const { secondMoment: moments } = decodeState(hostile, COUNT);
    expect(moments.every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
  });
});

describe('[J5] chunks of different rounds', () => {
  const replica = () => new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 0.7 });
  const commits = [7, 8, 9].map((round) => ({
    round,
    updates: ['a', 'b', 'c'].slice(0, round - 6).map((author) => ({
      author,
      sampleCount: 100,
      encoded: encodeUpdate('int8', noise(0.01)),
    })),
  }));
  const donor = replica();
  donor.load(anchor);
  const atRound = new Map([[7, encodeState(state)]]);
  for (const { round, updates } of commits) {
    donor.commit(updates, 'uncounted');
    atRound.set(round + 1, encodeState({ anchor: donor.anchor, secondMoment, stepCount: 5_000 }));
  }
  const take = (...rounds: readonly number[]) =>
    rounds.map((round, chunk) => ({ round, bytes: atRound.get(round)![chunk]! }));

  it('are brought forward to the bits that the group stands on, whichever round each is of', () => {
    for (const rounds of [
      [10, 10, 10],
      [7, 10, 9],
      [10, 8, 7],
      [9, 9, 10],
    ]) {
      const newcomer = replica();
      const needed = commits.filter(({ round }) => round >= Math.min(...rounds));
      const optimiser = loadState(newcomer, { round: 10, chunks: take(...rounds), commits: needed });
      expect(newcomer.fingerprint).toBe(donor.fingerprint);
      expect(fingerprint(newcomer.average)).toBe(donor.fingerprint);
      expect(optimiser?.stepCount).toBe(5_000);
    }
  });

  it('do not give that fingerprint when a chunk lies or a commit is missing', () => {
    const lying = take(10, 10, 10);
    const bytes = lying[1]!.bytes.slice();
    bytes[5 + 2 * 200]! ^= 1;
    lying[1] = { round: 10, bytes };
    const newcomer = replica();
    expect(loadState(newcomer, { round: 10, chunks: lying, commits: [] })).not.toBeNull();
    expect(newcomer.fingerprint).not.toBe(donor.fingerprint);
    loadState(newcomer, { round: 10, chunks: take(9, 10, 8), commits: commits.slice(2) });
    expect(newcomer.fingerprint).not.toBe(donor.fingerprint);
  });

  it('that are no state of this model leave the replica as it was', () => {
    const newcomer = replica();
    newcomer.load(anchor);
    const before = newcomer.fingerprint;
    const [first, second] = take(10, 10, 10);
    expect(loadState(newcomer, { round: 10, chunks: [first!, second!], commits: [] })).toBeNull();
    expect(loadState(newcomer, { round: 10, chunks: [first!, first!, second!], commits: [] })).toBeNull();
    expect(newcomer.fingerprint).toBe(before);
  });
});
