/**
 * The page of the benchmarks: runs the trainer room's bare tfjs loop, or its codec's kernels, in a worker, as the
 * volunteer page runs its own training, and hands the measurement to the command that drives it.
 */
import type { BareLoopOptions } from '@murmuration/trainer/bare-loop';
import type { CodecBenchOptions, CodecTimes } from '@murmuration/trainer/codec-bench';

export type BareLoopAnswer = { readonly steps: number; readonly ms: number } | { readonly error: string };

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });

/** Takes its device with it when it ends: one scheme, one worker. */
function codecTimes(options: CodecBenchOptions): Promise<CodecTimes | { readonly error: string }> {
  const own = new Worker(new URL('./codec-worker.ts', import.meta.url), { type: 'module' });
  return new Promise<CodecTimes | { readonly error: string }>((resolve) => {
    own.onmessage = ({ data }: MessageEvent<CodecTimes | { readonly error: string }>) => resolve(data);
    own.onerror = ({ message }) => resolve({ error: message });
    own.postMessage(options);
  }).finally(() => own.terminate());
}

Object.assign(globalThis, {
  codecTimes,
  bareLoop: (options: BareLoopOptions): Promise<BareLoopAnswer> =>
    new Promise((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<BareLoopAnswer>) => resolve(data);
      worker.onerror = ({ message }) => resolve({ error: message });
      worker.postMessage(options);
    }),
});
