/** What the rounds of a node's cycle were made of, as far as this tab saw them (SPEC N3). Pure. */
import type { UpdateBody } from '@murmuration/protocol';
import type { Progress } from './own-work.ts';

export class CycleSum {
  /** Rounds of the cycle that are done, and of these those that we saw. */
  #roundsDone = 0;
  #roundsSeen = 0;
  #stepCount = 0;
  #sampleCount = 0;
  #trainMs = 0;
  #loss = 0;

  /** The node has learned nothing in this cycle. */
  get isEmpty(): boolean {
    return this.#sampleCount === 0;
  }

  /** A round was closed with these. @param roundsDone of the cycle, with this one */
  add(
    updates: readonly Pick<UpdateBody, 'stepCount' | 'sampleCount' | 'trainMs' | 'loss'>[],
    roundsDone: number,
  ): void {
    this.#roundsDone = roundsDone;
    this.#roundsSeen += 1;
    this.#stepCount += updates.reduce((sum, { stepCount }) => sum + stepCount, 0) / updates.length;
    this.#trainMs += Math.max(...updates.map(({ trainMs }) => trainMs));
    for (const { sampleCount, loss } of updates) {
      this.#sampleCount += sampleCount;
      this.#loss += ((loss - this.#loss) * sampleCount) / Math.max(1, this.#sampleCount);
    }
  }

  /** Of the whole cycle: who came in its middle takes what it saw for what was usual. */
  get progress(): Progress {
    const share = this.#roundsDone / Math.max(1, this.#roundsSeen);
    const whole = (count: number) => Math.max(1, Math.round(count * share));
    return {
      stepCount: whole(this.#stepCount),
      sampleCount: whole(this.#sampleCount),
      trainMs: this.#trainMs * share,
      loss: this.#loss,
    };
  }
}
