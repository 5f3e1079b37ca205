/** Seven-segment digits in 12 x 12 pixels: example pictures for a gallery that has no dataset. */
import type { Examples } from '../src/examples.ts';

const SIDE = 12;
/** Segments a to g of each digit, a bit each. */
const SEGMENTS = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];
/** [x, y, width, height] of the segments. */
const STROKES = [
  [3, 1, 6, 1],
  [8, 1, 1, 5],
  [8, 6, 1, 5],
  [3, 10, 6, 1],
  [3, 6, 1, 5],
  [3, 1, 1, 5],
  [3, 5, 6, 1],
] as const;

function picture(label: number) {
  const pixels = new Uint8Array(SIDE * SIDE);
  for (const [segment, [left, top, width, height]] of STROKES.entries())
    if (((SEGMENTS[label] ?? 0) >> segment) & 1)
      for (let y = top; y < top + height; y++) pixels.fill(230, y * SIDE + left, y * SIDE + left + width);
  return { label, pixels };
}

export function drawnDigits(): Examples {
  const labels = [3, 8, 1, 0, 7, 4, 9, 2, 6, 5, 7, 1];
  return {
    width: SIDE,
    height: SIDE,
    pictures: labels.map(picture),
    guesses: labels.map((label, index) => ({
      label: index === 6 ? 4 : label,
      sureness: 0.62 + 0.03 * index,
    })),
    drawn: null,
  };
}
