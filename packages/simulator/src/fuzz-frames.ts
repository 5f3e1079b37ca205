/**
 * Hostile bytes for the wire: valid frames of every kind and codec, mutated with knowledge of their structure, and given
 * to everything that takes a stranger's bytes: decoding of frames, putting fragments together, inspection and decoding
 * of updates, slices and chunks of a state, averaging, and the relay's envelopes (fuzz-envelopes.ts). Seeded: a failure names its run, which can be run again alone.
 *
 * Mental model of a mutation: bytes are changed, cut, repeated, spliced with another frame, or a length lies; then, three
 * times out of four, what lies on top is made right again (payload length, checksum), so that the layer below is reached
 * and not only the first check. What reached how deep is counted: a fuzzer that only ever meets the checksum is blind.
 *
 * What must hold of every run: nothing throws; a frame's fields lie within its bytes; what is accepted has one encoding;
 * what inspection accepts decodes and averages to finite numbers; no more is reserved than the limits allow.
 */
import {
  averageUpdates,
  chunkMaxBytes,
  decodeState,
  decodeUpdate,
  encodedBytes,
  encodedNorm,
  encodeSlice,
  encodeState,
  encodeUpdate,
  firstSchemeOf,
  inspectChunk,
  inspectSlice,
  inspectUpdate,
  isFiniteVector,
  mulberry,
  sliceMaxBytes,
  sliceOf,
  streamSeed,
  type CodecRule,
} from '@murmuration/codec';
import {
  CODECS,
  crc32,
  decodeFrame,
  encodeFrame,
  fragment,
  FRAME_HEADER_BYTES,
  frameLimits,
  frameMaxBytes,
  idFromRandomBytes,
  LIMITS,
  Reassembler,
  type Frame,
  type FrameLimits,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import { fuzzEnvelope } from './fuzz-envelopes.ts';

export interface FuzzOptions {
  readonly seed: number;
  /** Runs `from` and following. */
  readonly from: number;
  readonly runs: number;
}

export interface FuzzReport {
  readonly runs: number;
  readonly failures: readonly { readonly run: number; readonly why: string }[];
  /** How often each outcome was met, `frame:bad-checksum` or `update:accepted`. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/** Values of the models: a part of a block, and more than a chunk of top-k. */
const COUNTS = [300, 4_500] as const;
const ROUND = 3;
const MUTATIONS_MAX = 4;
/** Failures that are kept; the rest is only counted by its run being missing among them. */
const FAILURES_MAX = 20;
/** Of so many frames one goes through fragments, and one in an envelope to the relay. */
const FRAGMENT_EVERY = 8;
const ENVELOPE_EVERY = 4;

interface Seed {
  readonly bytes: Uint8Array;
  readonly codec: CodecRule;
  readonly count: number;
  readonly limits: FrameLimits;
}

export function fuzzFrames({ seed, from, runs }: FuzzOptions): FuzzReport {
  const corpus = corpusOf(seed);
  const outcomes: Record<string, number> = {};
  const failures: { run: number; why: string }[] = [];
  const met = (outcome: string) => (outcomes[outcome] = (outcomes[outcome] ?? 0) + 1);
  for (let run = from; run < from + runs; run++) {
    const random = mulberry(streamSeed(seed, 'fuzz', run));
    const one = corpus[Math.floor(random() * corpus.length)]!;
    const bytes = mutated(one, corpus, random);
    try {
      const whole = random() * FRAGMENT_EVERY < 1 ? throughFragments(bytes, one, random, met) : bytes;
      if (whole !== null) judge(whole, one, met);
      if (random() * ENVELOPE_EVERY < 1) fuzzEnvelope(one.bytes, random, met);
    } catch (error) {
      if (failures.length < FAILURES_MAX)
        failures.push({
          run,
          why: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
        });
    }
  }
  return { runs, failures, outcomes };
}

/** Valid frames: every kind, and every codec in an update. */
function corpusOf(seed: number): Seed[] {
  const random = mulberry(streamSeed(seed, 'corpus'));
  const idOf = (n: number) =>
    idFromRandomBytes(
      'vol',
      Uint8Array.from({ length: 26 }, (_, i) => (n * 7 + i * n) & 0xff),
    ) as VolunteerId;
  const base = { runTag: 0x1234567, term: 1, round: ROUND };
  const anchor = '0123456789abcdef';
  const [first, second] = [idOf(1), idOf(2)].sort() as [VolunteerId, VolunteerId];
  return COUNTS.flatMap((count) => {
    const vector = Float32Array.from({ length: count }, () => random() + random() + random() - 1.5);
    const chunks = encodeState({ anchor: vector, secondMoment: vector.map((v) => v * v), stepCount: 7 });
    return CODECS.flatMap((codec): Seed[] => {
      const encodedMax = encodedBytes(codec, count) + sliceMaxBytes(count);
      const limits = frameLimits(encodedMax, chunkMaxBytes(count));
      const update = {
        ...base,
        kind: 'update' as const,
        author: first,
        sampleCount: 80,
        stepCount: 5,
        trainMs: 900,
        loss: 0.5,
        anchor,
        encoded: encodeUpdate(firstSchemeOf(codec), vector),
      };
      const frames: OutgoingFrame[] = [
        { ...update, slice: new Uint8Array(0) },
        { ...update, slice: encodeSlice(vector, sliceOf(ROUND, count)) },
      ];
      if (codec === 'int8')
        frames.push(
          { ...base, kind: 'hello', hasReplica: true, wantsUpdates: false, anchor },
          {
            ...base,
            kind: 'commit',
            leader: first,
            ballot: 2,
            anchor,
            included: [
              { author: first, crc: 5 },
              { author: second, crc: 6 },
            ],
            members: [first, second],
            graceMs: 250,
          },
          { ...base, kind: 'pull', author: second },
          { ...base, kind: 'take-over', ballot: 3 },
          { ...base, kind: 'yield', ballot: 3 },
          { ...base, kind: 'state-request', chunk: 0 },
          { ...base, kind: 'state-denied', chunk: 0 },
          { ...base, kind: 'state', anchor, chunk: 0, bytes: chunks[0]! },
          { ...base, kind: 'refusal', crc: 5 },
          { ...base, kind: 'heartbeat' },
          { ...base, kind: 'bye' },
        );
      return frames.map((frame) => ({ bytes: encodeFrame(frame), codec, count, limits }));
    });
  });
}

type Random = () => number;
const below = (random: Random, n: number) => Math.floor(random() * n);
const INTERESTING = [0, 1, 2, 3, 255, 256, 4_095, 4_096, 65_535, 65_536, 0x7fffffff, 0x80000000, 0xffffffff];
/** Where lengths and counts stand: payload length, then those of an update (slice), of a commit, of an update's header. */
const LENGTH_PLACES = [16, 24 + 30 + 16 + 8, 24 + 30 + 2 + 8, 24 + 30 + 2 + 8 + 2];

function mutated(one: Seed, corpus: readonly Seed[], random: Random): Uint8Array {
  let bytes: Uint8Array = one.bytes.slice();
  for (let left = 1 + below(random, MUTATIONS_MAX); left > 0 && bytes.length > 0; left--)
    bytes = mutate(bytes, corpus, random);
  if (bytes.length < FRAME_HEADER_BYTES || random() < 0.25) return bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  // The layer below is only reached when the one above is right.
  if (random() < 0.9) view.setUint32(16, bytes.length - FRAME_HEADER_BYTES, true);
  view.setUint32(20, crc32(bytes.subarray(FRAME_HEADER_BYTES)), true);
  if (random() < 0.9) bytes.set(one.bytes.subarray(0, 4));
  return bytes;
}

function mutate(bytes: Uint8Array, corpus: readonly Seed[], random: Random): Uint8Array {
  const at = below(random, bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (below(random, 9)) {
    case 0:
      bytes[at]! ^= 1 << below(random, 8);
      return bytes;
    case 1:
      bytes[at] = below(random, 256);
      return bytes;
    case 2: {
      const place = Math.min(at, bytes.length - 4);
      if (place >= 0) view.setUint32(place, INTERESTING[below(random, INTERESTING.length)]!, true);
      return bytes;
    }
    case 3: {
      // A length lies, by little or by much.
      const place = LENGTH_PLACES[below(random, LENGTH_PLACES.length)]!;
      if (place + 4 > bytes.length) return bytes;
      const lie =
        random() < 0.5
          ? INTERESTING[below(random, INTERESTING.length)]!
          : view.getUint32(place, true) + below(random, 9) - 4;
      view.setUint32(place, lie >>> 0, true);
      return bytes;
    }
    case 4:
      return bytes.slice(0, at);
    case 5: {
      const longer = new Uint8Array(bytes.length + 1 + below(random, 64));
      longer.set(bytes);
      for (let i = bytes.length; i < longer.length; i++) longer[i] = below(random, 256);
      return longer;
    }
    case 6: {
      const other = corpus[below(random, corpus.length)]!.bytes;
      const cut = below(random, other.length);
      return joined(bytes.subarray(0, at), other.subarray(cut));
    }
    case 7: {
      const end = Math.min(bytes.length, at + 1 + below(random, 40));
      return random() < 0.5
        ? joined(bytes.subarray(0, at), bytes.subarray(end))
        : joined(bytes.subarray(0, end), bytes.subarray(at));
    }
    default: {
      const end = Math.min(bytes.length, at + 1 + below(random, 16));
      for (let i = at; i < end; i++) bytes[i] = below(random, 256);
      return bytes;
    }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** As messages of a data channel, some of them changed or out of order. Null: no whole frame came of it. */
function throughFragments(
  frame: Uint8Array,
  { limits }: Seed,
  random: Random,
  met: (outcome: string) => void,
): Uint8Array | null {
  const frameMax = frameMaxBytes(limits);
  const reassembler = new Reassembler(frameMax);
  const damage = random() < 0.2 ? 0.6 : 0.1;
  const messages = fragment(frame, 1, 200 + below(random, 2_000));
  for (const message of messages) {
    if (random() < damage) message[below(random, Math.min(12, message.length))] = below(random, 256);
    if (random() < 0.1) messages.push(message);
    if (messages.length > 64) break;
  }
  let whole: Uint8Array | null = null;
  for (let nowMs = 0; messages.length > 0; nowMs++) {
    const [message] = messages.splice(below(random, messages.length), 1);
    const taken = reassembler.push(message!, nowMs);
    if ('rejected' in taken) met(`fragment:${taken.rejected}`);
    else if ('frame' in taken) whole = taken.frame;
    if (reassembler.reservedBytes > LIMITS.peerTransfersMax * frameMax)
      throw new Error(`unfinished frames hold ${reassembler.reservedBytes} bytes`);
  }
  met(whole === null ? 'fragment:unfinished' : 'fragment:whole');
  return whole;
}

/** @throws Error that says what does not hold. */
function judge(bytes: Uint8Array, { codec, count, limits }: Seed, met: (outcome: string) => void): void {
  const decoded = decodeFrame(bytes, limits);
  if ('rejected' in decoded) {
    met(`frame:${decoded.rejected}`);
    return;
  }
  const { frame } = decoded;
  met(`frame:${frame.kind}`);
  const again = encodeFrame(frame);
  if (again.length !== bytes.length || again.some((byte, i) => byte !== bytes[i]))
    throw new Error(`a ${frame.kind} was accepted that is not how it is written`);
  if (frame.kind === 'update') judgeUpdate(frame, codec, count, met);
  if (frame.kind === 'state') judgeState(frame, count, met);
}

function judgeUpdate(
  frame: Frame & { kind: 'update' },
  codec: CodecRule,
  count: number,
  met: (outcome: string) => void,
) {
  const range = sliceOf(ROUND, count);
  if (frame.slice.length > 0) met(`slice:${inspectSlice(frame.slice, range) ?? 'accepted'}`);
  const verdict = inspectUpdate(frame.encoded, codec, count);
  met(`update:${verdict ?? 'accepted'}`);
  if (verdict !== null) return;
  met(`accepted:${codec}`);
  if (!isFiniteVector(decodeUpdate(frame.encoded))) throw new Error(`${codec}: accepted, and not finite`);
  if (!Number.isFinite(encodedNorm(frame.encoded))) throw new Error(`${codec}: its norm is not finite`);
  const { author, sampleCount, encoded } = frame;
  const mean = averageUpdates(
    [
      { author, sampleCount, encoded },
      { author: 'w', sampleCount: 1, encoded },
    ],
    count,
  );
  if (!isFiniteVector(mean)) throw new Error(`${codec}: the mean is not finite`);
}

function judgeState(frame: Frame & { kind: 'state' }, count: number, met: (outcome: string) => void) {
  const verdict = inspectChunk(frame.bytes, frame.chunk, count);
  met(`chunk:${verdict ?? 'accepted'}`);
  if (verdict !== null) return;
  const { anchor, secondMoment } = decodeState([frame.bytes], count);
  if (!isFiniteVector(anchor) || !isFiniteVector(secondMoment))
    throw new Error('a state was accepted, and is not finite');
}
