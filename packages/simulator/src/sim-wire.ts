/**
 * Frames as messages and messages as frames, for imaginary channels. Every frame is encoded by production code, and what a
 * tab receives is decoded from these bytes. A frame that goes to many is encoded and decoded once (`wire: 'fast'`); every
 * sixteenth transfer, and each that does not fit one message, is also cut and put together at its receiver, as all are
 * with `wire: 'full'`.
 */
import {
  decodeFrame,
  encodeFrame,
  fragment,
  FRAGMENT_HEADER_BYTES,
  frameMaxBytes,
  isOfRun,
  LIMITS,
  Reassembler,
  type Frame,
  type FramesOfRun,
  type OutgoingFrame,
} from '@murmuration/protocol';
import type { Direction, Message, Packet } from './sim-link.ts';

/** Of `wire: 'fast'`, one in so many transfers takes the whole way. */
const FULL_EVERY = 16;

export interface Sized {
  readonly message: Message;
  readonly bytes: number;
}

export class SimWire {
  readonly #wire: 'fast' | 'full';
  readonly #run: FramesOfRun;
  /** Largest memory that one receiver ever reserved for the unfinished frames of one peer, bytes. */
  reservedBytesMax = 0;
  #transferCount = 0;
  #lastPacked: { readonly frame: OutgoingFrame; readonly packet: Packet } | null = null;

  constructor(wire: 'fast' | 'full', run: FramesOfRun) {
    this.#wire = wire;
    this.#run = run;
  }

  pack(frame: OutgoingFrame): Packet {
    if (this.#lastPacked?.frame !== frame)
      this.#lastPacked = { frame, packet: { bytes: encodeFrame(frame), decoded: null } };
    return this.#lastPacked.packet;
  }

  /** What one transfer of it travels in: one message, or its pieces. */
  cut(packet: Packet): Sized[] {
    this.#transferCount += 1;
    const isWhole = packet.bytes.length + FRAGMENT_HEADER_BYTES <= LIMITS.peerMessageMaxBytes;
    if (isWhole && this.#wire === 'fast' && this.#transferCount % FULL_EVERY !== 0)
      return [{ message: { packet }, bytes: packet.bytes.length + FRAGMENT_HEADER_BYTES }];
    return sized(fragment(packet.bytes, this.#transferCount >>> 0));
  }

  /** The pieces of its first half. */
  tear(bytes: Uint8Array): Sized[] {
    this.#transferCount += 1;
    const pieceMaxBytes = Math.max(1, Math.min(LIMITS.peerMessageMaxBytes, bytes.length >> 1));
    const pieces = fragment(bytes, this.#transferCount >>> 0, FRAGMENT_HEADER_BYTES + pieceMaxBytes);
    return sized(pieces.slice(0, Math.ceil(pieces.length / 2)));
  }

  /** Null: more pieces are to come. */
  join(direction: Direction, message: Message, nowMs: number): Joined | null {
    if ('packet' in message) {
      const { packet } = message;
      return this.#judged((packet.decoded ??= decodeFrame(packet.bytes, this.#run.limits)), packet.bytes);
    }
    direction.reassembler ??= new Reassembler(frameMaxBytes(this.#run.limits));
    const pushed = direction.reassembler.push(message.piece, nowMs);
    this.reservedBytesMax = Math.max(this.reservedBytesMax, direction.reassembler.reservedBytes);
    if ('rejected' in pushed) return pushed;
    if ('pending' in pushed) return null;
    return this.#judged(decodeFrame(pushed.frame, this.#run.limits), pushed.frame);
  }

  /** As a link does (mesh, link.ts). */
  #judged(decoded: ReturnType<typeof decodeFrame>, bytes: Uint8Array): Joined {
    if ('rejected' in decoded) return decoded;
    const { frame } = decoded;
    return isOfRun(this.#run, frame) ? { frame, bytes: bytes.length } : { rejected: 'wrong-run' };
  }
}

type Joined = { readonly frame: Frame; readonly bytes: number } | { readonly rejected: string };

const sized = (pieces: readonly Uint8Array[]): Sized[] =>
  pieces.map((piece) => ({ message: { piece }, bytes: piece.length }));
