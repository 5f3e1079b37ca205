/**
 * Many simulated runs on worker threads. A worker takes one run at a time; its report comes back with what it cost. A
 * run that throws is a failed seed, not the end of the others.
 */
import type { SimulateOptions, SimulateReport } from '@murmuration/simulator';
import { runJobs } from './job-pool.ts';

export interface SeedJob {
  readonly id: number;
  readonly options: SimulateOptions;
}
export type SeedResult = { readonly id: number; readonly wallMs: number } & (
  { readonly report: SimulateReport } | { readonly crash: string }
);

const WORKER = new URL('./simulate-worker.ts', import.meta.url);

/** Runs the jobs on so many threads; `onResult` hears of each as it is done, in any order. */
export const runSeeds = (
  jobs: readonly SeedJob[],
  threadCount: number,
  onResult: (result: SeedResult) => void,
): Promise<void> => runJobs(WORKER, jobs, threadCount, onResult);
