/**
 * Bytes of the page's own HTTP requests, from the browser's list of them: the program itself and what screens ask. The
 * worker counts what it moves itself.
 */
import type { Bytes } from './worker/steward.ts';

/** Headers of a request that nothing tells us of. A guess. */
const REQUEST_BYTES = 400;

export class PageTraffic {
  readonly #observer: PerformanceObserver;
  #bytes: Bytes = { sentBytes: 0, receivedBytes: 0 };

  /** `tell` hears the sum since the page was opened. */
  constructor(tell: (bytes: Bytes) => void) {
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as PerformanceResourceTiming[])
        this.#bytes = {
          sentBytes: this.#bytes.sentBytes + REQUEST_BYTES,
          receivedBytes: this.#bytes.receivedBytes + entry.transferSize,
        };
      tell(this.#bytes);
    });
    this.#observer.observe({ type: 'resource', buffered: true });
  }

  close(): void {
    this.#observer.disconnect();
  }
}
