/**
 * One end of the wire benchmark: a raw data channel, the mesh's own transport in a worker over a channel of the same
 * connection, and a PeerJS connection with its default serialization. The command that drives two such pages carries their
 * descriptions from one to the other.
 */
import { Peer, type DataConnection } from 'peerjs';
import type { FromWireWorker, ToWireWorker } from './wire-worker.ts';

/** As much as a sender lets pile up, and when it goes on: the best of those that were tried for the mesh. */
const HIGH_BYTES = 4 * 1024 * 1024;
const LOW_BYTES = 1024 * 1024;
const OTHER = `vol_${'b'.repeat(26)}`;

const nowMs = () => performance.timeOrigin + performance.now();
const got = { bytes: 0, lastMs: 0 };
const take = (bytes: number) => {
  got.bytes += bytes;
  got.lastMs = nowMs();
};

let rtc: RTCPeerConnection | null = null;
let raw: RTCDataChannel | null = null;
let worker: Worker | null = null;
let peer: Peer | null = null;
let connection: DataConnection | null = null;
let isMeshOpen = false;

function open(): RTCPeerConnection {
  rtc = new RTCPeerConnection();
  raw = rtc.createDataChannel('raw', { negotiated: true, id: 1, ordered: true });
  raw.binaryType = 'arraybuffer';
  raw.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => take(data.byteLength);
  worker = new Worker(new URL('./wire-worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<FromWireWorker>) => {
    if (data.kind === 'open') isMeshOpen = true;
    else take(data.bytes);
  };
  // In the task of its creation: later it could not be transferred.
  const channel = rtc.createDataChannel('bulk', { negotiated: true, id: 100, ordered: true });
  tell({ kind: 'channel', peer: OTHER, channel }, [channel as unknown as Transferable]);
  return rtc;
}
const tell = (word: ToWireWorker, transfer: Transferable[] = []) => worker!.postMessage(word, transfer);

/** The description with all its candidates. */
async function described(connected: RTCPeerConnection): Promise<string> {
  await connected.setLocalDescription();
  if (connected.iceGatheringState !== 'complete')
    await new Promise<void>((resolve) => {
      connected.onicegatheringstatechange = () => connected.iceGatheringState === 'complete' && resolve();
    });
  return JSON.stringify(connected.localDescription);
}

const wire = {
  offer: () => described(open()),
  answer: async (offer: string) => {
    const connected = open();
    await connected.setRemoteDescription(JSON.parse(offer) as RTCSessionDescriptionInit);
    return described(connected);
  },
  accept: async (answer: string) => {
    await rtc!.setRemoteDescription(JSON.parse(answer) as RTCSessionDescriptionInit);
  },
  isOpen: () => raw?.readyState === 'open' && isMeshOpen,
  got: () => ({ ...got }),
  clear: () => void (got.bytes = 0),

  /** Answers when the last byte was handed to the channel. */
  sendRaw: async (totalBytes: number, messageBytes: number): Promise<number> => {
    const startMs = nowMs();
    const channel = raw!;
    channel.bufferedAmountLowThreshold = LOW_BYTES;
    const message = new Uint8Array(messageBytes);
    for (let sentBytes = 0; sentBytes < totalBytes; sentBytes += messageBytes) {
      channel.send(message);
      if (channel.bufferedAmount >= HIGH_BYTES)
        await new Promise((resolve) => (channel.onbufferedamountlow = resolve));
    }
    return startMs;
  },
  sendMesh: (frameBytes: number, frames: number): number => {
    const startMs = nowMs();
    tell({ kind: 'send', peer: OTHER, frameBytes, frames });
    return startMs;
  },

  openPeer: (id: string, port: number) =>
    new Promise<void>((resolve, reject) => {
      peer = new Peer(id, { host: '127.0.0.1', port, path: '/signal', key: 'peerjs', config: {} });
      peer.on('open', () => resolve());
      peer.on('error', reject);
      peer.on('connection', (incoming) => {
        incoming.on('data', (data) => take((data as ArrayBuffer | Uint8Array).byteLength));
      });
    }),
  connectPeer: (id: string) =>
    new Promise<void>((resolve) => {
      connection = peer!.connect(id, { reliable: true });
      connection.on('open', () => resolve());
    }),
  sendPeer: (frameBytes: number, frames: number): number => {
    const startMs = nowMs();
    for (let frame = 0; frame < frames; frame++) void connection!.send(new Uint8Array(frameBytes));
    return startMs;
  },
};
export type Wire = typeof wire;

Object.assign(globalThis, { wire });
