/**
 * The replica of a run's averaging server: an anchor as every member's, and on it the step from which the updates of many
 * become one.
 *
 *   combine:  step = gain * mean(updates);  correction = step + fade * residual;  sent = encode(correction)
 *             residual = correction - decode(sent);  anchor += outerLearningRate * decode(sent)
 *
 * So whoever applies `sent` as the only update of its round stands on this anchor, bit for bit, and what its rounding lost
 * goes with the next one (DoubleSqueeze, Tang et al. 2019, keeps an error on both sides too).
 *
 * Memory: anchor, running mean and residual, 12 bytes a parameter, and 12 more while it combines.
 */
import { Anchor, ReplicaError, type AnchorOptions } from './anchor.ts';
import { averageUpdates, type GroupUpdate } from './averaging.ts';
import { gainOf } from './mean-rule.ts';
import { fadeOf, RESIDUAL_RATIO_MAX } from './replica.ts';
import { addDecoded, encodeUpdate, inspectUpdate, type Scheme } from './update-codec.ts';
import { norm } from './vectors.ts';

/** An update of nobody in particular: of one update, author and weight do not matter. */
const SERVER = 'server';

export class Combiner extends Anchor {
  readonly #residual: Float32Array;

  constructor(options: AnchorOptions) {
    super(options);
    this.#residual = new Float32Array(options.parameterCount);
  }

  /** What was averaged and is not sent yet. Owned by the combiner. */
  get residual(): Float32Array {
    return this.#residual;
  }

  override load(parameters: Float32Array): void {
    super.load(parameters);
    this.#residual.fill(0);
  }

  /**
   * Closes a round: returns the one update that stands for these, and moves the anchor by it.
   * @param gain how far their mean is followed; where they are not everybody's, it is less (server-buffer.ts)
   * @throws ReplicaError 'not-finite': together they are beyond what any peer accepts. The anchor has not moved, and what
   *   was owed is given up.
   */
  combine(
    updates: readonly GroupUpdate[],
    scheme: Scheme,
    gain = gainOf(updates.length, this.rule),
  ): Uint8Array {
    const count = this.anchor.length;
    const step = averageUpdates(updates, count, 'all', gain, this.rule);
    const fade = fadeOf(scheme);
    const correction = step.map((value, i) => value + Math.fround(fade * this.#residual[i]!));
    const encoded = encodeUpdate(scheme, correction);
    if (inspectUpdate(encoded, scheme, count) !== null) {
      this.#residual.fill(0);
      throw new ReplicaError('not-finite', 'the mean of the updates is beyond what any peer accepts');
    }
    addDecoded(encoded, -1, correction);
    this.#residual.set(correction);
    const [size, limit] = [norm(correction), RESIDUAL_RATIO_MAX * norm(step)];
    if (limit > 0 && size > limit) for (let i = 0; i < count; i++) this.#residual[i]! *= limit / size;
    this.advance([{ author: SERVER, sampleCount: 1, encoded }]);
    return encoded;
  }
}
