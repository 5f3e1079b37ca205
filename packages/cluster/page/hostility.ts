/**
 * What a hostile tab says in the place of what its honest code says: a message goes in, other messages come out. The
 * frames of `sign-flip` and `nan` are well formed and carry the right checksums, so that only their content is wrong;
 * those of `garbage` are noise behind a true fragment header. Pure: chance is an argument.
 */
import { decodeUpdate, encodeUpdate, openUpdate, type OpenUpdate, type Scheme } from '@murmuration/codec';
import {
  decodeFrame,
  encodeFrame,
  fragment,
  FRAGMENT_HEADER_BYTES,
  frameLimits,
  frameMaxBytes,
  Reassembler,
  type FrameOf,
} from '@murmuration/protocol';

export const HOSTILITIES = ['sign-flip', 'nan', 'garbage'] as const;
/**
 * sign-flip: its own updates point the other way. nan: they are not numbers. garbage: every message of it is noise.
 */
export type Hostility = (typeof HOSTILITIES)[number];

/** The honest end keeps to the run's limits; ours only must not refuse what that lets through. */
const LIMITS_WIDE = frameLimits(2 ** 28, 2 ** 28);
const UPDATE_HEADER_BYTES = 8;
const BFLOAT16_NAN = [0xc0, 0x7f] as const;

/** The messages of one link, twisted. One instance a link. */
export class Twister {
  readonly #random: () => number;
  readonly #frames = new Reassembler(frameMaxBytes(LIMITS_WIDE));
  /** Transfers whose beginning went through here; the rest of an older one passes as it is. */
  readonly #begun = new Set<number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * @param author whose updates are twisted; those of others, passed on at their request, stay as they are. Null: all.
   * @returns what is sent instead, and whether it differs; nothing while a frame is not whole.
   */
  twist(
    message: Uint8Array,
    { hostility, author, nowMs }: { hostility: Hostility; author: string | null; nowMs: number },
  ): { readonly messages: readonly Uint8Array[]; readonly isTwisted: boolean } {
    if (hostility === 'garbage') {
      const noise = message.slice();
      for (let i = FRAGMENT_HEADER_BYTES; i < noise.length; i++) noise[i] = 256 * this.#random();
      return { messages: [noise], isTwisted: true };
    }
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const transfer = view.getUint32(0, true);
    if (view.getUint32(8, true) === 0) this.#begun.add(transfer);
    else if (!this.#begun.has(transfer)) return { messages: [message], isTwisted: false };
    const joined = this.#frames.push(message, nowMs);
    if ('pending' in joined) return { messages: [], isTwisted: false };
    this.#begun.delete(transfer);
    if ('rejected' in joined) return { messages: [message], isTwisted: false };
    const decoded = decodeFrame(joined.frame, LIMITS_WIDE);
    const asItIs = { messages: fragment(joined.frame, transfer), isTwisted: false };
    if ('rejected' in decoded || decoded.frame.kind !== 'update') return asItIs;
    const { frame } = decoded;
    if (author !== null && frame.author !== author) return asItIs;
    return { messages: fragment(encodeFrame(twisted(frame, hostility)), transfer), isTwisted: true };
  }
}

function twisted(frame: FrameOf<'update'>, hostility: 'sign-flip' | 'nan'): FrameOf<'update'> {
  const update = openUpdate(frame.encoded);
  if (hostility === 'sign-flip') {
    const values = decodeUpdate(frame.encoded).map((value) => -value);
    return { ...frame, encoded: encodeUpdate(schemeOf(update), values) };
  }
  const encoded = frame.encoded.slice();
  const body = encoded.subarray(UPDATE_HEADER_BYTES);
  switch (update.kind) {
    case 'blocks':
      for (let block = 0; 256 * block < update.count; block++) body.set(BFLOAT16_NAN, 2 * block);
      return { ...frame, encoded };
    case 'values':
      return { ...frame, encoded: new Uint8Array(encoded).fill(0xff, UPDATE_HEADER_BYTES) };
    case 'kept':
      // Its entropy coder has no way to write what is no number; the loss beside it has.
      return { ...frame, loss: NaN };
    default:
      return update satisfies never;
  }
}

function schemeOf(update: OpenUpdate): Scheme {
  switch (update.kind) {
    case 'blocks':
      return update.bits === 8 ? 'int8' : update.bits === 4 ? 'int4' : 'sign';
    case 'values':
      return update.code === 1 ? 'fp32' : 'fp16';
    case 'kept':
      return `topk-${update.bytes[2]! | (update.bytes[3]! << 8)}` as Scheme;
    default:
      return update satisfies never;
  }
}
