/** A fetch against donors played by the test: real chunks of a real replica's rounds, real loading, imaginary time. */
import {
  CHUNK_VALUES,
  chunkCount,
  encodeState,
  encodeUpdate,
  loadState,
  mulberry,
  Replica,
} from '@murmuration/codec';
import {
  DEFAULT_TRAINING,
  idFromRandomBytes,
  type FrameOf,
  type RunManifest,
  type VolunteerId,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { StateFetch, type FetchWish } from './state-fetch.ts';

const COUNT = 5 * CHUNK_VALUES + 500;
const CHUNKS = chunkCount(COUNT);
const idOf = (n: number) => idFromRandomBytes('vol', new Uint8Array(26).fill(n)) as VolunteerId;
const SELF = idOf(99);
const TERM = 3;
const manifest = {
  id: 'run_x',
  parameterCount: COUNT,
  training: { ...DEFAULT_TRAINING, codec: 'int8' },
} as unknown as RunManifest;

// What the group did: the state at the start of rounds 10 to 14, and what closed rounds 10 to 13.
const random = mulberry(8);
const noise = (scale: number) => Float32Array.from({ length: COUNT }, () => scale * (random() - 0.5));
const authors = [idOf(1), idOf(2), idOf(3)];
const truth = new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 1 });
truth.load(noise(1));
const secondMoment = noise(0.1).map(Math.abs);
const stateAt = new Map<number, { anchor: string; chunks: Uint8Array[] }>();
const updatesOf = new Map<number, FrameOf<'update'>[]>();
const commitOf = new Map<number, FrameOf<'commit'>>();
for (let round = 10; round <= 14; round++) {
  const anchor = truth.fingerprint;
  stateAt.set(round, { anchor, chunks: encodeState({ anchor: truth.anchor, secondMoment, stepCount: 70 }) });
  const base = { runTag: 1, term: TERM, round, anchor };
  const updates = authors.map((author, i) => ({
    ...base,
    kind: 'update' as const,
    author,
    ...{ sampleCount: 80, stepCount: 5, trainMs: 100, loss: 1, crc: 1_000 * round + i },
    slice: new Uint8Array(0),
    encoded: encodeUpdate('int8', noise(0.01)),
  }));
  updatesOf.set(round, updates);
  commitOf.set(round, {
    ...base,
    kind: 'commit',
    ballot: 0,
    leader: authors[round % 3]!,
    included: updates.map(({ author, crc }) => ({ author, crc })),
    members: authors,
    graceMs: 500,
  });
  truth.commit(updates, 'uncounted');
}

interface Player {
  /** Where it stands; it gives copies of this round. */
  round: number;
  readonly serviceMs: number;
  /** What it sends instead of a chunk's bytes. */
  readonly forge?: (bytes: Uint8Array, chunk: number) => Uint8Array;
  /** What it says the anchor is. */
  readonly claims?: string;
  readonly denies?: boolean;
  readonly silent?: boolean;
  /** Has no frames of past rounds any more. */
  readonly forgets?: boolean;
}

class Scene {
  nowMs = 0;
  readonly fetch: StateFetch;
  readonly players: Map<VolunteerId, Player>;
  readonly replica = new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 1 });
  readonly asked: Extract<FetchWish, { kind: 'ask' }>[] = [];
  readonly pulled: Extract<FetchWish, { kind: 'pull' }>[] = [];
  readonly liars: VolunteerId[] = [];
  readonly rejections: string[] = [];
  stranded = 0;
  loads = 0;
  /** Chunks that arrived and those that did not because their donor died. */
  arrived = 0;
  lostInFlight = 0;
  #ticket = 0;
  #events: { atMs: number; from: VolunteerId | null; run: () => void; isChunk: boolean }[] = [];
  onAsk: (wish: Extract<FetchWish, { kind: 'ask' }>) => void = () => {};

  constructor(players: readonly (readonly [VolunteerId, Player])[], first: VolunteerId | null = null) {
    this.players = new Map(players);
    this.fetch = new StateFetch({ self: SELF, manifest, first, nowMs: 0 });
  }

  get isDone(): boolean {
    return this.fetch.loading !== null && this.#loaded;
  }
  #loaded = false;

  at(atMs: number, run: () => void, from: VolunteerId | null = null, isChunk = false): void {
    this.#events.push({ atMs, from, run, isChunk });
  }

  /** Everybody that a newcomer hears hears this: updates first, then the commit. */
  say(round: number, { updates = true, commit = true } = {}): void {
    if (updates) for (const frame of updatesOf.get(round)!) this.fetch.early.keep(frame.author, frame);
    if (commit) this.fetch.early.keep(commitOf.get(round)!.leader, commitOf.get(round)!);
  }

  kill(id: VolunteerId): void {
    this.players.delete(id);
    this.lostInFlight += this.#events.filter((event) => event.from === id && event.isChunk).length;
    this.#events = this.#events.filter((event) => event.from !== id);
    this.fetch.lost(id);
  }

  /** Until the state is proven or nothing can happen any more before `untilMs`. */
  run(untilMs = 60_000): this {
    while (!this.#loaded) {
      this.#wish();
      if (this.#loaded) break;
      this.#events.sort((a, b) => a.atMs - b.atMs);
      const next = this.#events[0];
      const dueMs = Math.max(this.fetch.nextDeadlineMs, this.nowMs + 1);
      if (Math.min(next?.atMs ?? Infinity, dueMs) > untilMs) break;
      if (next !== undefined && next.atMs <= dueMs) {
        this.#events.shift();
        this.nowMs = next.atMs;
        next.run();
      } else this.nowMs = dueMs;
    }
    return this;
  }

  #wish(): void {
    const donors = [...this.players].map(([id, { round }]) => ({ id, term: TERM, round }));
    for (const wish of this.fetch.next(donors, this.nowMs))
      switch (wish.kind) {
        case 'ask':
          this.asked.push(wish);
          this.#answer(wish);
          this.onAsk(wish);
          break;
        case 'pull': {
          this.pulled.push(wish);
          if (this.players.get(wish.from)!.forgets === true) break;
          const frame = updatesOf.get(wish.round)!.find(({ author }) => author === wish.author);
          for (const held of [commitOf.get(wish.round)!, ...(frame === undefined ? [] : [frame])])
            this.at(this.nowMs + 50, () => this.fetch.early.keep(wish.from, held), wish.from);
          break;
        }
        case 'load': {
          this.loads += 1;
          const ticket = ++this.#ticket;
          this.fetch.loadingAs({ term: wish.term, round: wish.round, ticket });
          expect(loadState(this.replica, wish)).not.toBeNull();
          const { isProven, liars } = this.fetch.loaded({ ticket, anchor: this.replica.fingerprint });
          this.liars.push(...liars);
          this.#loaded = isProven;
          break;
        }
        case 'stranded':
          this.stranded += 1;
          break;
        default:
          wish satisfies never;
      }
  }

  #answer({ donor, chunk, term, round: roundMin }: Extract<FetchWish, { kind: 'ask' }>): void {
    const player = this.players.get(donor)!;
    if (player.silent === true) return;
    const busyUntilMs = this.#events.reduce(
      (latest, event) => (event.from === donor ? Math.max(latest, event.atMs) : latest),
      this.nowMs,
    );
    const frame = { runTag: 1, term, chunk };
    if (player.denies === true || player.round < roundMin) {
      const denied = { ...frame, kind: 'state-denied' as const, round: 0 };
      this.at(this.nowMs + 5, () => this.fetch.answered(donor, denied, this.nowMs), donor);
      return;
    }
    const { round } = player;
    const { anchor, chunks } = stateAt.get(round)!;
    const bytes = player.forge?.(chunks[chunk]!, chunk) ?? chunks[chunk]!;
    const state = { ...frame, kind: 'state' as const, round, anchor: player.claims ?? anchor, bytes };
    const give = () => {
      this.arrived += 1;
      const rejection = this.fetch.answered(donor, state, this.nowMs);
      if (rejection !== null) this.rejections.push(rejection);
    };
    this.at(busyUntilMs + player.serviceMs, give, donor, true);
  }
}

const donor = (round: number, serviceMs = 100): Player => ({ round, serviceMs });
const donors = (count: number, round = 10) =>
  Array.from({ length: count }, (_, i) => [idOf(i + 1), donor(round, 100 + 7 * i)] as const);
const flip = (bytes: Uint8Array) => {
  const forged = bytes.slice();
  forged[100]! ^= 1;
  return forged;
};

describe('[J3] a state in chunks', () => {
  it('comes from several donors at once, each chunk exactly once, and is the group’s to the bit', () => {
    const scene = new Scene(donors(4)).run();
    expect(scene.isDone).toBe(true);
    expect(scene.replica.fingerprint).toBe(stateAt.get(10)!.anchor);
    expect(scene.asked.length).toBe(CHUNKS);
    expect(new Set(scene.asked.map((wish) => wish.donor)).size).toBe(4);
    expect(scene.nowMs).toBeLessThan(250);
  });

  it('of a single donor is asked for two chunks at a time, once nobody else has come for half a second', () => {
    const scene = new Scene([[idOf(1), donor(10, 300)]]);
    const open = new Map<number, number>();
    scene.onAsk = () => open.set(scene.nowMs, scene.asked.length - scene.arrived);
    scene.run();
    expect(scene.isDone).toBe(true);
    expect([...open].filter(([atMs]) => atMs < 500).map(([, count]) => count)).toEqual([1, 1]);
    expect(Math.max(...open.values())).toBe(2);
    expect(scene.nowMs).toBe(300 * CHUNKS);
  });

  it.each(Array.from({ length: CHUNKS }, (_, chunk) => chunk))(
    'the donor of chunk %i dies while it sends it: that chunk is asked for again, and nothing else',
    (chunk) => {
      for (const count of [2, 4, 8]) {
        const scene = new Scene(donors(count));
        let killed = false;
        scene.onAsk = (wish) => {
          if (wish.chunk !== chunk || killed) return;
          killed = true;
          scene.at(scene.nowMs + 60, () => scene.kill(wish.donor));
        };
        scene.run();
        expect(scene.isDone).toBe(true);
        expect(killed).toBe(true);
        expect(scene.loads).toBe(1);
        // With few donors, the one that died had a second request waiting, of which no byte was sent.
        expect(scene.asked.length).toBe(CHUNKS + scene.lostInFlight);
        expect(scene.lostInFlight).toBeLessThanOrEqual(count < 4 ? 2 : 1);
        expect(scene.arrived).toBe(CHUNKS);
      }
    },
  );

  it('a donor dies at every chunk: as many are asked for again as donors died', () => {
    const scene = new Scene(donors(CHUNKS + 4));
    const dying = new Set<number>();
    scene.onAsk = (wish) => {
      if (dying.has(wish.chunk)) return;
      dying.add(wish.chunk);
      scene.at(scene.nowMs + 60, () => scene.kill(wish.donor));
    };
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(dying.size).toBe(CHUNKS);
    expect(scene.asked.length).toBe(2 * CHUNKS);
    expect(scene.lostInFlight).toBe(CHUNKS);
  });

  it('all donors die and one comes back: what had arrived stays, the coordinator hears of it', () => {
    const scene = new Scene(donors(2));
    scene.at(250, () => [...scene.players.keys()].forEach((id) => scene.kill(id)));
    scene.at(20_000, () => scene.players.set(idOf(7), donor(10)));
    scene.run(19_999);
    const before = scene.fetch.progress.here;
    expect(before).toBeGreaterThan(1);
    expect(scene.stranded).toBeGreaterThan(0);
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(scene.asked.filter((wish) => wish.donor === idOf(7)).length).toBe(CHUNKS - before);
  });

  it('a silent donor with an open link costs its own chunk some time and nobody else any', () => {
    const scene = new Scene([...donors(4), [idOf(8), { ...donor(10), silent: true }]]).run();
    expect(scene.isDone).toBe(true);
    expect(scene.arrived).toBe(CHUNKS);
    expect(scene.asked.filter((wish) => wish.donor === idOf(8)).length).toBe(1);
    expect(scene.nowMs).toBeLessThan(1_500);
  });

  it('a donor that refuses is asked again later, others at once', () => {
    const scene = new Scene([...donors(2), [idOf(8), { ...donor(10), denies: true }]]).run();
    expect(scene.isDone).toBe(true);
    expect(scene.asked.length).toBeLessThanOrEqual(CHUNKS + 2);
    const alone = new Scene([[idOf(8), { ...donor(10), denies: true }]]).run(20_000);
    expect(alone.isDone).toBe(false);
    expect(alone.stranded).toBeGreaterThan(0);
    expect(alone.asked.length).toBeLessThan(120);
  });
});

describe('[J5] donors at different rounds', () => {
  it('chunks of older rounds are brought forward by the commits that passed', () => {
    const scene = new Scene([
      [idOf(1), donor(10)],
      [idOf(2), donor(11)],
      [idOf(3), donor(10)],
    ]);
    scene.say(10);
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(scene.loads).toBe(1);
    expect(scene.arrived).toBe(CHUNKS);
    expect(scene.replica.fingerprint).toBe(stateAt.get(11)!.anchor);
  });

  it('the whole goes on to the last round that is known, so that a member has little to catch up with', () => {
    const scene = new Scene(donors(2));
    scene.at(1, () => {
      for (const round of [10, 11, 12]) scene.say(round);
      scene.say(13, { commit: false });
      for (const player of scene.players.values()) player.round = 13;
    });
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(scene.replica.fingerprint).toBe(stateAt.get(13)!.anchor);
    expect(scene.arrived).toBe(CHUNKS);
  });

  it.each([1, 2, 3, 4])(
    'the group closes %i rounds while the chunks come: none is fetched twice',
    (rounds) => {
      const scene = new Scene(donors(3));
      for (let i = 0; i < rounds; i++)
        scene.at(40 + 50 * i, () => {
          scene.say(10 + i);
          for (const player of scene.players.values()) player.round = 11 + i;
        });
      scene.run();
      expect(scene.isDone).toBe(true);
      expect(scene.arrived).toBe(CHUNKS);
      expect(scene.asked.length).toBe(CHUNKS);
    },
  );

  it('what the commit lists and we never heard is pulled, if that is less than fetching the chunks again', () => {
    const scene = new Scene(donors(3));
    scene.at(150, () => {
      const [, second, third] = updatesOf.get(10)!;
      for (const frame of [second!, third!]) scene.fetch.early.keep(frame.author, frame);
      scene.say(10, { updates: false });
      for (const player of scene.players.values()) player.round = 11;
    });
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(scene.pulled).toMatchObject([{ round: 10, author: idOf(1) }]);
    expect(scene.arrived).toBe(CHUNKS);
  });

  it.each([1, 2])('a commit that never came is pulled, from two at once if there are two: %i', (count) => {
    const scene = new Scene(donors(count));
    // The rounds' updates come, but who closed round 10 died over it.
    scene.at(20, () => {
      scene.say(10, { commit: false });
      scene.say(11);
      for (const player of scene.players.values()) player.round = 12;
    });
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(scene.pulled).toMatchObject(donors(count).map(([from]) => ({ from, round: 10, author: SELF })));
    expect(scene.arrived).toBe(CHUNKS);
    expect(scene.replica.fingerprint).toBe(stateAt.get(12)!.anchor);
  });

  it('neither the commit nor an update of a round came: first the one is pulled, then the other from its author', () => {
    const scene = new Scene(donors(3));
    scene.at(20, () => {
      for (const frame of updatesOf.get(10)!.slice(1)) scene.fetch.early.keep(frame.author, frame);
      for (const player of scene.players.values()) player.round = 11;
    });
    scene.run();
    expect(scene.isDone).toBe(true);
    const [first, second, ...updates] = scene.pulled;
    for (const wish of [first, second]) expect(wish).toMatchObject({ round: 10, author: SELF });
    expect(updates).toMatchObject([{ from: authors[0], author: authors[0] }]);
    expect(scene.arrived).toBe(CHUNKS);
  });

  it('a round of which nobody knows anything makes its chunks stale: they are fetched again, the others stay', () => {
    const scene = new Scene([[idOf(1), { ...donor(10), forgets: true }]]);
    scene.at(150, () => {
      for (const player of scene.players.values()) player.round = 12;
    });
    scene.run();
    expect(scene.isDone).toBe(true);
    expect(scene.replica.fingerprint).toBe(stateAt.get(12)!.anchor);
    expect(scene.arrived).toBeGreaterThan(CHUNKS);
    expect(scene.arrived).toBeLessThan(2 * CHUNKS);
  });

  it('a donor that is behind is not asked for what it cannot have', () => {
    const scene = new Scene([...donors(2, 12), [idOf(3), donor(10)]]).run();
    expect(scene.isDone).toBe(true);
    expect(scene.asked.every((wish) => wish.donor !== idOf(3))).toBe(true);
  });
});

describe('[J6] nobody is believed alone', () => {
  it.each([0, 1, CHUNKS - 1])(
    'whoever forges chunk %i is found out, and the state comes all the same',
    (chunk) => {
      const forge = (bytes: Uint8Array, at: number) => (at === chunk ? flip(bytes) : bytes);
      // Everybody forges it but the last.
      for (const liarCount of [1, 2]) {
        const scene = new Scene([
          ...Array.from({ length: liarCount }, (_, i) => [idOf(i + 1), { ...donor(10), forge }] as const),
          [idOf(3), donor(10)],
          [idOf(4), donor(10)],
        ]).run();
        expect(scene.isDone).toBe(true);
        expect(scene.replica.fingerprint).toBe(stateAt.get(10)!.anchor);
        for (const liar of scene.liars) expect(liar <= idOf(liarCount)).toBe(true);
        if (scene.loads > 1) expect(scene.liars.length).toBeGreaterThan(0);
      }
    },
  );

  it('a liar that gave every chunk is struck at once, by its own word', () => {
    const scene = new Scene([[idOf(1), { ...donor(10, 10), forge: flip }]]);
    scene.at(2_000, () => scene.players.set(idOf(2), donor(10)));
    scene.run();
    expect(scene.liars).toEqual([idOf(1)]);
    expect(scene.isDone).toBe(true);
    expect(scene.asked.filter((wish) => wish.donor === idOf(1)).length).toBe(CHUNKS);
  });

  it('a chunk that says another anchor than most members is not mixed in', () => {
    const scene = new Scene([...donors(3), [idOf(4), { ...donor(10, 5), claims: 'f'.repeat(16) }]]);
    scene.say(10, { commit: false });
    scene.run();
    expect(scene.rejections).toContain('other-anchor');
    expect(scene.isDone).toBe(true);
    expect(scene.loads).toBe(1);
  });

  it('[P4] bytes that are no chunk are refused, and their donor is not asked again', () => {
    const forge = (bytes: Uint8Array) => bytes.subarray(1);
    const scene = new Scene([...donors(3), [idOf(4), { ...donor(10, 5), forge }]]).run();
    expect(scene.rejections).toEqual(['bad-state']);
    expect(scene.asked.filter((wish) => wish.donor === idOf(4)).length).toBe(1);
    expect(scene.isDone).toBe(true);
  });

  it('what was not asked for is not taken', () => {
    const scene = new Scene(donors(2));
    const bytes = stateAt.get(10)!.chunks[0]!;
    const frame = {
      kind: 'state',
      runTag: 1,
      term: TERM,
      round: 10,
      anchor: 'a'.repeat(16),
      chunk: 0,
      bytes,
    } as const;
    expect(scene.fetch.answered(idOf(5), frame, 0)).toBe('late-state');
  });

  it('one donor that claims to be far ahead does not keep the others from giving', () => {
    const scene = new Scene([...donors(2), [idOf(6), { ...donor(10), silent: true }]]);
    scene.players.get(idOf(6))!.round = 4_000_000_000;
    expect(scene.run().isDone).toBe(true);
  });
});
