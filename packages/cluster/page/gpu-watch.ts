/**
 * A witness at the browser's own door: how long the GPU had work, whatever the page says of itself. Put before the
 * volunteer page's worker script. Busy is the time between a submission and the news that the queue is empty again.
 * Stands alone, as everything that is sent into a page (see probes.ts).
 */

export interface GpuWatch {
  /** Milliseconds with work on the queue since the worker began, and when the last of it ended (epoch ms). */
  read(): { readonly busyMs: number; readonly lastEndAtMs: number; readonly submissions: number };
}

export function installGpuWatch(): void {
  const submitNow = GPUQueue.prototype.submit;
  const watched = { busyMs: 0, lastEndAtMs: 0, submissions: 0, open: 0, sinceMs: 0 };
  GPUQueue.prototype.submit = function (this: GPUQueue, buffers: Iterable<GPUCommandBuffer>) {
    const atMs = performance.now();
    const answer = submitNow.call(this, buffers);
    watched.submissions += 1;
    if (watched.open === 0) watched.sinceMs = atMs;
    watched.open += 1;
    const emptied = () => {
      watched.open -= 1;
      if (watched.open > 0) return;
      watched.busyMs += performance.now() - watched.sinceMs;
      watched.lastEndAtMs = performance.timeOrigin + performance.now();
    };
    this.onSubmittedWorkDone().then(emptied, emptied);
    return answer;
  };
  Object.assign(globalThis, {
    gpuWatch: {
      read: () => ({
        busyMs: watched.busyMs + (watched.open > 0 ? performance.now() - watched.sinceMs : 0),
        lastEndAtMs: watched.lastEndAtMs,
        submissions: watched.submissions,
      }),
    },
  });
}
