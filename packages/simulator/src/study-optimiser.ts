/**
 * The adaptive optimisers of protocol/optimisers.ts on the character model: the trainer's constants (but a smaller epsilon), and only
 * over rows of the tables that a batch has touched. Pure.
 */
import type { AdaptiveOptimiserName } from '@murmuration/protocol';
import { ROW_VALUES, type CharacterModel } from './character-model.ts';

const EPSILON = 1e-8;

export class StudyOptimiser {
  readonly secondMoment: Float32Array;
  stepCount = 0;
  readonly #name: AdaptiveOptimiserName;
  readonly #firstMoment: Float32Array;
  /** Rows of the model's tables that a batch has touched: the others have no gradient and no moments yet. */
  readonly #isLive: Uint8Array;

  constructor(name: AdaptiveOptimiserName, parameterCount: number) {
    this.#name = name;
    this.#isLive = new Uint8Array(Math.ceil(parameterCount / ROW_VALUES));
    this.#firstMoment = new Float32Array(parameterCount);
    this.secondMoment = new Float32Array(parameterCount);
  }

  /** A newcomer's start: the donor's second moment and step count, no first moment. */
  load({ secondMoment, stepCount }: StudyOptimiser): void {
    this.secondMoment.set(secondMoment);
    this.stepCount = stepCount;
    // A row with a second moment has been touched.
    for (let i = 0; i < secondMoment.length; i++)
      if (secondMoment[i] !== 0) this.#isLive[Math.floor(i / ROW_VALUES)] = 1;
  }

  step(weights: Float32Array, model: CharacterModel, positions: Uint32Array, rate: number): void {
    model.learn(weights, positions);
    this.stepCount += 1;
    for (const row of model.touchedRows) this.#isLive[row / ROW_VALUES] = 1;
    // Both corrections of the start go into the rate, and epsilon with them.
    const second = Math.sqrt(1 - 0.999 ** this.stepCount);
    const epsilon = EPSILON * second;
    if (this.#name === 'adam')
      this.#adam(weights, model, (rate * second) / (1 - 0.9 ** this.stepCount), epsilon);
    else this.#rmspropFloored(weights, model, rate * second, epsilon);
  }

  #adam(weights: Float32Array, model: CharacterModel, rate: number, epsilon: number): void {
    const m = this.#firstMoment;
    const v = this.secondMoment;
    const { gradient } = model;
    this.#overLive(0, model.layout.parameterCount, model.layout.bias1, (from, to) => {
      for (let i = from; i < to; i++) {
        const g = gradient[i]!;
        const first = 0.9 * m[i]! + 0.1 * g;
        const second = 0.999 * v[i]! + 0.001 * g * g;
        m[i] = first;
        v[i] = second;
        weights[i] = weights[i]! - (rate * first) / (Math.sqrt(second) + epsilon);
      }
    });
  }

  #rmspropFloored(weights: Float32Array, model: CharacterModel, rate: number, epsilon: number): void {
    const v = this.secondMoment;
    const { gradient } = model;
    const { bounds, bias1 } = model.layout;
    for (let tensor = 0; tensor + 1 < bounds.length; tensor++) {
      const [start, end] = [bounds[tensor]!, bounds[tensor + 1]!];
      let sum = 0;
      this.#overLive(start, end, bias1, (from, to) => {
        for (let i = from; i < to; i++) sum += v[i] = 0.999 * v[i]! + 0.001 * gradient[i]! * gradient[i]!;
      });
      const floor = (0.1 * sum) / (end - start);
      this.#overLive(start, end, bias1, (from, to) => {
        for (let i = from; i < to; i++) {
          const g = gradient[i]!;
          if (g !== 0) weights[i]! -= (rate * g) / (Math.sqrt(Math.max(v[i]!, floor)) + epsilon);
        }
      });
    }
  }

  /** The live rows of the tables (which end at `tablesEnd`) within the range, then the rest of it at once. */
  #overLive(start: number, end: number, tablesEnd: number, work: (from: number, to: number) => void): void {
    for (let from = start; from < Math.min(end, tablesEnd); from += ROW_VALUES)
      if (this.#isLive[from / ROW_VALUES] === 1) work(from, from + ROW_VALUES);
    if (end > tablesEnd) work(Math.max(start, tablesEnd), end);
  }
}
