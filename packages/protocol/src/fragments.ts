/**
 * Frames cut into data-channel messages and put together again. A message is 12 bytes of header (u32 transferId,
 * u32 frameBytes, u32 offset) and a piece of the frame. Pieces of one transfer arrive in any order; a repeated piece
 * changes nothing; memory is reserved only within the limits. Pure: time is an argument.
 */
import { LIMITS } from './limits.ts';

export const FRAGMENT_HEADER_BYTES = 12;

/** Cuts a frame into messages of at most `messageMaxBytes` each (header included). */
export function fragment(
  frame: Uint8Array,
  transferId: number,
  messageMaxBytes: number = LIMITS.peerMessageMaxBytes,
): Uint8Array[] {
  const pieceBytes = messageMaxBytes - FRAGMENT_HEADER_BYTES;
  const messages: Uint8Array[] = [];
  for (let offset = 0; offset < frame.length; offset += pieceBytes) {
    const piece = frame.subarray(offset, offset + pieceBytes);
    const message = new Uint8Array(FRAGMENT_HEADER_BYTES + piece.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, transferId, true);
    view.setUint32(4, frame.length, true);
    view.setUint32(8, offset, true);
    message.set(piece, FRAGMENT_HEADER_BYTES);
    messages.push(message);
  }
  return messages;
}

export type FragmentRejection =
  | 'fragment-too-short'
  | 'fragment-too-large'
  | 'frame-too-large'
  | 'fragment-out-of-range'
  | 'fragment-inconsistent'
  | 'too-many-transfers';

interface Transfer {
  readonly frame: Uint8Array;
  readonly pieceBytes: number;
  readonly seen: Set<number>;
  receivedBytes: number;
  lastMs: number;
}

/** Puts the frames of one peer together. One instance a link; drop it when the link closes. */
export class Reassembler {
  readonly #frameMaxBytes: number;
  readonly #transfers = new Map<number, Transfer>();

  /** @param frameMaxBytes largest frame that the run allows (see `frameMaxBytes`). */
  constructor(frameMaxBytes: number) {
    this.#frameMaxBytes = frameMaxBytes;
  }

  /** Bytes reserved for unfinished frames. */
  get reservedBytes(): number {
    let bytes = 0;
    for (const transfer of this.#transfers.values()) bytes += transfer.frame.length;
    return bytes;
  }

  /** Takes one message. Returns the whole frame when this piece was the last that was missing. */
  push(
    message: Uint8Array,
    nowMs: number,
  ): { readonly frame: Uint8Array } | { readonly pending: true } | { readonly rejected: FragmentRejection } {
    if (message.length <= FRAGMENT_HEADER_BYTES) return { rejected: 'fragment-too-short' };
    if (message.length > LIMITS.peerMessageMaxBytes) return { rejected: 'fragment-too-large' };
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const transferId = view.getUint32(0, true);
    const frameBytes = view.getUint32(4, true);
    const offset = view.getUint32(8, true);
    const piece = message.subarray(FRAGMENT_HEADER_BYTES);
    if (frameBytes > this.#frameMaxBytes) return { rejected: 'frame-too-large' };
    if (offset + piece.length > frameBytes) return { rejected: 'fragment-out-of-range' };
    if (offset === 0 && piece.length === frameBytes) {
      this.#transfers.delete(transferId);
      return { frame: piece };
    }
    for (const [id, transfer] of this.#transfers)
      if (nowMs - transfer.lastMs >= LIMITS.peerTransferSilenceMaxMs) this.#transfers.delete(id);
    let transfer = this.#transfers.get(transferId);
    if (transfer === undefined) {
      if (this.#transfers.size >= LIMITS.peerTransfersMax) return { rejected: 'too-many-transfers' };
      // Every piece but the last has one size; the first message seen tells it unless it is the last piece.
      const isLast = offset + piece.length === frameBytes;
      const pieceBytes = isLast ? LIMITS.peerMessageMaxBytes - FRAGMENT_HEADER_BYTES : piece.length;
      transfer = {
        frame: new Uint8Array(frameBytes),
        pieceBytes,
        seen: new Set(),
        receivedBytes: 0,
        lastMs: nowMs,
      };
      this.#transfers.set(transferId, transfer);
    }
    const isLast = offset + piece.length === frameBytes;
    const fits = offset % transfer.pieceBytes === 0 && (isLast || piece.length === transfer.pieceBytes);
    if (frameBytes !== transfer.frame.length || !fits || (isLast && piece.length > transfer.pieceBytes)) {
      this.#transfers.delete(transferId);
      return { rejected: 'fragment-inconsistent' };
    }
    if (transfer.seen.has(offset)) return { pending: true };
    transfer.lastMs = nowMs;
    transfer.seen.add(offset);
    transfer.frame.set(piece, offset);
    transfer.receivedBytes += piece.length;
    if (transfer.receivedBytes < frameBytes) return { pending: true };
    this.#transfers.delete(transferId);
    return { frame: transfer.frame };
  }
}
