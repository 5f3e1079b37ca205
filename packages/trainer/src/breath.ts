/**
 * A turn of the message loop between steps, so that sockets and channels of the same worker are served. By message, not
 * by timer: timers are clamped in hidden pages and nested ones everywhere, messages are not.
 *
 * Two channels take turns: Node drains a port until it is empty, so a loop that posts to one port alone would hold
 * everything else up.
 */
export class Breath {
  readonly #channels = [new MessageChannel(), new MessageChannel()] as const;
  #turn: 0 | 1 = 0;
  #waiting: (() => void)[] = [];

  constructor() {
    for (const { port2 } of this.#channels)
      port2.onmessage = () => {
        const waiting = this.#waiting;
        this.#waiting = [];
        for (const resume of waiting) resume();
      };
  }

  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#turn = this.#turn === 0 ? 1 : 0;
      this.#channels[this.#turn].port1.postMessage(null);
    });
  }

  /** Needed in Node, where an open port keeps the process alive. */
  close(): void {
    for (const { port1, port2 } of this.#channels) {
      port1.close();
      port2.close();
    }
  }
}
