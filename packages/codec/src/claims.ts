/**
 * What is believed of what strangers say of themselves, where the most of it counts for everybody: how fast the fastest is. A
 * fifth of the voices may lie, of four to nine one; below four nobody can tell. A claim is not dropped for standing out, as
 * one graphics card among processors is no lie: it counts for at most three times what the others bear out, where most of what a
 * lie can do is gone and a fast tab among slow ones still sets a pace of its own (docs/strategies.md has both). Pure.
 */

const VOICES_MIN = 4;
const LIARS_SHARE = 0.2;
const BORNE_OUT_RATIO = 3;
/** A graphics card is some forty times as fast as a processor: what is far beyond that is no measurement. */
const POSSIBLE_RATIO = 100;

/** The most that the others bear out: as many claims as may be lies are above it. @param claims at least one, all above zero */
export function borneOutMax(claims: readonly number[]): number {
  const falling = claims.toSorted((a, b) => b - a);
  if (falling.length < VOICES_MIN) return falling[0]!;
  return falling[Math.max(1, Math.floor(LIARS_SHARE * falling.length))]!;
}

export function believedMax(claims: readonly number[]): number {
  const borneOut = borneOutMax(claims);
  const possible = claims.filter((claim) => claim <= POSSIBLE_RATIO * borneOut);
  return Math.min(Math.max(...possible), BORNE_OUT_RATIO * borneOut);
}

export const believedMin = (claims: readonly number[]): number =>
  1 / believedMax(claims.map((claim) => 1 / claim));
