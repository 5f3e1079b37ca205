/** The worker of the wire benchmark: the mesh's transport as volunteers run it, on a channel that the page hands over. */
import { ChannelTransport, MESH_TICK_MS } from '@murmuration/mesh';
import { fnv1a32, frameLimits, type OutgoingFrame } from '@murmuration/protocol';

export type ToWireWorker =
  | { readonly kind: 'channel'; readonly peer: string; readonly channel: RTCDataChannel }
  | { readonly kind: 'send'; readonly peer: string; readonly frameBytes: number; readonly frames: number };
export type FromWireWorker = { readonly kind: 'open' } | { readonly kind: 'got'; readonly bytes: number };

const RUN_TAG = fnv1a32('run_wire_bench');
const FRAME_MAX_BYTES = 16_000_000;
const tell = (word: FromWireWorker) => postMessage(word);

const transport = new ChannelTransport({
  emit: (event) => {
    if (event.kind === 'peer-open') tell({ kind: 'open' });
    if (event.kind === 'peer-frame' && event.frame.kind === 'state')
      tell({ kind: 'got', bytes: event.frame.bytes.length });
  },
  toPage: () => {},
  connectRelay: () => {
    throw new Error('nobody here is reached through a coordinator');
  },
  nowMs: () => performance.now(),
  random: () => Math.random(),
});
transport.setRun({ runTag: RUN_TAG, limits: frameLimits(1_000_000, FRAME_MAX_BYTES) });
setInterval(() => transport.tick(), MESH_TICK_MS);

onmessage = ({ data }: MessageEvent<ToWireWorker>) => {
  switch (data.kind) {
    case 'channel':
      transport.hold([data.peer]);
      return transport.receive({ kind: 'link-channel', peer: data.peer, link: 1, channel: data.channel });
    case 'send': {
      const bytes = new Uint8Array(data.frameBytes);
      const frame: OutgoingFrame = {
        ...{ kind: 'state', runTag: RUN_TAG, term: 0, round: 0 },
        ...{ anchor: '00000000000000ff', chunk: 0, bytes },
      } as OutgoingFrame;
      for (let sent = 0; sent < data.frames; sent++) transport.send(data.peer, frame);
      return;
    }
    default:
      data satisfies never;
  }
};
