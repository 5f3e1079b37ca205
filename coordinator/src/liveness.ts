/**
 * Whether somebody is still at the other end of a socket. Who says anything is; who says nothing in an interval is
 * pinged; who answers two pings with nothing is gone. Pinging everybody would cost ten thousand volunteers' coordinator
 * as many frames as their words do. Pure.
 */

const PINGS_MISSED_MAX = 2;

export class Liveness {
  #isHeard = false;
  #pingsMissed = 0;

  /** A message came, or the answer to a ping. */
  heard(): void {
    this.#isHeard = true;
    this.#pingsMissed = 0;
  }

  /** What is to be done, at the end of every interval. */
  look(): 'nothing' | 'ping' | 'end' {
    if (this.#isHeard) {
      this.#isHeard = false;
      return 'nothing';
    }
    if (this.#pingsMissed >= PINGS_MISSED_MAX) return 'end';
    this.#pingsMissed++;
    return 'ping';
  }
}
