/**
 * What the group says while we cannot yet take part: updates and commits, kept until the state is here. They bring
 * chunks of older rounds forward, tell which anchor a round stood on, and are the first rounds of a new member. Pure.
 *
 * Bounded by rounds and bytes, and fairly: each peer can only push out what it said itself, or be pushed out when it
 * said more than anybody else. So nobody can make us forget what the others said.
 */
import { inspectUpdate, type CodecRule } from '@murmuration/codec';
import {
  LIMITS,
  type CommitEntry,
  type Fingerprint,
  type FrameOf,
  type VolunteerId,
} from '@murmuration/protocol';
import { OWN_VOICES, type Voices } from './voices.ts';

/**
 * Rounds of one peer that are kept, counted back from its newest. Rounds of 0.3 s pass while a slow line brings a large
 * state: 256 are over a minute. Where updates are large, the bytes below bound sooner.
 */
export const EARLY_ROUNDS = 256;
const EARLY_MAX_BYTES = 64 * 1024 * 1024;
/** Links come and go while a state is fetched; nobody has more of them than this. A guess. */
const PEERS_MAX = 4 * LIMITS.groupMaxMembers;

type RoundFrame = FrameOf<'update'> | FrameOf<'commit'>;
interface Said {
  readonly frames: Map<string, RoundFrame>;
  newestRound: number;
  bytes: number;
}

const keyOf = (kind: RoundFrame['kind'], term: number, round: number) => `${kind} ${term} ${round}`;
const bytesOf = (frame: RoundFrame) => (frame.kind === 'update' ? frame.encoded.length : 0);

export class EarlyFrames {
  readonly #codec: CodecRule;
  readonly #voices: Voices;
  readonly #parameterCount: number;
  /** By author, or leader. */
  readonly #said = new Map<VolunteerId, Said>();
  #updateMaxBytes: number | null = null;
  /** By "peer term round". */
  readonly #asked = new Set<string>();
  /** By "term round". */
  readonly #words = new Map<string, Map<VolunteerId, Fingerprint>>();

  constructor(options: { codec: CodecRule; parameterCount: number; voices?: Voices | undefined }) {
    this.#voices = options.voices ?? OWN_VOICES;
    this.#codec = options.codec;
    this.#parameterCount = options.parameterCount;
  }

  /** This peer may pass on what closed a round: we asked it. */
  asked(peer: VolunteerId, term: number, round: number): void {
    this.#asked.add(`${peer} ${term} ${round}`);
  }

  /**
   * Null: kept, or known already. An update that its author did not send itself must be one that a commit lists. A commit
   * that its leader did not send itself stands as the word of who was asked for it, no more.
   */
  keep(peer: VolunteerId, frame: RoundFrame): string | null {
    const { term, round } = frame;
    const isAnswer = frame.kind === 'commit' && this.#asked.has(`${peer} ${term} ${round}`);
    const speaker = frame.kind === 'update' ? frame.author : isAnswer ? peer : frame.leader;
    const says = speaker === (frame.kind === 'update' ? this.#voices.of(peer) : peer);
    const listed = frame.kind === 'update' && this.#lists(term, round, frame);
    if (!says && !listed) return frame.kind === 'update' ? 'not-author' : 'not-leader';
    let said = this.#said.get(speaker);
    if (said === undefined) {
      if (this.#said.size >= PEERS_MAX) return 'future-round';
      this.#said.set(speaker, (said = { frames: new Map(), newestRound: 0, bytes: 0 }));
    }
    const key = keyOf(frame.kind, term, round);
    // The first word stands, unless the group counted another one.
    if (said.frames.has(key) && !listed) return null;
    if (frame.kind === 'update') {
      const rejection = inspectUpdate(frame.encoded, this.#codec, this.#parameterCount);
      if (rejection !== null) return rejection;
    }
    this.#forget(said, key);
    said.frames.set(key, frame);
    said.bytes += bytesOf(frame);
    if (frame.kind === 'update')
      this.#updateMaxBytes = Math.max(this.#updateMaxBytes ?? 0, frame.encoded.length);
    said.newestRound = Math.max(said.newestRound, round);
    for (const [old, kept] of said.frames)
      if (kept.round + EARLY_ROUNDS <= said.newestRound) this.#forget(said, old);
    this.#shed();
    return null;
  }

  update(term: number, round: number, { author, crc }: CommitEntry): FrameOf<'update'> | undefined {
    const frame = this.#said.get(author)?.frames.get(keyOf('update', term, round));
    return frame?.kind === 'update' && frame.crc === crc ? frame : undefined;
  }

  /** Whether it has said something of a later round, or closed one: what it said before will not come any more. */
  isBeyond(author: VolunteerId, round: number): boolean {
    return (this.#said.get(author)?.newestRound ?? -1) > round;
  }

  /** The largest update that was heard; null: none was. A sparse one is far smaller than it might be. */
  get updateMaxBytes(): number | null {
    return this.#updateMaxBytes;
  }

  /** What closed a round that stood on this anchor. */
  commit(term: number, round: number, anchor: Fingerprint | null): FrameOf<'commit'> | undefined {
    for (const { frames } of this.#said.values()) {
      const frame = frames.get(keyOf('commit', term, round));
      if (frame?.kind === 'commit' && frame.anchor === anchor) return frame;
    }
    return undefined;
  }

  /** A donor's word on the anchor that a round began with. Who gives chunks was asked for them, so these are few. */
  heard(peer: VolunteerId, term: number, round: number, anchor: Fingerprint): void {
    const key = `${term} ${round}`;
    let words = this.#words.get(key);
    if (words === undefined) this.#words.set(key, (words = new Map()));
    words.set(peer, anchor);
  }

  /** The anchor that a round began with, as most say; among equals the word of `preferred`; null: nobody said. */
  anchorOf(term: number, round: number, preferred: VolunteerId | null): Fingerprint | null {
    const words = new Map<VolunteerId, Fingerprint>();
    for (const [peer, { frames }] of this.#said) {
      const frame = frames.get(keyOf('commit', term, round)) ?? frames.get(keyOf('update', term, round));
      if (frame !== undefined) words.set(peer, frame.anchor);
    }
    for (const [peer, anchor] of this.#words.get(`${term} ${round}`) ?? []) words.set(peer, anchor);
    const votes = new Map<Fingerprint, number>();
    for (const [peer, anchor] of words)
      votes.set(anchor, (votes.get(anchor) ?? 0) + (peer === preferred ? 1.5 : 1));
    let best: Fingerprint | null = null;
    for (const [anchor, count] of votes) if (best === null || count > votes.get(best)!) best = anchor;
    return best;
  }

  /** Everything from this round on, as it would have come. */
  since(term: number, round: number): { readonly peer: VolunteerId; readonly frame: RoundFrame }[] {
    return [...this.#said].flatMap(([peer, { frames }]) =>
      [...frames.values()]
        .filter((frame) => frame.term === term && frame.round >= round)
        .map((frame) => ({ peer, frame })),
    );
  }

  #lists(term: number, round: number, { author, crc }: CommitEntry): boolean {
    for (const { frames } of this.#said.values()) {
      const commit = frames.get(keyOf('commit', term, round));
      if (commit?.kind !== 'commit') continue;
      if (commit.included.some((entry) => entry.author === author && entry.crc === crc)) return true;
    }
    return false;
  }

  /** Who said most loses its oldest, until everything fits. */
  #shed(): void {
    let bytes = 0;
    for (const said of this.#said.values()) bytes += said.bytes;
    while (bytes > EARLY_MAX_BYTES) {
      let loudest: Said | null = null;
      for (const said of this.#said.values()) if (said.bytes > (loudest?.bytes ?? 0)) loudest = said;
      const before = loudest!.bytes;
      for (const [key, frame] of loudest!.frames)
        if (bytesOf(frame) > 0) {
          this.#forget(loudest!, key);
          break;
        }
      bytes -= before - loudest!.bytes;
    }
  }

  #forget(said: Said, key: string): void {
    const frame = said.frames.get(key);
    if (frame === undefined) return;
    said.frames.delete(key);
    said.bytes -= bytesOf(frame);
  }
}
