/**
 * What tabs say to each other: binary frames of fixed layout, little-endian, never a self-describing format (five
 * bytes freeze PeerJS's default codec). A frame is a 24-byte header and a payload; the payload's layout depends on the
 * kind. `decodeFrame` returns a typed frame or the reason of its rejection; it never throws and allocates nothing
 * larger than its input.
 *
 * Header: u16 magic 0x756d ("mu"), u8 version, u8 kind, u32 runTag, u32 term, u32 round, u32 payloadBytes,
 * u32 crc32(payload).
 */
import { crc32 } from './bytes.ts';
import { FrameReader, FrameWriter } from './frame-bytes.ts';
import { VOLUNTEER_ID_BYTES, type VolunteerId } from './ids.ts';
import { LIMITS } from './limits.ts';
import { STRETCHES, type Stretch } from './run.ts';

export const FRAME_HEADER_BYTES = 24;
const FRAME_MAGIC = 0x756d;
const FRAME_VERSION = 1;

/** Where a replica stands, as text: 16 hexadecimal digits of the anchor's 64-bit fingerprint. */
export type Fingerprint = string;

const KIND_CODES = {
  hello: 1,
  update: 2,
  commit: 3,
  pull: 4,
  'state-request': 5,
  state: 6,
  heartbeat: 7,
  bye: 8,
  'take-over': 9,
  yield: 10,
  'state-denied': 11,
  refusal: 12,
} as const;
export type FrameKind = keyof typeof KIND_CODES;

/** One author's update as it travels: the same bytes whether they come from the author or from a group-mate. */
export interface UpdateBody {
  readonly author: VolunteerId;
  /** Samples behind the update: its weight in the mean. */
  readonly sampleCount: number;
  readonly stepCount: number;
  /** Milliseconds the author spent training it; speeds of a group are compared with it. */
  readonly trainMs: number;
  /** Mean training loss over its samples; finite. */
  readonly loss: number;
  /** The anchor it was formed against. */
  readonly anchor: Fingerprint;
  /** A slice of the author's anchor, for groups whose anchors differ (codec, slices.ts); else empty. */
  readonly slice: Uint8Array;
  /** Codec bytes; see packages/codec. */
  readonly encoded: Uint8Array;
}

export interface CommitEntry {
  readonly author: VolunteerId;
  /** crc32 of the update's whole payload: proves that everybody averages the same bytes. */
  readonly crc: number;
}

interface FrameBase {
  readonly runTag: number;
  readonly term: number;
  readonly round: number;
}
export type Frame = FrameBase &
  (
    | {
        readonly kind: 'hello';
        readonly hasReplica: boolean;
        /** It is fetching the state: updates and commits that pass meanwhile are welcome. */
        readonly wantsUpdates: boolean;
        readonly anchor: Fingerprint;
      }
    | ({ readonly kind: 'update'; /** crc32 of the payload */ readonly crc: number } & UpdateBody)
    /** Closes `round`: everybody applies exactly these updates to `anchor`. `members`: expected in the next round. */
    | {
        readonly kind: 'commit';
        readonly leader: VolunteerId;
        /** 0: the round's own leader. Else the ballot of the `take-over` that made this one lead; 0..65535. */
        readonly ballot: number;
        readonly anchor: Fingerprint;
        readonly included: readonly CommitEntry[];
        readonly members: readonly VolunteerId[];
        /** How long the next leaders wait for stragglers, ms, 0..65535: one value for all, or they would differ. */
        readonly graceMs: number;
        /** Of a node (tiers.ts): this round is the last inside before the nodes' own, whatever its number. */
        readonly endsCycle?: true;
        /** Of the next round: it has so many times the run's local steps. Left out: once. */
        readonly stretch?: Stretch;
      }
    /** Let me close `round` in its leader's place, unless you know of a commit. Answer: `yield` or that `commit`. */
    | { readonly kind: 'take-over'; readonly ballot: number }
    /** The highest ballot promised: commits of `round` under a lower one are refused from now on. */
    | { readonly kind: 'yield'; readonly ballot: number }
    /** Please send me this author's update of `round`. */
    | { readonly kind: 'pull'; readonly author: VolunteerId }
    /** Please send me this chunk of your replica as it stood at the start of `round` or of any later one. */
    | { readonly kind: 'state-request'; readonly chunk: number }
    /** A chunk (codec state.ts) of a replica that stood at `anchor` at the start of `round`. */
    | {
        readonly kind: 'state';
        readonly anchor: Fingerprint;
        readonly chunk: number;
        readonly bytes: Uint8Array;
      }
    /** Not from me, or not now: ask somebody else for this chunk. */
    | { readonly kind: 'state-denied'; readonly chunk: number }
    /** A server's: your update with this checksum will not be counted. */
    | { readonly kind: 'refusal'; readonly crc: number }
    | { readonly kind: 'heartbeat' }
    | { readonly kind: 'bye' }
  );
export type FrameOf<K extends FrameKind> = Extract<Frame, { kind: K }>;

export type FrameRejection =
  | 'too-short'
  | 'bad-magic'
  | 'bad-version'
  | 'bad-kind'
  | 'bad-length'
  | 'bad-checksum'
  | 'bad-payload'
  | 'too-large';

/** Largest payload of each kind, bytes; update and state depend on the run's model. */
export interface FrameLimits {
  readonly updatePayloadMaxBytes: number;
  readonly statePayloadMaxBytes: number;
}

const FINGERPRINT_BYTES = 8;
const CHUNK_INDEX_BYTES = 4;
const STATE_FIXED_BYTES = FINGERPRINT_BYTES + CHUNK_INDEX_BYTES;
const UPDATE_FIXED_BYTES = VOLUNTEER_ID_BYTES + 4 + 4 + 4 + 4 + FINGERPRINT_BYTES + 4;
const COMMIT_FIXED_BYTES = VOLUNTEER_ID_BYTES + 2 + FINGERPRINT_BYTES + 2 + 2 + 2 + 1;
const BALLOT_BYTES = 2;
const CRC_BYTES = 4;
const COMMIT_ENTRY_BYTES = VOLUNTEER_ID_BYTES + CRC_BYTES;
/** Payloads that have one size. */
const FIXED_PAYLOAD_BYTES = {
  hello: 1 + FINGERPRINT_BYTES,
  pull: VOLUNTEER_ID_BYTES,
  'take-over': BALLOT_BYTES,
  yield: BALLOT_BYTES,
  'state-request': CHUNK_INDEX_BYTES,
  'state-denied': CHUNK_INDEX_BYTES,
  refusal: CRC_BYTES,
  heartbeat: 0,
  bye: 0,
} as const satisfies Partial<Record<FrameKind, number>>;

/** Limits of a run whose updates have at most `encodedMaxBytes` and whose state's chunks at most `chunkMaxBytes`. */
export const frameLimits = (encodedMaxBytes: number, chunkMaxBytes: number): FrameLimits => ({
  updatePayloadMaxBytes: UPDATE_FIXED_BYTES + encodedMaxBytes,
  statePayloadMaxBytes: STATE_FIXED_BYTES + chunkMaxBytes,
});

/** Largest whole frame under these limits, bytes. */
export const frameMaxBytes = (limits: FrameLimits): number =>
  FRAME_HEADER_BYTES +
  Math.max(
    limits.updatePayloadMaxBytes,
    limits.statePayloadMaxBytes,
    COMMIT_FIXED_BYTES + LIMITS.groupMaxMembers * (COMMIT_ENTRY_BYTES + VOLUNTEER_ID_BYTES),
  );

function payloadMaxBytes(kind: FrameKind, limits: FrameLimits): number {
  switch (kind) {
    case 'update':
      return limits.updatePayloadMaxBytes;
    case 'state':
      return limits.statePayloadMaxBytes;
    case 'commit':
      return COMMIT_FIXED_BYTES + LIMITS.groupMaxMembers * (COMMIT_ENTRY_BYTES + VOLUNTEER_ID_BYTES);
    default:
      return FIXED_PAYLOAD_BYTES[kind];
  }
}

const KIND_BY_CODE = new Map<number, FrameKind>(
  Object.entries(KIND_CODES).map(([kind, code]) => [code, kind as FrameKind]),
);

/** A frame without the `crc` that `encodeFrame` computes. */
export type OutgoingFrame = {
  [K in FrameKind]: K extends 'update' ? Omit<FrameOf<K>, 'crc'> : FrameOf<K>;
}[FrameKind];

export function encodeFrame(frame: OutgoingFrame): Uint8Array {
  const payload = new FrameWriter(payloadBytes(frame));
  switch (frame.kind) {
    case 'hello':
      payload.u8((frame.hasReplica ? 1 : 0) | (frame.wantsUpdates ? 2 : 0));
      payload.fingerprint(frame.anchor);
      break;
    case 'update':
      payload.id(frame.author);
      payload.u32(frame.sampleCount);
      payload.u32(frame.stepCount);
      payload.u32(frame.trainMs);
      payload.f32(frame.loss);
      payload.fingerprint(frame.anchor);
      payload.u32(frame.slice.length);
      payload.bytes(frame.slice);
      payload.bytes(frame.encoded);
      break;
    case 'commit':
      payload.id(frame.leader);
      payload.u16(frame.ballot);
      payload.fingerprint(frame.anchor);
      payload.u16(frame.included.length);
      payload.u16(frame.members.length);
      payload.u16(frame.graceMs);
      payload.u8((frame.endsCycle === true ? 1 : 0) | (STRETCHES.indexOf(frame.stretch ?? 1) << 1));
      for (const entry of frame.included) {
        payload.id(entry.author);
        payload.u32(entry.crc);
      }
      for (const member of frame.members) payload.id(member);
      break;
    case 'pull':
      payload.id(frame.author);
      break;
    case 'take-over':
    case 'yield':
      payload.u16(frame.ballot);
      break;
    case 'state':
      payload.fingerprint(frame.anchor);
      payload.u32(frame.chunk);
      payload.bytes(frame.bytes);
      break;
    case 'state-request':
    case 'state-denied':
      payload.u32(frame.chunk);
      break;
    case 'refusal':
      payload.u32(frame.crc);
      break;
    case 'heartbeat':
    case 'bye':
      break;
    default:
      frame satisfies never;
  }
  const body = payload.buffer.subarray(FRAME_HEADER_BYTES);
  const view = payload.view;
  view.setUint16(0, FRAME_MAGIC, true);
  view.setUint8(2, FRAME_VERSION);
  view.setUint8(3, KIND_CODES[frame.kind]);
  view.setUint32(4, frame.runTag, true);
  view.setUint32(8, frame.term, true);
  view.setUint32(12, frame.round, true);
  view.setUint32(16, body.length, true);
  view.setUint32(20, crc32(body), true);
  return payload.buffer;
}

/** The payload's checksum as it stands in the header of an encoded frame: an update's identity in a commit. */
export const frameCrc = (encodedFrame: Uint8Array): number =>
  new DataView(encodedFrame.buffer, encodedFrame.byteOffset).getUint32(20, true);

function payloadBytes(frame: OutgoingFrame): number {
  switch (frame.kind) {
    case 'update':
      return UPDATE_FIXED_BYTES + frame.slice.length + frame.encoded.length;
    case 'commit':
      return (
        COMMIT_FIXED_BYTES +
        frame.included.length * COMMIT_ENTRY_BYTES +
        frame.members.length * VOLUNTEER_ID_BYTES
      );
    case 'state':
      return STATE_FIXED_BYTES + frame.bytes.length;
    default:
      return FIXED_PAYLOAD_BYTES[frame.kind];
  }
}

/** Parses one whole frame. The byte fields of the result are views into `bytes`, not copies. */
export function decodeFrame(
  bytes: Uint8Array,
  limits: FrameLimits,
): { readonly frame: Frame } | { readonly rejected: FrameRejection } {
  if (bytes.length < FRAME_HEADER_BYTES) return { rejected: 'too-short' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0, true) !== FRAME_MAGIC) return { rejected: 'bad-magic' };
  if (view.getUint8(2) !== FRAME_VERSION) return { rejected: 'bad-version' };
  const kind = KIND_BY_CODE.get(view.getUint8(3));
  if (kind === undefined) return { rejected: 'bad-kind' };
  const payloadLength = view.getUint32(16, true);
  if (payloadLength > payloadMaxBytes(kind, limits)) return { rejected: 'too-large' };
  if (payloadLength !== bytes.length - FRAME_HEADER_BYTES) return { rejected: 'bad-length' };
  const payload = bytes.subarray(FRAME_HEADER_BYTES);
  const crc = view.getUint32(20, true);
  if (crc32(payload) !== crc) return { rejected: 'bad-checksum' };
  const base = {
    runTag: view.getUint32(4, true),
    term: view.getUint32(8, true),
    round: view.getUint32(12, true),
  };
  const frame = decodePayload(kind, base, payload, crc);
  return frame === null ? { rejected: 'bad-payload' } : { frame };
}

function decodePayload(kind: FrameKind, base: FrameBase, payload: Uint8Array, crc: number): Frame | null {
  const reader = new FrameReader(payload);
  switch (kind) {
    case 'hello': {
      if (payload.length !== 1 + FINGERPRINT_BYTES) return null;
      const flag = reader.u8();
      if (flag > 3) return null;
      const [hasReplica, wantsUpdates] = [(flag & 1) === 1, (flag & 2) === 2];
      return { ...base, kind, hasReplica, wantsUpdates, anchor: reader.fingerprint() };
    }
    case 'update': {
      if (payload.length <= UPDATE_FIXED_BYTES) return null;
      const author = reader.id();
      if (author === null) return null;
      const sampleCount = reader.u32();
      const stepCount = reader.u32();
      const trainMs = reader.u32();
      const loss = reader.f32();
      const anchor = reader.fingerprint();
      const sliceBytes = reader.u32();
      if (payload.length <= UPDATE_FIXED_BYTES + sliceBytes) return null;
      const slice = payload.subarray(UPDATE_FIXED_BYTES, UPDATE_FIXED_BYTES + sliceBytes);
      const encoded = payload.subarray(UPDATE_FIXED_BYTES + sliceBytes);
      if (sampleCount < 1 || sampleCount > LIMITS.localStepsMax * LIMITS.batchMax) return null;
      if (stepCount < 1 || stepCount > LIMITS.localStepsMax || !Number.isFinite(loss)) return null;
      return { ...base, kind, author, sampleCount, stepCount, trainMs, loss, anchor, slice, encoded, crc };
    }
    case 'commit': {
      if (payload.length < COMMIT_FIXED_BYTES) return null;
      const leader = reader.id();
      const ballot = reader.u16();
      const anchor = reader.fingerprint();
      const includedCount = reader.u16();
      const memberCount = reader.u16();
      const graceMs = reader.u16();
      const flags = reader.u8();
      const stretch = STRETCHES[flags >> 1];
      if (leader === null || includedCount < 1 || stretch === undefined) return null;
      if (includedCount > LIMITS.groupMaxMembers || memberCount > LIMITS.groupMaxMembers) return null;
      const expected =
        COMMIT_FIXED_BYTES + includedCount * COMMIT_ENTRY_BYTES + memberCount * VOLUNTEER_ID_BYTES;
      if (payload.length !== expected) return null;
      const included: CommitEntry[] = [];
      const members: VolunteerId[] = [];
      // Both lists are strictly ascending: no duplicates, one encoding for one meaning.
      let last = '';
      for (let i = 0; i < includedCount; i++) {
        const author = reader.id();
        if (author === null || author <= last) return null;
        last = author;
        included.push({ author, crc: reader.u32() });
      }
      last = '';
      for (let i = 0; i < memberCount; i++) {
        const member = reader.id();
        if (member === null || member <= last) return null;
        last = member;
        members.push(member);
      }
      const commit = { ...base, kind, leader, ballot, anchor, included, members, graceMs };
      const ending = (flags & 1) === 1 ? { ...commit, endsCycle: true as const } : commit;
      return stretch === 1 ? ending : { ...ending, stretch };
    }
    case 'pull': {
      const author = payload.length === VOLUNTEER_ID_BYTES ? reader.id() : null;
      return author === null ? null : { ...base, kind, author };
    }
    case 'take-over':
    case 'yield':
      return payload.length === BALLOT_BYTES ? { ...base, kind, ballot: reader.u16() } : null;
    case 'state': {
      if (payload.length <= STATE_FIXED_BYTES) return null;
      const anchor = reader.fingerprint();
      const chunk = reader.u32();
      if (chunk >= LIMITS.stateChunksMax) return null;
      return { ...base, kind, anchor, chunk, bytes: payload.subarray(STATE_FIXED_BYTES) };
    }
    case 'state-request':
    case 'state-denied': {
      const chunk = payload.length === CHUNK_INDEX_BYTES ? reader.u32() : LIMITS.stateChunksMax;
      return chunk >= LIMITS.stateChunksMax ? null : { ...base, kind, chunk };
    }
    case 'refusal':
      return payload.length === CRC_BYTES ? { ...base, kind, crc: reader.u32() } : null;
    case 'heartbeat':
    case 'bye':
      return payload.length === 0 ? { ...base, kind } : null;
    default:
      return kind satisfies never;
  }
}
