/** How the mean of a round's updates is taken and how far it is followed, by what a run exchanges. Pure. */

export interface MeanRule {
  /** The mean of n updates is followed by the root of n, up to this. */
  readonly gainMax: number;
  /** An update is shortened to so many times the group's median norm. */
  readonly clipRatio: number;
  /** What points against the others does not count (averaging.ts). */
  readonly votes: boolean;
}

/**
 * The mean of n independent updates is less noisy than one, so it may be followed further: by the square root of n, up
 * to what was measured (4 tabs). On the built-in digits, 4 tabs at half the learning rate and gain 2 reach 95 % with
 * as many samples as at the full rate without gain, and a lone tab keeps its own rate.
 */
export const FOLLOWED: MeanRule = { gainMax: 2, clipRatio: 1, votes: true };

/**
 * Gradients and weights are averaged as they are: small batches of different labels point in different directions, and of
 * four honest ones the vote put one out. What is more than four times as long as the median is shortened; a
 * crowd that may lie is what pseudo-gradients are for.
 */
export const PLAIN: MeanRule = { gainMax: 1, clipRatio: 4, votes: false };

/** By what a run exchanges (protocol, exchange.ts); pseudo-gradients where it does not say. */
export const meanRuleOf = ({
  exchange = 'pseudo-gradients',
}: {
  readonly exchange?: 'pseudo-gradients' | 'gradients' | 'parameters';
}): MeanRule => (exchange === 'pseudo-gradients' ? FOLLOWED : PLAIN);

export const gainOf = (updateCount: number, { gainMax }: MeanRule = FOLLOWED): number =>
  Math.min(gainMax, Math.sqrt(updateCount));

/** Of an update between nodes, what its gain inside follows from. */
interface NodeUpdate {
  readonly author: string;
  readonly sampleCount: number;
  readonly stepCount?: number;
}

/**
 * Between nodes, so that both tiers together follow the mean as far as one group of all their tabs does: nodes of one or two
 * tabs have no gain or less of it from inside. How many tabs learned what a node says follows from its samples and steps; who
 * does not say, or lies about it, gains nothing or what is missing to `gainMax` at most.
 */
export function gainBetween(updates: readonly NodeUpdate[], batchSize: number, rule = FOLLOWED): number {
  let [tabs, samples, gained] = [0, 0, 0];
  // Everybody adds in the same order.
  for (const { sampleCount, stepCount } of [...updates].sort((a, b) => (a.author < b.author ? -1 : 1))) {
    const ofNode =
      stepCount === undefined ? Infinity : Math.max(1, Math.round(sampleCount / (stepCount * batchSize)));
    tabs += ofNode;
    samples += sampleCount;
    gained += sampleCount * gainOf(ofNode, rule);
  }
  return Math.max(1, (gainOf(tabs, rule) * samples) / gained);
}
