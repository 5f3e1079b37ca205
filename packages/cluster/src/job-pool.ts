/** Many jobs on worker threads: a worker takes one at a time, and answers it before it gets the next. */
import { Worker } from 'node:worker_threads';

/** A thread must be taught TypeScript before it can read its module; `--import` teaches only the main thread. */
const LOADER = import.meta.resolve('tsx/esm/api');
const bootOf = (module: URL) =>
  `import(${JSON.stringify(LOADER)}).then(({ register }) => { register(); return import(${JSON.stringify(module.href)}); });`;

/**
 * Runs the jobs on so many threads; `onResult` hears of each as it is done, in any order.
 * @param module of a thread: it listens to jobs, and posts a result for each
 */
export async function runJobs<Job, Result>(
  module: URL,
  jobs: readonly Job[],
  threadCount: number,
  onResult: (result: Result) => void,
): Promise<void> {
  const waiting = jobs.values();
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(bootOf(module), { eval: true });
      const next = () => {
        const { value: job } = waiting.next();
        if (job !== undefined) worker.postMessage(job);
        else void worker.terminate().then(() => resolve());
      };
      worker.on('message', (result: Result) => {
        onResult(result);
        next();
      });
      worker.on('error', reject);
      next();
    });
  await Promise.all(Array.from({ length: Math.min(threadCount, jobs.length) }, work));
}
