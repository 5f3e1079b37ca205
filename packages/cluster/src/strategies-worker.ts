/** One thread of `bench:strategies`: takes a cell of its grid, answers with its row. */
import { parentPort } from 'node:worker_threads';
import { studyStrategy, type StrategyCell, type StrategyRow } from '@murmuration/simulator';

export interface StrategyJob {
  readonly cell: StrategyCell;
}
export type StrategyResult = StrategyJob & { readonly wallMs: number } & (
    { readonly row: StrategyRow } | { readonly crash: string }
  );

parentPort?.on('message', ({ cell }: StrategyJob) => {
  const startedAtMs = performance.now();
  let result: StrategyResult;
  try {
    const row = studyStrategy(cell);
    result = { cell, wallMs: performance.now() - startedAtMs, row };
  } catch (error) {
    const crash = error instanceof Error ? (error.stack ?? error.message) : String(error);
    result = { cell, wallMs: performance.now() - startedAtMs, crash };
  }
  parentPort?.postMessage(result);
});
