/** The worker of the mesh test: the real transport, and the rules of a bulk channel over real channels. */
import { ChannelTransport, MESH_TICK_MS } from '@murmuration/mesh';
import { crc32, fnv1a32, frameLimits, type OutgoingFrame } from '@murmuration/protocol';
import { BULK_CHANNEL_RULES, type ChannelPair } from '../../../packages/mesh/src/bulk-channel.acceptance.ts';
import { DirectChannel } from '../../../packages/mesh/src/bulk-channel.ts';
import { PipedChannel } from '../../../packages/mesh/src/piped-channel.ts';
import type { Seen, ToPage, ToWorker } from './words.ts';

const RUN_TAG = fnv1a32('run_mesh_test');
const base = { runTag: RUN_TAG, term: 0, round: 0 };
const tell = (word: ToPage) => postMessage(word);

const transport = new ChannelTransport({
  emit: (event) => {
    const { kind, peer } = event;
    let detail: Partial<Seen> = {};
    if (kind === 'peer-closed') detail = { why: event.reason };
    if (kind === 'peer-rejected') detail = { why: event.rejection };
    if (kind === 'peer-frame') {
      detail = { frame: event.frame.kind };
      if (event.frame.kind === 'state')
        detail = { ...detail, bytes: event.frame.bytes.length, crc: crc32(event.frame.bytes) };
    }
    tell({ kind: 'seen', seen: { kind, peer, atMs: performance.timeOrigin + performance.now(), ...detail } });
  },
  toPage: (wish) => tell({ kind: 'wish', wish }),
  connectRelay: () => {
    throw new Error('nobody here is reached through a coordinator');
  },
  nowMs: () => performance.now(),
  random: () => Math.random(),
});
transport.setRun({ runTag: RUN_TAG, limits: frameLimits(1_000_000, 8_000_000) });
setInterval(() => transport.tick(), MESH_TICK_MS);

let pairArrived: ((pair: ChannelPair) => void) | null = null;

onmessage = ({ data }) => {
  const word = data as ToWorker;
  switch (word.kind) {
    case 'news':
      return transport.receive(word.news);
    case 'hold':
      return transport.hold(word.peers);
    case 'send-state': {
      const bytes = new Uint8Array(word.bytes);
      for (let i = 0, x = word.seed; i < bytes.length; i++)
        bytes[i] = x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 16;
      const frame: OutgoingFrame = { ...base, kind: 'state', anchor: '00000000000000ff', chunk: 0, bytes };
      tell({ kind: 'sent', crc: crc32(bytes) });
      return transport.send(word.peer, frame);
    }
    case 'totals':
      return tell({ kind: 'totals', totals: transport.totals() });
    case 'check-rules':
      return void checkRules().catch((error: unknown) => tell({ kind: 'failed', message: String(error) }));
    case 'pair':
      return pairArrived?.({ left: adapt(word.left), right: adapt(word.right), open: () => undefined });
  }
};

const adapt = (end: RTCDataChannel | MessagePort) =>
  end instanceof MessagePort ? new PipedChannel(end) : new DirectChannel(end);

async function checkRules(): Promise<void> {
  const titles = [];
  for (const piped of [false, true])
    for (const rule of BULK_CHANNEL_RULES) {
      try {
        await rule.check(
          () =>
            new Promise((resolve) => {
              pairArrived = resolve;
              tell({ kind: 'need-pair', piped });
            }),
        );
      } catch (error) {
        throw new Error(`${rule.title} (${piped ? 'piped' : 'transferred'}): ${String(error)}`, {
          cause: error,
        });
      }
      titles.push(`${rule.title} (${piped ? 'piped' : 'transferred'})`);
    }
  tell({ kind: 'rules-kept', titles });
}
