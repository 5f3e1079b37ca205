/** One thread of `seed-pool.ts`: takes a run's options, answers with its report. */
import { parentPort } from 'node:worker_threads';
import { simulate } from '@murmuration/simulator';
import type { SeedJob, SeedResult } from './seed-pool.ts';

parentPort?.on('message', ({ id, options }: SeedJob) => {
  const startedAtMs = performance.now();
  let result: SeedResult;
  try {
    const report = simulate(options);
    result = { id, wallMs: performance.now() - startedAtMs, report };
  } catch (error) {
    const crash = error instanceof Error ? (error.stack ?? error.message) : String(error);
    result = { id, wallMs: performance.now() - startedAtMs, crash };
  }
  parentPort?.postMessage(result);
});
