/**
 * Faults inside a tab, for chaos: put before the volunteer page's own worker script when the tab is opened. It changes
 * nothing until it is told to (`globalThis.saboteur`), and it sits at the browser's own doors (RTCDataChannel, GPUBuffer,
 * GPUAdapter), so that the product's code runs as it is. A channel stays reliable and ordered: loss is what loss costs
 * there, a retransmission. It is bundled (armed-worker.ts), because hostile frames need the protocol's own code.
 *
 * Who is at the other end of a channel it overhears: the page posts a peer's id beside the channel, and the worker posts
 * its own. Nobody else tells, and a saboteur that heard nothing says so.
 */
import { Twister, type Hostility } from './hostility.ts';

/** What the worker's `globalThis.saboteur` takes. Every word replaces the last one of its kind. */
export interface Saboteur {
  clog(options: { bytesPerMs: number; delayMs: number; lossShare: number } | null): void;
  /** Cuts this share of the channels, both ways, or heals all. What was sent meanwhile comes then. Answers how many. */
  cut(share: number): number;
  /** Cuts the channels to this peer too, both ways; null heals them. Answers how many. */
  cutPeer(peer: string | null): number;
  /** The id by which peers know this tab; null: not overheard. */
  ownId(): string | null;
  /** What it sends is twisted from now on; null: honest again. Answers how many frames or messages were twisted so far. */
  hostile(hostility: Hostility | null): number;
  slow(factor: number): void;
  /** Destroys the GPU devices; answers how many there were. */
  loseDevice(): number;
}

export function installSaboteur(): void {
  const proto = RTCDataChannel.prototype;
  const sendNow = proto.send as (this: RTCDataChannel, data: ArrayBuffer) => void;
  const bufferedOf = Object.getOwnPropertyDescriptor(proto, 'bufferedAmount')!.get!;
  const handlerOf = Object.getOwnPropertyDescriptor(proto, 'onmessage')!;
  const RETRANSMIT_MS = 200;
  interface Line {
    readonly out: { data: ArrayBuffer; atMs: number }[];
    outBytes: number;
    readonly inbox: (() => void)[];
    isCutByShare: boolean;
    isCutByName: boolean;
    twister: Twister | null;
  }
  const lines = new Map<RTCDataChannel, Line>();
  const isCut = (line: Line) => line.isCutByShare || line.isCutByName;
  const peerOf = new WeakMap<RTCDataChannel, string>();
  let ownId: string | null = null;
  let hostility: Hostility | null = null;
  let twistedCount = 0;
  let clogged: { bytesPerMs: number; delayMs: number; lossShare: number } | null = null;
  let uplinkFreeAtMs = 0;
  let gpuFactor = 1;
  const devices = new Set<GPUDevice>();

  const lineOf = (channel: RTCDataChannel) => {
    let line = lines.get(channel);
    if (line === undefined) {
      line = {
        out: [],
        outBytes: 0,
        inbox: [],
        isCutByShare: false,
        isCutByName: false,
        twister: null,
      };
      lines.set(channel, line);
      channel.addEventListener('close', () => lines.delete(channel));
    }
    return line;
  };
  const pump = (channel: RTCDataChannel) => {
    const line = lineOf(channel);
    const before = line.outBytes;
    while (!isCut(line) && line.out.length > 0 && line.out[0]!.atMs <= performance.now()) {
      const { data } = line.out.shift()!;
      line.outBytes -= data.byteLength;
      if (channel.readyState === 'open') sendNow.call(channel, data);
    }
    const low = channel.bufferedAmountLowThreshold;
    if (before > low && line.outBytes <= low && channel.readyState === 'open')
      channel.dispatchEvent(new Event('bufferedamountlow'));
    if (!isCut(line) && line.out.length > 0)
      setTimeout(() => pump(channel), Math.max(1, line.out[0]!.atMs - performance.now()));
  };
  proto.send = function (this: RTCDataChannel, data: unknown) {
    const line = lineOf(this);
    const bytes = data as Uint8Array<ArrayBuffer>;
    if (hostility === null) return carry(this, line, bytes);
    line.twister ??= new Twister(Math.random);
    const { messages, isTwisted } = line.twister.twist(bytes, {
      hostility,
      author: ownId,
      nowMs: performance.now(),
    });
    if (isTwisted) twistedCount++;
    for (const message of messages) carry(this, line, message as Uint8Array<ArrayBuffer>);
  } as typeof proto.send;
  const carry = (channel: RTCDataChannel, line: Line, bytes: Uint8Array<ArrayBuffer>) => {
    if (clogged === null && !isCut(line) && line.out.length === 0)
      return sendNow.call(channel, bytes as unknown as ArrayBuffer);
    const copy = bytes.slice().buffer;
    const nowMs = performance.now();
    let atMs = nowMs;
    if (clogged !== null) {
      uplinkFreeAtMs = Math.max(uplinkFreeAtMs, nowMs) + copy.byteLength / clogged.bytesPerMs;
      atMs = uplinkFreeAtMs + clogged.delayMs + (Math.random() < clogged.lossShare ? RETRANSMIT_MS : 0);
    }
    const last = line.out.at(-1)?.atMs ?? 0;
    line.out.push({ data: copy, atMs: Math.max(atMs, last) });
    line.outBytes += copy.byteLength;
    if (line.out.length === 1) setTimeout(() => pump(channel), Math.max(0, line.out[0]!.atMs - nowMs));
  };
  Object.defineProperty(proto, 'bufferedAmount', {
    configurable: true,
    get(this: RTCDataChannel) {
      return (bufferedOf.call(this) as number) + lineOf(this).outBytes;
    },
  });
  Object.defineProperty(proto, 'onmessage', {
    configurable: true,
    get: handlerOf.get!,
    set(this: RTCDataChannel, handler: ((event: MessageEvent) => void) | null) {
      handlerOf.set!.call(
        this,
        handler === null
          ? null
          : (event: MessageEvent) => {
              const line = lineOf(this);
              if (isCut(line) || line.inbox.length > 0) line.inbox.push(() => handler(event));
              else handler(event);
            },
      );
    },
  });

  const mapAsync = GPUBuffer.prototype.mapAsync;
  GPUBuffer.prototype.mapAsync = async function (...options) {
    const startMs = performance.now();
    await mapAsync.apply(this, options);
    if (gpuFactor > 1) {
      const waitMs = (performance.now() - startMs) * (gpuFactor - 1);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    return undefined;
  };
  const requestDevice = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...options) {
    const device = await requestDevice.apply(this, options);
    devices.add(device);
    void device.lost.then(() => devices.delete(device));
    return device;
  };

  const overhear = (message: unknown) => {
    if (typeof message !== 'object' || message === null) return;
    const { kind, id, peer, channel } = message as Record<string, unknown>;
    if (kind === 'peers' && typeof id === 'string') ownId = id;
    if (channel instanceof RTCDataChannel && typeof peer === 'string') peerOf.set(channel, peer);
  };
  const scope = globalThis as unknown as { postMessage: (...words: unknown[]) => void };
  const post = scope.postMessage.bind(globalThis);
  scope.postMessage = (...words) => {
    overhear(words[0]);
    post(...words);
  };
  addEventListener('message', ({ data }: MessageEvent<{ news?: unknown } | null>) => {
    overhear(data);
    overhear(data?.news);
  });

  const heal = (channel: RTCDataChannel, line: Line) => {
    if (isCut(line)) return;
    for (const deliver of line.inbox.splice(0)) deliver();
    pump(channel);
  };
  const saboteur: Saboteur = {
    clog(options) {
      clogged = options;
      uplinkFreeAtMs = 0;
    },
    cut(share) {
      const open = [...lines].filter(([channel]) => channel.readyState === 'open');
      const count = Math.ceil(share * open.length);
      open.forEach(([channel, line], index) => {
        line.isCutByShare = index < count;
        heal(channel, line);
      });
      return count;
    },
    cutPeer(peer) {
      let count = 0;
      for (const [channel, line] of lines) {
        line.isCutByName = peer !== null && peerOf.get(channel) === peer && channel.readyState === 'open';
        if (line.isCutByName) count++;
        heal(channel, line);
      }
      return count;
    },
    ownId: () => ownId,
    hostile(wanted) {
      hostility = wanted;
      return twistedCount;
    },
    slow(factor) {
      gpuFactor = factor;
    },
    loseDevice() {
      const { size } = devices;
      for (const device of devices) device.destroy();
      return size;
    },
  };
  Object.assign(globalThis, { saboteur });
}

/** The page believes that it is hidden, or shown again. A headless browser hides none by itself. */
export function pretendHidden(isHidden: boolean): void {
  Object.defineProperty(document, 'visibilityState', {
    configurable: true,
    get: () => (isHidden ? 'hidden' : 'visible'),
  });
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden });
  document.dispatchEvent(new Event('visibilitychange'));
}
