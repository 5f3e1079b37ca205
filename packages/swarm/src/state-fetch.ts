/**
 * A newcomer fetching the group's state: which chunk to ask of whom, what to do when donors die, lie or stand at
 * different rounds. Pure.
 *
 * Mental model. Every chunk carries the round it is of. The group goes on while we fetch, and we hear its updates and
 * commits (early-frames.ts); so a chunk never gets too old as long as the rounds since then are known, and one whose
 * rounds are not known is simply fetched again. Donors keep their copy for a while and are asked for "this round or a
 * later one", so that most chunks of a fetch are of one round and nothing has to be brought forward at all.
 * Nothing is pinned and nobody is the donor: whatever dies, what has arrived stays.
 *
 * What comes out is held against the fingerprint that the members say the round began with. If it differs, somebody
 * lied and nobody knows who: the rest is fetched from a single donor, until one stands by what it said. A donor whose
 * chunks alone do not give its own fingerprint is struck, and so is one whose chunk differs from the proven one.
 */
import { chunkAnchor, chunkBytes, chunkCount, encodedBytes, inspectChunk } from '@murmuration/codec';
import {
  fnv1a32,
  type Fingerprint,
  type FrameOf,
  type RunManifest,
  type VolunteerId,
} from '@murmuration/protocol';
import { EARLY_ROUNDS, EarlyFrames } from './early-frames.ts';
import { bestPlan, frontOf, termOf, type Chunk, type Plan } from './fetch-plan.ts';
import { FetchPulls, type PullWish } from './fetch-pulls.ts';
import type { Donor } from './peers.ts';
import type { Voices } from './voices.ts';

/** Donors that are asked at a time: six home uplinks fill a home downlink, and one of them may be any size. */
const DONORS_MAX = 6;
/** With fewer donors than this, each has a second request waiting, so that no time is lost between two chunks. */
const DONORS_ENOUGH = 4;
/** Links open one after another; who is there first is not asked for what others will give. A guess. */
const SETTLING_MS = 500;
/** First guess at the time a chunk takes, and weight of the newest in the running mean. Guesses. */
const CHUNK_FIRST_MS = 700;
const NEWEST_WEIGHT = 0.3;
/** A chunk that takes this many usual times is asked of somebody else as well; sooner when a donor has nothing to do. */
const OVERDUE_RATIO = 3;
const IDLE_RATIO = 1.5;
const OVERDUE_MIN_MS = 300;
const OVERDUE_MAX_MS = 5_000;
/** Who refused is asked again after this; whose chunk was of another branch or never came, after that. */
const DENIED_REST_MS = 400;
const FAILED_REST_MS = 3_000;
/** Without a chunk for so long, the coordinator is told (it may introduce others or found a new term). */
const STRANDED_MS = 8_000;
/** Rounds before the end of what is kept at which a donor's copy is too old. */
const REFRESH_ROUNDS = 4;

export type FetchWish =
  | {
      readonly kind: 'ask';
      readonly donor: VolunteerId;
      readonly chunk: number;
      readonly term: number;
      /** The oldest round that will do. */
      readonly round: number;
    }
  | PullWish
  | {
      readonly kind: 'load';
      readonly term: number;
      readonly round: number;
      readonly chunks: readonly Chunk[];
      readonly commits: Extract<Plan, { kind: 'load' }>['commits'];
    }
  | { readonly kind: 'stranded' };

export type StateFrame = FrameOf<'state'> | FrameOf<'state-request'> | FrameOf<'state-denied'>;

interface Request {
  readonly donor: VolunteerId;
  readonly chunk: number;
  /** The oldest that it may be of. */
  readonly round: number;
  readonly askedMs: number;
}

export class StateFetch {
  readonly early: EarlyFrames;
  readonly runTag: number;
  readonly #self: VolunteerId;
  readonly #parameterCount: number;
  readonly #updateBytes: number;
  readonly #chunkCount: number;
  readonly #first: VolunteerId | null;
  #term = 0;
  #roundMin = 0;
  readonly #chunks = new Map<number, Chunk>();
  #requests: Request[] = [];
  readonly #asked = new Set<string>();
  #usualMs = CHUNK_FIRST_MS;
  /** Donors that are not asked before a time; liars never. */
  readonly #restUntilMs = new Map<VolunteerId, number>();
  /** Chunks that together were wrong; from then on one donor at a time. */
  #suspects: readonly Chunk[] = [];
  #single: VolunteerId | null = null;
  readonly #pulls: FetchPulls;
  /** Rounds that lack something that the chunks need, and since when we know. */
  readonly #gapSinceMs = new Map<number, number>();
  #cameInRound: number | null = null;
  #loading: { readonly term: number; readonly round: number; readonly ticket: number } | null = null;
  readonly #startMs: number;
  #progressMs: number;
  #wakeAtMs: number;

  constructor(options: {
    self: VolunteerId;
    manifest: RunManifest;
    /** Asked among the first, and believed when nobody else is. */
    first: VolunteerId | null;
    voices?: Voices;
    nowMs: number;
  }) {
    const { parameterCount, training } = options.manifest;
    this.early = new EarlyFrames({ parameterCount, codec: training.codec, voices: options.voices });
    this.#pulls = new FetchPulls(options.self, this.early);
    this.runTag = fnv1a32(options.manifest.id);
    this.#self = options.self;
    this.#parameterCount = parameterCount;
    this.#updateBytes = encodedBytes(training.codec, parameterCount);
    this.#chunkCount = chunkCount(parameterCount);
    this.#first = options.first;
    this.#startMs = options.nowMs;
    this.#progressMs = options.nowMs;
    this.#wakeAtMs = options.nowMs;
  }

  get loading(): { readonly term: number; readonly round: number; readonly ticket: number } | null {
    return this.#loading;
  }
  get nextDeadlineMs(): number {
    return this.#loading === null ? this.#wakeAtMs : Infinity;
  }
  /** Chunks that are here, of how many. */
  get progress(): { readonly here: number; readonly all: number } {
    return { here: this.#chunks.size, all: this.#chunkCount };
  }
  /** What to do now. After `load`, `loadingAs` is to be called. */
  next(donors: readonly Donor[], nowMs: number): FetchWish[] {
    if (this.#loading !== null) return [];
    this.#stand(donors);
    this.#wakeAtMs = this.#progressMs + STRANDED_MS;
    const wishes: FetchWish[] = [];
    this.#dropOtherBranches();
    if (this.#chunks.size + this.#requests.length > 0) {
      wishes.push(...this.#complete(donors, nowMs));
      if (wishes.some(({ kind }) => kind === 'load')) return wishes;
    }
    wishes.push(...this.#ask(donors, nowMs));
    if (nowMs < this.#progressMs + STRANDED_MS) return wishes;
    this.#progressMs = nowMs;
    this.#requests = [];
    for (const [donor, untilMs] of this.#restUntilMs)
      if (untilMs !== Infinity) this.#restUntilMs.delete(donor);
    return [...wishes, { kind: 'stranded' }];
  }

  loadingAs(loading: { readonly term: number; readonly round: number; readonly ticket: number }): void {
    this.#loading = loading;
  }

  /** Null: the chunk is taken, or the refusal noted. */
  answered(
    peer: VolunteerId,
    frame: FrameOf<'state'> | FrameOf<'state-denied'>,
    nowMs: number,
  ): string | null {
    const { chunk, term, round } = frame;
    if (frame.kind === 'state-denied') {
      this.#requests = this.#requests.filter((open) => open.donor !== peer || open.chunk !== chunk);
      this.#rest(peer, nowMs + DENIED_REST_MS);
      return null;
    }
    const { anchor } = frame;
    if (!this.#asked.has(`${peer} ${chunk}`)) return 'late-state';
    const request = this.#requests.find((open) => open.donor === peer && open.chunk === chunk);
    this.#requests = this.#requests.filter((open) => open !== request);
    if (this.#loading !== null || this.#chunks.has(chunk)) return 'late-state';
    const refuse = (rejection: string, restMs: number) => {
      this.#rest(peer, nowMs + restMs);
      return rejection;
    };
    if (term !== this.#term) return refuse('other-term', FAILED_REST_MS);
    if (round < this.#roundMin) return 'old-round';
    if (inspectChunk(frame.bytes, chunk, this.#parameterCount) !== null) return refuse('bad-state', Infinity);
    this.early.heard(peer, term, round, anchor);
    if (this.#anchorOf(round) !== anchor) return refuse('other-anchor', FAILED_REST_MS);
    if (request !== undefined) this.#usualMs += NEWEST_WEIGHT * (nowMs - request.askedMs - this.#usualMs);
    this.#chunks.set(chunk, { chunk, donor: peer, round, anchor, bytes: frame.bytes });
    this.#progressMs = nowMs;
    return null;
  }

  lost(peer: VolunteerId): void {
    this.#requests = this.#requests.filter((open) => open.donor !== peer);
  }

  /**
   * The trainer stands at an anchor. `isProven`: it is the group's, and the fetch is over; otherwise it goes on. `liars`:
   * donors that provably gave something else than they said.
   */
  loaded({ ticket, anchor }: { readonly ticket: number; readonly anchor: Fingerprint }): {
    readonly isProven: boolean;
    readonly liars: readonly VolunteerId[];
  } {
    // An answer to the wish of an earlier fetch.
    if (this.#loading?.ticket !== ticket) return { isProven: false, liars: [] };
    const chunks = [...this.#chunks.values()];
    const liars = new Set<VolunteerId>();
    if (this.#anchorOf(this.#loading.round) === anchor) {
      for (const suspect of this.#suspects) {
        const good = this.#chunks.get(suspect.chunk)!;
        if (good.round === suspect.round && !this.#sameAnchor(good, suspect)) liars.add(suspect.donor);
      }
      return { isProven: true, liars: [...liars] };
    }
    this.#loading = null;
    const [{ donor, round }] = chunks as [Chunk];
    // Against its own word, whatever the others say.
    if (chunks.every((chunk) => chunk.donor === donor && chunk.round === round)) liars.add(donor);
    for (const liar of liars) this.#rest(liar, Infinity);
    this.#suspects = [...this.#suspects, ...chunks].filter((chunk) => !liars.has(chunk.donor));
    this.#single = null;
    this.#chunks.clear();
    return { isProven: false, liars: [...liars] };
  }

  /** Which term and from which round on. A later term takes the place of what was fetched of an earlier one. */
  #stand(donors: readonly Donor[]): void {
    const able = donors.filter((donor) => this.#restUntilMs.get(donor.id) !== Infinity);
    const term = termOf(able, this.#first);
    if (term > this.#term) {
      this.#term = term;
      this.#cameInRound = null;
      this.#roundMin = 0;
      this.#gapSinceMs.clear();
      this.#requests = [];
      this.#chunks.clear();
      this.#suspects = [];
      this.#single = null;
    }
    const front = frontOf(able, this.#term);
    // Nobody can bring a chunk forward through rounds that are kept no longer.
    if (able.length > 0) this.#cameInRound ??= front;
    const isIdle = this.#chunks.size === 0 && this.#requests.length === 0;
    if (isIdle) this.#roundMin = Math.max(this.#roundMin, front);
    else this.#roundMin = Math.max(this.#roundMin, front - EARLY_ROUNDS + REFRESH_ROUNDS);
    if (this.#suspects.length > 0) this.#choose(able);
  }

  /** One donor for everything: whose chunks do we hold most of already? */
  #choose(donors: readonly Donor[]): void {
    if (this.#single !== null && donors.some(({ id }) => id === this.#single)) return;
    const given = (id: VolunteerId) => this.#suspects.filter((chunk) => chunk.donor === id).length;
    const ranked = donors.filter(({ term }) => term === this.#term).map(({ id }) => id);
    this.#single = ranked.sort((a, b) => given(b) - given(a))[0] ?? null;
    this.#requests = this.#requests.filter((open) => open.donor === this.#single);
    this.#chunks.clear();
    const own = this.#suspects.filter((chunk) => chunk.donor === this.#single);
    // Of one round, so that they prove or disprove their donor's own word.
    const [newest] = own.sort((a, b) => b.round - a.round);
    if (newest === undefined) return;
    for (const chunk of own) if (chunk.round === newest.round) this.#chunks.set(chunk.chunk, chunk);
    this.#roundMin = newest.round;
  }

  #anchorOf(round: number): Fingerprint | null {
    return this.early.anchorOf(this.#term, round, this.#first);
  }

  #dropOtherBranches(): void {
    const anchors = new Map<number, Fingerprint | null>();
    for (const { chunk, round, anchor } of this.#chunks.values()) {
      if (!anchors.has(round)) anchors.set(round, this.#anchorOf(round));
      if (anchors.get(round) !== anchor) this.#chunks.delete(chunk);
    }
  }

  /** Load, if every chunk is here; wait for, or ask for, what the rounds since the oldest of them lack. */
  #complete(donors: readonly Donor[], nowMs: number): FetchWish[] {
    const here = Array.from({ length: this.#chunkCount }, (_, chunk) => this.#chunks.get(chunk) ?? null);
    const isWhole = !here.includes(null);
    const coming = isWhole ? [] : this.#requests.filter(({ chunk }) => here[chunk] === null);
    const term = this.#term;
    const plan = bestPlan({
      term,
      front: frontOf(donors, term),
      cameInRound: this.#cameInRound ?? 0,
      chunks: [
        ...coming.map(({ chunk, round }) => ({ round, byteCount: chunkBytes(chunk, this.#parameterCount) })),
        ...here.flatMap((chunk) =>
          chunk === null ? [] : [{ round: chunk.round, byteCount: chunk.bytes.length }],
        ),
      ],
      early: this.early,
      anchorOf: (round) => this.#anchorOf(round),
      memberCount: donors.length,
      updateBytes: this.#updateBytes,
      waitedMs: (round) => {
        const sinceMs = this.#gapSinceMs.get(round);
        return sinceMs === undefined ? null : nowMs - sinceMs;
      },
      isPulled: (round, author) => this.#pulls.has(term, round, author),
    });
    switch (plan.kind) {
      case 'load': {
        const { kind, round, commits } = plan;
        const chunks = here.filter((chunk) => chunk !== null);
        return isWhole ? [{ kind, term, round, chunks, commits }] : [];
      }
      case 'wait':
      case 'pull': {
        for (const round of plan.gaps) if (!this.#gapSinceMs.has(round)) this.#gapSinceMs.set(round, nowMs);
        this.#wakeAtMs = Math.min(this.#wakeAtMs, nowMs + plan.waitMs);
        if (plan.kind === 'wait') return [];
        return this.#pulls.wishes(plan, this.#idleFirst(donors), term, nowMs);
      }
      case 'refetch':
        for (const { chunk, round } of this.#chunks.values())
          if (round <= plan.throughRound) this.#chunks.delete(chunk);
        this.#roundMin = plan.throughRound + 1;
        this.#requests = this.#requests.filter(({ round }) => round > plan.throughRound);
        return [];
      default:
        return plan satisfies never;
    }
  }

  /** What is pulled should not queue up behind a chunk. */
  #idleFirst(donors: readonly Donor[]): Donor[] {
    const isBusy = ({ id }: Donor) => Number(this.#requests.some((open) => open.donor === id));
    return [...donors].sort((a, b) => isBusy(a) - isBusy(b));
  }

  #ask(donors: readonly Donor[], nowMs: number): FetchWish[] {
    const overdueMs = Math.min(OVERDUE_MAX_MS, Math.max(OVERDUE_MIN_MS, OVERDUE_RATIO * this.#usualMs));
    const able = this.#able(donors, nowMs);
    const isSettling = nowMs < this.#startMs + SETTLING_MS;
    if (isSettling) this.#wakeAtMs = Math.min(this.#wakeAtMs, this.#startMs + SETTLING_MS);
    const window = isSettling || able.length >= DONORS_ENOUGH ? 1 : 2;
    const wishes: FetchWish[] = [];
    const openOf = (donor: VolunteerId) => this.#requests.filter((open) => open.donor === donor);
    const isLate = (open: Request) => nowMs >= open.askedMs + overdueMs;
    const ask = (chunk: number): boolean => {
      const free = able
        .filter((donor) => openOf(donor).length < window)
        .filter((donor) => !this.#requests.some((open) => open.donor === donor && open.chunk === chunk));
      const [donor] = free.sort(
        (a, b) =>
          Number(openOf(a).some(isLate)) - Number(openOf(b).some(isLate)) ||
          openOf(a).length - openOf(b).length,
      );
      if (donor === undefined) return false;
      this.#requests.push({ donor, chunk, round: this.#roundMin, askedMs: nowMs });
      this.#asked.add(`${donor} ${chunk}`);
      wishes.push({ kind: 'ask', donor, chunk, term: this.#term, round: this.#roundMin });
      return true;
    };
    for (let chunk = 0; chunk < this.#chunkCount; chunk++) {
      if (this.#chunks.has(chunk)) continue;
      if (this.#requests.some((open) => open.chunk === chunk && !isLate(open))) continue;
      if (!ask(chunk)) break;
    }
    // Nothing is left to ask for: who is idle doubles what takes long.
    const idleMs = Math.max(OVERDUE_MIN_MS, IDLE_RATIO * this.#usualMs);
    for (const open of [...this.#requests]) {
      const asked = this.#requests.filter(({ chunk }) => chunk === open.chunk).length;
      if (asked === 1 && nowMs >= open.askedMs + idleMs && able.some((donor) => openOf(donor).length === 0))
        ask(open.chunk);
      for (const dueMs of [open.askedMs + idleMs, open.askedMs + overdueMs])
        if (dueMs > nowMs) this.#wakeAtMs = Math.min(this.#wakeAtMs, dueMs);
    }
    return wishes;
  }

  /** Whom to ask now, the best first. Newcomers that come at once do not all choose the same donors. */
  #able(donors: readonly Donor[], nowMs: number): VolunteerId[] {
    const able: VolunteerId[] = [];
    for (const { id, term, round } of donors) {
      const restMs = this.#restUntilMs.get(id) ?? 0;
      if (restMs > nowMs) this.#wakeAtMs = Math.min(this.#wakeAtMs, restMs);
      else if (term === this.#term && round + 1 >= this.#roundMin) able.push(id);
    }
    if (this.#suspects.length > 0) return able.filter((id) => id === this.#single);
    const place = (id: VolunteerId) => (id === this.#first ? -1 : fnv1a32(`${this.#self} ${id}`));
    const asked = (id: VolunteerId) => Number(this.#requests.some((open) => open.donor === id));
    return able.sort((a, b) => asked(b) - asked(a) || place(a) - place(b)).slice(0, DONORS_MAX);
  }

  #sameAnchor(one: Chunk, other: Chunk): boolean {
    const [a, b] = [one, other].map(({ bytes }) => chunkAnchor(bytes, one.chunk, this.#parameterCount));
    return a!.every((byte, i) => byte === b![i]);
  }

  #rest(donor: VolunteerId, untilMs: number): void {
    this.#restUntilMs.set(donor, Math.max(untilMs, this.#restUntilMs.get(donor) ?? 0));
  }
}
