/**
 * A newcomer fetching the state in a swarm of several groups, or of its node: donors stand on anchors that differ, so all
 * chunks have to be one donor's, of one round. Its successor starts again when it dies or falls silent; the same steps as in
 * state-fetch.ts otherwise. What comes out is held against that donor's own word; slices do the rest. Pure.
 */
import { chunkCount, inspectChunk } from '@murmuration/codec';
import { fnv1a32, type FrameOf, type RunManifest, type VolunteerId } from '@murmuration/protocol';
import type { EarlyFrames } from './early-frames.ts';
import type { Chunk } from './fetch-plan.ts';
import type { Donor } from './peers.ts';
import type { FetchWish } from './state-fetch.ts';

/** Requests under way at a time. */
const WINDOW = 2;
/** A donor that gives nothing for so long is left; a guess for home lines and tabs that are busy compiling. */
const SILENCE_MAX_MS = 3_000;
/** Who refused, fell silent or lied is not asked again before this. */
const REST_MS = 3_000;
const STRANDED_MS = 8_000;

export class SoloFetch {
  readonly early: Pick<EarlyFrames, 'keep' | 'since'>;
  readonly runTag: number;
  readonly #self: VolunteerId;
  readonly #parameterCount: number;
  readonly #chunkCount: number;
  #first: VolunteerId | null;
  #donor: Donor | null = null;
  #chunks = new Map<number, Chunk>();
  readonly #asked = new Set<number>();
  readonly #restUntilMs = new Map<VolunteerId, number>();
  #loading: { readonly term: number; readonly round: number; readonly ticket: number } | null = null;
  #heardMs: number;
  #aloneSinceMs: number;

  constructor(options: {
    self: VolunteerId;
    manifest: RunManifest;
    first: VolunteerId | null;
    /** Keeps what is said meanwhile. Left out, in crews: that is of another anchor, and nothing is kept. */
    early?: EarlyFrames;
    nowMs: number;
  }) {
    this.early = options.early ?? { keep: () => null, since: () => [] };
    this.runTag = fnv1a32(options.manifest.id);
    this.#self = options.self;
    this.#parameterCount = options.manifest.parameterCount;
    this.#chunkCount = chunkCount(this.#parameterCount);
    this.#first = options.first;
    this.#heardMs = options.nowMs;
    this.#aloneSinceMs = options.nowMs;
  }

  get loading(): { readonly term: number; readonly round: number; readonly ticket: number } | null {
    return this.#loading;
  }
  get nextDeadlineMs(): number {
    if (this.#loading !== null) return Infinity;
    if (this.#donor !== null) return this.#heardMs + SILENCE_MAX_MS;
    return Math.min(this.#aloneSinceMs + STRANDED_MS, ...this.#restUntilMs.values());
  }

  /** Chunks that are here, of how many. */
  get progress(): { readonly here: number; readonly all: number } {
    return { here: this.#chunks.size, all: this.#chunkCount };
  }

  next(donors: readonly Donor[], nowMs: number): FetchWish[] {
    if (this.#loading !== null) return [];
    for (const [id, untilMs] of this.#restUntilMs) if (nowMs >= untilMs) this.#restUntilMs.delete(id);
    const donor = this.#donor;
    if (
      donor !== null &&
      (nowMs >= this.#heardMs + SILENCE_MAX_MS || !donors.some(({ id }) => id === donor.id))
    )
      this.#leave(nowMs);
    if (this.#donor === null && !this.#choose(donors, nowMs)) {
      if (nowMs < this.#aloneSinceMs + STRANDED_MS) return [];
      this.#aloneSinceMs = nowMs;
      return [{ kind: 'stranded' }];
    }
    const { id, term } = this.#donor!;
    const newest = [...this.#chunks.values()][0]?.round ?? this.#donor!.round;
    const wishes: FetchWish[] = [];
    for (let chunk = 0; chunk < this.#chunkCount && this.#asked.size < WINDOW; chunk++) {
      if (this.#chunks.has(chunk) || this.#asked.has(chunk)) continue;
      this.#asked.add(chunk);
      wishes.push({ kind: 'ask', donor: id, chunk, term, round: newest });
    }
    if (this.#chunks.size < this.#chunkCount) return wishes;
    const chunks = Array.from({ length: this.#chunkCount }, (_, chunk) => this.#chunks.get(chunk)!);
    return [{ kind: 'load', term, round: newest, chunks, commits: [] }];
  }

  loadingAs(loading: { readonly term: number; readonly round: number; readonly ticket: number }): void {
    this.#loading = loading;
  }

  answered(
    peer: VolunteerId,
    frame: FrameOf<'state'> | FrameOf<'state-denied'>,
    nowMs: number,
  ): string | null {
    if (this.#donor?.id !== peer || this.#loading !== null) return 'late-state';
    if (frame.kind === 'state-denied') {
      this.#leave(nowMs);
      return null;
    }
    const { chunk, term, round, anchor, bytes } = frame;
    if (!this.#asked.delete(chunk) || term !== this.#donor.term) return 'late-state';
    if (inspectChunk(bytes, chunk, this.#parameterCount) !== null) {
      this.#leave(nowMs);
      return 'bad-state';
    }
    // The donor made a newer copy for somebody else: what is older fits no more.
    for (const known of this.#chunks.values()) if (known.round < round) this.#chunks.delete(known.chunk);
    if ([...this.#chunks.values()].some((known) => known.round > round)) return null;
    this.#chunks.set(chunk, { chunk, donor: peer, round, anchor, bytes });
    this.#heardMs = nowMs;
    return null;
  }

  lost(peer: VolunteerId): void {
    // What it gave is complete while it is loaded: its death takes nothing away.
    if (this.#donor?.id === peer && this.#loading === null) this.#leave(this.#heardMs);
  }

  loaded({ ticket, anchor }: { readonly ticket: number; readonly anchor: string }): {
    readonly isProven: boolean;
    readonly liars: readonly VolunteerId[];
  } {
    if (this.#loading?.ticket !== ticket) return { isProven: false, liars: [] };
    const said = this.#chunks.get(0)!;
    if (said.anchor === anchor) return { isProven: true, liars: [] };
    this.#loading = null;
    this.#leave(this.#heardMs);
    return { isProven: false, liars: [said.donor] };
  }

  /** The furthest of those that may be asked; newcomers that come at once do not all choose the same. */
  #choose(donors: readonly Donor[], nowMs: number): boolean {
    const able = donors.filter(({ id }) => !this.#restUntilMs.has(id));
    const term = Math.max(0, ...able.map((donor) => donor.term));
    const place = (id: VolunteerId) => (id === this.#first ? -1 : fnv1a32(`${this.#self} ${id}`));
    const [best] = able.filter((donor) => donor.term === term).sort((a, b) => place(a.id) - place(b.id));
    if (best === undefined) return false;
    this.#donor = best;
    this.#first = null;
    this.#heardMs = nowMs;
    return true;
  }

  #leave(nowMs: number): void {
    if (this.#donor !== null) this.#restUntilMs.set(this.#donor.id, nowMs + REST_MS);
    this.#donor = null;
    this.#asked.clear();
    this.#chunks.clear();
  }
}
