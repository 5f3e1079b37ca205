/** Our own optimiser steps on one backend; see page.ts. */
import type { Backend } from '@murmuration/protocol';
import { stepLoop, type StepLoopOptions } from '@murmuration/trainer/step-loop';
import { wasmUrl } from '@murmuration/trainer/wasm-file';

export type StepRateOptions = Omit<StepLoopOptions, 'device'> & { readonly backend: Backend };

onmessage = ({ data: { backend, ...options } }: MessageEvent<StepRateOptions>) => {
  stepLoop({ ...options, device: backend === 'wasm' ? { wasmUrl } : backend }).then(
    (answer) => postMessage(answer),
    (reason: unknown) => postMessage({ error: String(reason) }),
  );
};
