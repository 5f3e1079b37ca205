/** Whether what we were to send is still leaving our line. Pure. */
import type { Line } from './scheme-choice.ts';

/** What does not move for so long waits for its receiver, and not for our line: a frozen tab's channel. A guess: some looks. */
const STUCK_MS = 300;

export class Sending {
  #line: Line = { leftBytes: 0, waitingBytes: 0 };
  #movedMs = -Infinity;

  isAtWork(line: Line, nowMs: number): boolean {
    const { leftBytes, waitingBytes } = this.#line;
    if (line.leftBytes > leftBytes || line.waitingBytes > waitingBytes) this.#movedMs = nowMs;
    this.#line = line;
    return line.waitingBytes > 0 && nowMs - this.#movedMs < STUCK_MS;
  }
}
