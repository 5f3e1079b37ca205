/**
 * `npm run bench -- backends`: optimiser steps a second of one tab on the processor in JavaScript (`--allow-backend cpu`),
 * on the processor in WebAssembly (`wasm`) and on this machine's WebGPU adapter, models by turns. On a software adapter the
 * third says what a machine without a graphics card should ask for; of a GPU it says nothing.
 */
import { presetModel, type Backend, type ModelSpec } from '@murmuration/protocol';
import type { BenchSettings } from './bench.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { median, openBenchPage, prepareBench } from './bench-tabs.ts';
import { adapterText } from './browser.ts';
import { TabFleet, type Tab } from './tabs.ts';

const BACKENDS: readonly Backend[] = ['cpu', 'wasm', 'webgpu'];
/** The digits with both presets, and a text of 65 characters as examples/shakespeare.yaml trains it. */
const WORK: readonly { readonly model: ModelSpec; readonly batchSize: number }[] = [
  { model: presetModel('mlp', [28, 28, 1], 10), batchSize: 32 },
  { model: presetModel('cnn', [28, 28, 1], 10), batchSize: 32 },
  { model: presetModel('gpt', [32], 65), batchSize: 4 },
];
const CYCLES = 3;
const WINDOW_MS = 4_000;

interface Measured {
  readonly model: string;
  readonly batchSize: number;
  readonly backend: Backend;
  readonly stepsPerSecond: number;
}

export async function measureBackends({ isQuick, say }: BenchSettings): Promise<SwarmSubject> {
  const browser = await prepareBench(say);
  const fleet = await TabFleet.launch({ browser, browserCount: 1, logName: 'bench' });
  const measured: Measured[] = [];
  try {
    const tab = await openBenchPage(fleet);
    for (let cycle = 0; cycle < (isQuick ? 1 : CYCLES); cycle++)
      for (const { model, batchSize } of WORK)
        for (const backend of BACKENDS) {
          const stepsPerSecond = await rateOn(tab, { backend, model, batchSize, windowMs: WINDOW_MS });
          measured.push({ model: model.name, batchSize, backend, stepsPerSecond });
          say(`backends: ${model.name} on ${backend}: ${stepsPerSecond.toFixed(1)} steps a second`);
        }
  } finally {
    await fleet.closeAll();
  }
  return {
    rows: WORK.map(({ model }) => rowOf(model.name, measured)),
    details: { adapter: adapterText(browser.adapter), measured },
  };
}

async function rateOn(
  { page }: Tab,
  options: { backend: Backend; model: ModelSpec; batchSize: number; windowMs: number },
): Promise<number> {
  const answer = await page.evaluate(
    (asked) =>
      (
        globalThis as unknown as {
          stepRate: (options: unknown) => Promise<{ steps: number; ms: number } | { error: string }>;
        }
      ).stepRate(asked),
    options,
  );
  if ('error' in answer) throw new Error(`${options.model.name} on ${options.backend}: ${answer.error}`);
  return (answer.steps / answer.ms) * 1_000;
}

function rowOf(model: string, measured: readonly Measured[]): SwarmSubject['rows'][number] {
  const rate = (backend: Backend) =>
    median(
      measured
        .filter((one) => one.model === model && one.backend === backend)
        .map(({ stepsPerSecond }) => stepsPerSecond),
    );
  const [cpu, wasm, webgpu] = [rate('cpu'), rate('wasm'), rate('webgpu')];
  const ratio = wasm / cpu;
  return {
    what: `steps a second of the preset ${model} in a tab, WebAssembly against JavaScript`,
    target: 'at least 1',
    measured: `${ratio.toFixed(1)}x (${wasm.toFixed(1)} against ${cpu.toFixed(1)}; WebGPU's adapter here ${webgpu.toFixed(1)})`,
    isMet: ratio >= 1,
  };
}
