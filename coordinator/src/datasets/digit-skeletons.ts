/**
 * How people write the ten digits: for each digit several styles, each style a few pen strokes.
 *
 * Coordinates are those of the digit's own box: x runs right and y runs down, both 0..1; a stroke may stick out of the
 * box. A stroke passes through its knots in order, smoothly, except at a knot marked `'corner'`, where the pen turns
 * on the spot. Drawn by us, by eye: no data set was measured for it. How a pen, a hand and a scanner spoil these
 * ideal strokes is none of this file's concern (digits.ts).
 */

export type Knot = readonly [x: number, y: number] | readonly [x: number, y: number, turn: 'corner'];
export type Stroke = readonly Knot[];
export type Style = readonly Stroke[];

// prettier-ignore
const ZERO: readonly Style[] = [
  // Closed, begun and ended at the top.
  [[[0.52, 0], [0.18, 0.16], [0.04, 0.52], [0.2, 0.88], [0.5, 1], [0.82, 0.86], [0.96, 0.48], [0.82, 0.13], [0.52, 0, 'corner']]],
  // The end overshoots the beginning.
  [[[0.7, 0.1], [0.36, 0.03], [0.08, 0.34], [0.1, 0.76], [0.44, 1], [0.8, 0.84], [0.92, 0.42], [0.72, 0.06], [0.4, 0.02]]],
];

// prettier-ignore
const ONE: readonly Style[] = [
  // A bare stroke.
  [[[0.5, 0], [0.49, 0.5], [0.5, 1]]],
  // With a serif.
  [[[0.22, 0.26], [0.56, 0, 'corner'], [0.55, 0.5], [0.54, 1]]],
  // With a serif and a base.
  [[[0.24, 0.24], [0.54, 0, 'corner'], [0.53, 0.5], [0.52, 1]], [[0.2, 1], [0.52, 0.99], [0.84, 1]]],
];

// prettier-ignore
const TWO: readonly Style[] = [
  // A straight base.
  [[[0.08, 0.26], [0.26, 0.05], [0.62, 0], [0.86, 0.24], [0.7, 0.54], [0.36, 0.8], [0.04, 1, 'corner'], [0.5, 0.98], [0.96, 1]]],
  // A loop at the lower left.
  [[[0.1, 0.24], [0.34, 0.01], [0.72, 0.06], [0.8, 0.36], [0.56, 0.7], [0.24, 0.96], [0.04, 0.88], [0.2, 0.74], [0.52, 0.9], [0.98, 0.96]]],
];

// prettier-ignore
const THREE: readonly Style[] = [
  // Two bows.
  [[[0.08, 0.14], [0.42, 0], [0.8, 0.13], [0.74, 0.38], [0.38, 0.47, 'corner'], [0.8, 0.58], [0.9, 0.83], [0.52, 1], [0.05, 0.88]]],
  // A flat roof and one bow.
  [[[0.1, 0.03], [0.48, 0.02], [0.86, 0.03, 'corner'], [0.62, 0.24], [0.4, 0.42, 'corner'], [0.78, 0.5], [0.92, 0.74], [0.56, 1], [0.04, 0.88]]],
];

// prettier-ignore
const FOUR: readonly Style[] = [
  // Open at the top.
  [[[0.18, 0], [0.14, 0.3], [0.1, 0.56, 'corner'], [0.5, 0.56], [0.96, 0.53]], [[0.76, 0.06], [0.72, 0.5], [0.68, 1]]],
  // Closed, with a slope.
  [[[0.64, 0], [0.34, 0.34], [0.02, 0.66, 'corner'], [0.5, 0.65], [0.98, 0.66]], [[0.66, 0], [0.66, 0.5], [0.66, 1]]],
];

// prettier-ignore
const FIVE: readonly Style[] = [
  // An angular neck and a bow.
  [[[0.88, 0.02], [0.56, 0.01], [0.22, 0.02, 'corner'], [0.18, 0.22], [0.14, 0.45, 'corner'], [0.52, 0.36], [0.9, 0.62], [0.72, 0.94], [0.36, 1], [0.04, 0.88]]],
  // One curve.
  [[[0.88, 0.01], [0.44, 0.03], [0.18, 0.2], [0.32, 0.42], [0.76, 0.54], [0.86, 0.8], [0.5, 1], [0.06, 0.9]]],
];

// prettier-ignore
const SIX: readonly Style[] = [
  // A bent back.
  [[[0.78, 0.03], [0.4, 0.16], [0.12, 0.52], [0.16, 0.86], [0.5, 1], [0.84, 0.84], [0.72, 0.56], [0.36, 0.56], [0.14, 0.76]]],
  // A straight back and a small loop.
  [[[0.58, 0], [0.32, 0.32], [0.14, 0.7], [0.3, 0.98], [0.66, 0.98], [0.82, 0.76], [0.58, 0.6], [0.2, 0.74]]],
];

// prettier-ignore
const SEVEN: readonly Style[] = [
  // Plain.
  [[[0.04, 0.05], [0.5, 0.03], [0.94, 0.04, 'corner'], [0.64, 0.48], [0.42, 1]]],
  // With a bar.
  [[[0.06, 0.05], [0.5, 0.03], [0.92, 0.04, 'corner'], [0.66, 0.48], [0.48, 1]], [[0.3, 0.53], [0.58, 0.51], [0.88, 0.5]]],
  // With a hook at the start.
  [[[0.08, 0.22], [0.1, 0.04, 'corner'], [0.5, 0.07], [0.94, 0.03, 'corner'], [0.58, 0.46], [0.36, 1]]],
];

// prettier-ignore
const EIGHT: readonly Style[] = [
  // One crossing stroke.
  [[[0.8, 0.14], [0.48, 0], [0.16, 0.18], [0.48, 0.46], [0.88, 0.76], [0.5, 1], [0.1, 0.78], [0.48, 0.48], [0.84, 0.22], [0.8, 0.14, 'corner']]],
  // Two rings.
  [
    [[0.52, 0], [0.2, 0.12], [0.26, 0.4], [0.52, 0.47], [0.8, 0.36], [0.82, 0.12], [0.52, 0, 'corner']],
    [[0.52, 0.47], [0.16, 0.6], [0.12, 0.86], [0.5, 1], [0.88, 0.86], [0.86, 0.6], [0.52, 0.47, 'corner']],
  ],
];

// prettier-ignore
const NINE: readonly Style[] = [
  // A straight tail.
  [[[0.84, 0.2], [0.52, 0], [0.16, 0.16], [0.2, 0.44], [0.54, 0.5], [0.84, 0.22, 'corner'], [0.8, 0.6], [0.7, 1]]],
  // A bent tail.
  [[[0.86, 0.18], [0.5, 0.01], [0.14, 0.2], [0.26, 0.48], [0.66, 0.44], [0.86, 0.18, 'corner'], [0.9, 0.6], [0.62, 0.96], [0.18, 0.94]]],
];

/** Index: the digit. Every style of a digit is equally likely. */
export const DIGIT_STYLES: readonly (readonly Style[])[] = [
  ZERO,
  ONE,
  TWO,
  THREE,
  FOUR,
  FIVE,
  SIX,
  SEVEN,
  EIGHT,
  NINE,
];
