/**
 * The page of the benchmarks: runs the trainer room's bare tfjs loop, or its codec's kernels, in a worker, as the
 * volunteer page runs its own training, or one end of a wire, and hands the measurement to the command that drives it.
 */
import type { BareLoopOptions } from '@murmuration/trainer/bare-loop';
import type { CodecBenchOptions, CodecTimes } from '@murmuration/trainer/codec-bench';
import type { Commands } from './first-step-worker.ts';

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

/** Milliseconds from nothing (no worker, no program) until the trainer has carried the commands out. */
async function trainerAlone(
  commands: Commands,
): Promise<{ readonly ms: number } | { readonly error: string }> {
  const startedMs = performance.now();
  const own = new Worker(new URL('./first-step-worker.ts', import.meta.url), { type: 'module' });
  const answer = await new Promise<object>((resolve) => {
    own.onmessage = ({ data }: MessageEvent<object>) => resolve(data);
    own.onerror = ({ message }) => resolve({ error: message });
    own.postMessage(commands);
  });
  own.terminate();
  return 'error' in answer ? { error: String(answer.error) } : { ms: performance.now() - startedMs };
}

Object.assign(globalThis, {
  codecTimes,
  trainerAlone,
  // PeerJS is no company for the others.
  openWire: () => import('./wire.ts'),
  bareLoop: (options: BareLoopOptions): Promise<BareLoopAnswer> =>
    new Promise((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<BareLoopAnswer>) => resolve(data);
      worker.onerror = ({ message }) => resolve({ error: message });
      worker.postMessage(options);
    }),
});
