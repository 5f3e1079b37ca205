/** bfloat16: the upper half of a float32. Range of float32, 8 bits of precision; two bytes for scales and moments. */

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);

/** Smallest bfloat16 that is >= a finite, non-negative value: a scale rounded up never clips what it scales. */
export function bfloat16Up(value: number): number {
  floats[0] = value;
  if (floats[0]! < value) words[0] = words[0]! + 1;
  return (words[0]! + 0xffff) >>> 16;
}

export function fromBfloat16(bits: number): number {
  words[0] = (bits & 0xffff) << 16;
  return floats[0]!;
}
