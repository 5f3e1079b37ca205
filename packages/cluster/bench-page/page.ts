/**
 * The page of the benchmarks: runs the trainer room's bare tfjs loop, or its codec's kernels, in a worker, as the
 * volunteer page runs its own training, or one end of a wire, and hands the measurement to the command that drives it.
 */
import type { BareLoopOptions } from '@murmuration/trainer/bare-loop';
import type { CodecBenchOptions, CodecTimes } from '@murmuration/trainer/codec-bench';
import type { Commands } from './first-step-worker.ts';
import type { StepRateOptions } from './step-worker.ts';

export type BareLoopAnswer = { readonly steps: number; readonly ms: number } | { readonly error: string };

const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });

type OrError<T> = T | { readonly error: string };

/** One question, one worker: it takes its device with it when it ends. */
function ask<T>(own: Worker, question: unknown): Promise<OrError<T>> {
  return new Promise<OrError<T>>((resolve) => {
    own.onmessage = ({ data }: MessageEvent<OrError<T>>) => resolve(data);
    own.onerror = ({ message }) => resolve({ error: message });
    own.postMessage(question);
  }).finally(() => own.terminate());
}

const codecTimes = (options: CodecBenchOptions) =>
  ask<CodecTimes>(new Worker(new URL('./codec-worker.ts', import.meta.url), { type: 'module' }), options);

const stepRate = (options: StepRateOptions) =>
  ask<{ readonly steps: number; readonly ms: number }>(
    new Worker(new URL('./step-worker.ts', import.meta.url), { type: 'module' }),
    options,
  );

/** Milliseconds from nothing (no worker, no program) until the trainer has carried the commands out. */
async function trainerAlone(commands: Commands): Promise<OrError<{ readonly ms: number }>> {
  const startedMs = performance.now();
  const own = new Worker(new URL('./first-step-worker.ts', import.meta.url), { type: 'module' });
  const answer = await ask<object>(own, commands);
  return 'error' in answer ? { error: String(answer.error) } : { ms: performance.now() - startedMs };
}

Object.assign(globalThis, {
  codecTimes,
  stepRate,
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
