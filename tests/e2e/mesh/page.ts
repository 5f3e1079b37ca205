/**
 * The page of the mesh test: the real PagePeers, joined to the worker as the app does it; and
 * a stranger with a bare PeerJS, who does what PagePeers never would.
 */
import type { LinkWish, MeshTotals } from '@murmuration/mesh';
import { PagePeers } from '@murmuration/mesh/page';
import { Peer, type DataConnection } from 'peerjs';
import { pipeChannel } from '../../../packages/mesh/src/piped-channel.ts';
import type { Seen, ToPage, ToWorker } from './words.ts';

const worker = new Worker('/worker.js', { type: 'module' });
const tell = (word: ToWorker, transfer: Transferable[] = []) => worker.postMessage(word, transfer);
const seen: Seen[] = [];
/** News that reached the worker, by kind: shows whether channels were transferred or piped. */
const news: string[] = [];
let peers: PagePeers | null = null;
let wishes: LinkWish[] = [];
const answers = new Map<string, (word: ToPage) => void>();

const answer = <K extends ToPage['kind']>(kind: K) =>
  new Promise<Extract<ToPage, { kind: K }>>((resolve, reject) => {
    answers.set(kind, (word) => resolve(word as Extract<ToPage, { kind: K }>));
    answers.set('failed', (word) => reject(new Error((word as Extract<ToPage, { kind: 'failed' }>).message)));
  });

worker.onmessage = ({ data }) => {
  const word = data as ToPage;
  switch (word.kind) {
    case 'wish':
      if (peers === null) wishes.push(word.wish);
      else peers.receive(word.wish);
      return;
    case 'seen':
      return void seen.push(word.seen);
    case 'need-pair':
      return loopbackPair(word.piped);
    default:
      answers.get(word.kind)?.(word);
  }
};

/** Two ends of one channel of one page, handed to the worker in the task of their creation. */
function loopbackPair(piped: boolean): void {
  const [left, right] = [new RTCPeerConnection(), new RTCPeerConnection()];
  left.onicecandidate = ({ candidate }) => void (candidate && right.addIceCandidate(candidate));
  right.onicecandidate = ({ candidate }) => void (candidate && left.addIceCandidate(candidate));
  const ends = [left, right].map((rtc) => {
    const channel = rtc.createDataChannel('bulk', { negotiated: true, id: 100, ordered: true });
    if (!piped) return channel;
    const { port1, port2 } = new MessageChannel();
    pipeChannel(channel, port1);
    return port2;
  });
  tell({ kind: 'pair', left: ends[0]!, right: ends[1]! }, ends as unknown as Transferable[]);
  void (async () => {
    await left.setLocalDescription();
    await right.setRemoteDescription(left.localDescription!);
    await right.setLocalDescription();
    await left.setRemoteDescription(right.localDescription!);
  })();
}

// --- a stranger ---

interface Address {
  readonly id: string;
  readonly port: number;
  readonly victim: string;
}

/** Calls with every codec and with media before it calls as it should; then it misbehaves. Resolves when it is cut off. */
async function annoy(
  { id, port, victim }: Address,
  mischief: 'second-channel' | 'control-flood',
): Promise<void> {
  const { hostname } = location;
  const stranger = new Peer(id, {
    host: hostname,
    port,
    path: '/signal',
    key: 'peerjs',
    token: 'x',
    config: {},
  });
  await new Promise<void>((resolve) => stranger.on('open', () => resolve()));
  for (const serialization of ['binary', 'binary-utf8', 'json']) stranger.connect(victim, { serialization });
  stranger.call(victim, document.createElement('canvas').captureStream());
  const call: DataConnection = stranger.connect(victim, {
    serialization: 'raw',
    label: 'control',
    reliable: true,
  });
  await new Promise<void>((resolve) => call.on('open', resolve));
  const isCut = new Promise<void>((resolve) => call.on('close', resolve));
  if (mischief === 'second-channel') call.peerConnection.createDataChannel('second');
  else for (let i = 0; i < 20; i++) void call.send('words');
  await isCut;
}

const api = {
  annoy,
  start(options: { id: string; token: string; port: number; channels: 'transfer' | 'pipe' }): void {
    peers = new PagePeers({
      id: options.id,
      ticket: { token: options.token, iceServers: [] },
      origin: { protocol: location.protocol, hostname: location.hostname, port: String(options.port) },
      iceTransportPolicy: 'all',
      channels: options.channels,
      toWorker: (word, transfer) => {
        news.push(word.kind === 'link-gone' ? `${word.kind}: ${word.reason}` : word.kind);
        tell({ kind: 'news', news: word }, transfer);
      },
      nowMs: () => performance.now(),
      random: () => Math.random(),
    });
    for (const wish of wishes) peers.receive(wish);
    wishes = [];
  },
  hold: (names: string[]) => tell({ kind: 'hold', peers: names }),
  sendState: async (peer: string, bytes: number, seed: number): Promise<number> => {
    tell({ kind: 'send-state', peer, bytes, seed });
    return (await answer('sent')).crc;
  },
  totals: async (): Promise<MeshTotals> => {
    tell({ kind: 'totals' });
    return (await answer('totals')).totals;
  },
  checkRules: async (): Promise<readonly string[]> => {
    tell({ kind: 'check-rules' });
    return (await answer('rules-kept')).titles;
  },
  seen: () => seen,
  news: () => news,
  signalling: () => peers?.signalling ?? 'none',
  refresh: (token: string) => peers?.refresh({ token, iceServers: [] }),
  close: () => peers?.close(),
};
export type MeshPage = typeof api;
Object.assign(globalThis, { mesh: api });
