/**
 * Many simulated runs on worker threads. A worker takes one run at a time; its report comes back with what it cost. A
 * run that throws is a failed seed, not the end of the others.
 */
import { Worker } from 'node:worker_threads';
import type { SimulateOptions, SimulateReport } from '@murmuration/simulator';

export interface SeedJob {
  readonly id: number;
  readonly options: SimulateOptions;
}
export type SeedResult = { readonly id: number; readonly wallMs: number } & (
  { readonly report: SimulateReport } | { readonly crash: string }
);

/** A thread must be taught TypeScript before it can read its module; `--import` teaches only the main thread. */
const LOADER = import.meta.resolve('tsx/esm/api');
const MODULE = new URL('./simulate-worker.ts', import.meta.url).href;
const BOOT = `import(${JSON.stringify(LOADER)}).then(({ register }) => { register(); return import(${JSON.stringify(MODULE)}); });`;

/** Runs the jobs on so many threads; `onResult` hears of each as it is done, in any order. */
export async function runSeeds(
  jobs: readonly SeedJob[],
  threadCount: number,
  onResult: (result: SeedResult) => void,
): Promise<void> {
  const waiting = jobs.values();
  const work = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(BOOT, { eval: true });
      const next = () => {
        const { value: job } = waiting.next();
        if (job !== undefined) worker.postMessage(job);
        else void worker.terminate().then(() => resolve());
      };
      worker.on('message', (result: SeedResult) => {
        onResult(result);
        next();
      });
      worker.on('error', reject);
      next();
    });
  await Promise.all(Array.from({ length: Math.min(threadCount, jobs.length) }, work));
}
