/**
 * Chance by place and seed, for dropout and sampling: in whole numbers, so that the same seed draws the same on every device.
 * The kernels in row-kernels.ts say the same in WGSL.
 */

/** 32 bits (Jarzynski and Olano 2020, PCG). */
function hash(index: number, seed: number): number {
  const state = (Math.imul((index ^ seed) >>> 0, 747_796_405) + 2_891_336_453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277_803_737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Whether dropout keeps the value at `index`. */
export const survives = (index: number, rate: number, seed: number): boolean =>
  // 24 bits: whole in float32 too.
  hash(index, seed) >>> 8 >= Math.round(rate * 16_777_216);

/**
 * The noise at `index`, near enough to a standard normal: the sum of twelve bytes, less its mean of 1,530, by 256, which is
 * its deviation to five digits (the variance of a byte is 65,535 / 12). At most 5.98, and whole numbers until the last
 * division, which is exact: bit for bit the same on every device, as no logarithm or cosine would be.
 */
export function noiseAt(index: number, seed: number): number {
  let sum = -1_530;
  for (let i = 3 * index; i < 3 * index + 3; i++) {
    const word = hash(i, seed);
    sum += (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
  }
  return sum / 256;
}
