/**
 * The worker of a contributing tab: looks at the device, then lets the hands work. Loaded after the click and not
 * before; tfjs and the mesh's worker half come with it.
 */
import { createTrainer, TrainerError, type Trainer } from '@murmuration/trainer';
import type { Adapter } from '@murmuration/protocol';
import type { GpuCheck, PageMessage, WorkerMessage } from '../worker-protocol.ts';
import { Hands } from './hands.ts';

const tell = (message: WorkerMessage): void => self.postMessage(message);
let hands: Hands | null = null;

self.addEventListener('message', ({ data }: MessageEvent<PageMessage>) => {
  switch (data.kind) {
    case 'start':
      void start(data);
      return;
    case 'wish':
      if (hands !== null) hands.handle({ kind: 'wish', wish: data.wish });
      else if (data.wish === 'leave') tell({ kind: 'stopped', reason: 'left', detail: '' });
      return;
    case 'page-event':
      if (data.event === 'pagehide') hands?.handle({ kind: 'wish', wish: 'leave' });
      else hands?.handle({ kind: 'tick' });
      return;
    case 'link-channel':
    case 'link-pipe':
    case 'link-suspect':
    case 'link-gone':
      hands?.receive(data);
      return;
    default:
      data satisfies never;
  }
});

async function start({
  origin,
  backend,
  linkPolicy,
}: Extract<PageMessage, { kind: 'start' }>): Promise<void> {
  const trainer = createTrainer({ backend });
  const adapter = await takeDevice(trainer, backend);
  if (adapter !== null) hands = new Hands({ origin, adapter, linkPolicy, trainer, tell });
}

/** The device, or null after its refusal was told. */
async function takeDevice(trainer: Trainer, backend: 'webgpu' | 'cpu'): Promise<Adapter | null> {
  const diagnostics = [`secure context: ${self.isSecureContext}`, `navigator.gpu: ${'gpu' in navigator}`];
  const refuse = (verdict: GpuCheck['verdict'], detail: string) => {
    tell({ kind: 'gpu-check', check: { verdict, diagnostics: [...diagnostics, detail] } });
    tell({ kind: 'stopped', reason: 'blocked', detail });
    return null;
  };
  if (!self.isSecureContext) return refuse({ outcome: 'insecure-context' }, `the page came over ${origin()}`);
  if (backend === 'webgpu' && !('gpu' in navigator))
    return refuse({ outcome: 'no-webgpu' }, 'navigator.gpu is missing');
  try {
    const adapter = await trainer.open();
    diagnostics.push(`adapter: ${adapter.vendor} ${adapter.architecture} ${adapter.description}`);
    const outcome = adapter.isFallbackAdapter ? 'software' : 'ready';
    tell({ kind: 'gpu-check', check: { verdict: { outcome, adapter }, diagnostics } });
    return adapter;
  } catch (reason) {
    const detail = reason instanceof Error ? reason.message : String(reason);
    if (reason instanceof TrainerError && reason.failure === 'no-adapter')
      return refuse({ outcome: 'no-adapter' }, detail);
    tell({ kind: 'stopped', reason: 'failed', detail });
    return null;
  }
}

const origin = () => self.location.protocol.replace(':', '');
