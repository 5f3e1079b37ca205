/**
 * The page of the overhead benchmark: runs the trainer room's bare tfjs loop in a worker, as the volunteer page runs
 * its own training, and hands the measurement to the command that drives it.
 */
import type { BareLoopOptions } from '@murmuration/trainer/bare-loop';

export type BareLoopAnswer = { readonly steps: number; readonly ms: number } | { readonly error: string };

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });

Object.assign(globalThis, {
  bareLoop: (options: BareLoopOptions): Promise<BareLoopAnswer> =>
    new Promise((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<BareLoopAnswer>) => resolve(data);
      worker.onerror = ({ message }) => resolve({ error: message });
      worker.postMessage(options);
    }),
});
