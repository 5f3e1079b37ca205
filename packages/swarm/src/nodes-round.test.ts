/** Rounds between nodes: production rounds and replicas of several tabs, over links of which any may break at any word. */
import { decodeUpdate, NodeReplica, norm } from '@murmuration/codec';
import {
  encodeFrame,
  frameCrc,
  type Frame,
  type Head,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { CrewBook } from './crew-book.ts';
import { wordsFor } from './frames.ts';
import { GroupRound } from './group-round.ts';
import type { Reach } from './leadership.ts';
import { NodesRound } from './nodes-round.ts';
import { id } from './test-life.ts';

const COUNT = 40;
const RUN_TAG = 7;
const NODES = [id('vol', 21), id('vol', 22), id('vol', 23)];
const TABS_OF_A_NODE = 3;
const NO_SLICE = new Uint8Array(0);

/** What a tab of this node trains in a cycle. */
const lesson = (node: number, cycle: number) =>
  Float32Array.from({ length: COUNT }, (_, i) => 0.01 * Math.sin((1 + node + 7 * cycle) * (i + 1)));

class Tab {
  readonly replica = new NodeReplica({
    parameterCount: COUNT,
    outerLearningRate: 1,
    scheme: 'int8',
    insideScheme: 'fp32',
    betweenEvery: 1,
    batchSize: 32,
  });
  readonly round: NodesRound;
  readonly inbox: { readonly from: VolunteerId; readonly frame: OutgoingFrame }[] = [];
  isAlive = true;
  /** Its node has done its rounds of this cycle. */
  isThere = true;
  readonly #grid: Grid;
  readonly name: VolunteerId;
  readonly node: number;

  constructor(grid: Grid, name: VolunteerId, node: number) {
    this.#grid = grid;
    this.name = name;
    this.node = node;
    this.replica.stand();
    const voices = {
      of: (peer: VolunteerId) => NODES[grid.nodeOf(peer) ?? -1] ?? peer,
      isMate: (peer: VolunteerId) => peer !== name && grid.nodeOf(peer) === node,
    };
    const line = () => grid.living.filter((tab) => tab.node === node).map((tab) => tab.name);
    const round = new GroupRound({
      self: name,
      codec: 'int8',
      parameterCount: COUNT,
      head: this.#head(0),
      members: grid.founder === null ? [...grid.names] : grid.founder === name ? [name] : [],
      company: grid.founder === null || grid.founder === name ? [] : [grid.founder],
      crews: new CrewBook(name),
      voices,
      adapts: true,
      nowMs: 0,
    });
    this.round = new NodesRound({
      self: name,
      runTag: RUN_TAG,
      round,
      node: {
        id: NODES[node]!,
        voices,
        get mates() {
          return line().filter((other) => other !== name);
        },
        newcomers: [],
        isAtBetween: (cycle) => this.isThere && cycle === 0,
        speaksNow: () => line()[0] === name,
        isFirst: () => line()[0] === name,
      },
    });
  }

  #head(round: number): Head {
    return { term: 1, round, fingerprint: this.replica.between.fingerprint };
  }

  get reach(): Reach {
    const others = this.#grid.living.filter((tab) => tab !== this).map((tab) => tab.name);
    return {
      alive: new Set(others),
      linked: new Set(others),
      gone: new Set(this.#grid.gone),
      beyondCount: 0,
    };
  }

  learn(): void {
    const { inside } = this.replica;
    const step = lesson(this.node, this.round.head.round);
    inside.trained(inside.weights().map((value, i) => value + step[i]!));
    const encoded = inside.formUpdate();
    inside.commit([{ author: 'all', sampleCount: 32, encoded }], 'counted');
  }

  advance(nowMs: number): void {
    const { term, round, fingerprint } = this.round.head;
    if (this.round.maySpeak) {
      const numbers = { sampleCount: 32, stepCount: 1, trainMs: 1, loss: 1, anchor: fingerprint };
      const body = {
        author: NODES[this.node]!,
        ...numbers,
        slice: NO_SLICE,
        encoded: this.replica.formUpdate(),
      };
      const frame = { kind: 'update' as const, runTag: RUN_TAG, term, round, ...body };
      this.round.addOwn({ ...body, crc: frameCrc(encodeFrame(frame)) }, nowMs);
    }
    const base = { runTag: RUN_TAG, term, round };
    for (;;) {
      const decision = this.round.decide(this.reach, nowMs);
      if (decision === null) return;
      for (const { to, frame } of wordsFor(decision, this.name, base, fingerprint))
        for (const peer of to === 'all' ? this.#grid.names : [to]) this.#grid.say(this, peer, frame);
      if (!this.isAlive) return;
      if (decision.kind === 'close') {
        const own = decision.updates.find(({ author }) => author === decision.node) ?? null;
        this.#grid.closed.push({ tab: this, authors: decision.updates.map(({ author }) => author) });
        this.replica.commit(decision.updates, own);
        this.round.advance(this.#head(round + 1), decision, nowMs);
        return;
      }
      if (decision.kind === 'resync') throw new Error('nobody of them is on another anchor');
      if (decision.kind === 'pull' || decision.kind === 'elect') return;
    }
  }

  take(from: VolunteerId, frame: Frame, nowMs: number): void {
    if (frame.kind === 'update') this.round.addUpdate(from, frame, nowMs);
    else if (frame.kind === 'commit') this.round.addCommit(from, frame);
    else if (frame.kind === 'yield') this.round.yielded(from, frame);
    else if (frame.kind === 'pull') {
      const held = this.round.held(frame.round, frame.author);
      const { runTag, term, round } = frame;
      if (held !== undefined) this.#grid.say(this, from, { ...held, kind: 'update', runTag, term, round });
    } else if (frame.kind === 'take-over') {
      const answer = this.round.askedToYield(from, frame, nowMs);
      const { runTag, term, round } = frame;
      if (answer !== null && 'commit' in answer)
        this.#grid.say(this, from, { ...answer.commit, kind: 'commit', runTag, term, round });
      else if (answer !== null)
        this.#grid.say(this, from, { kind: 'yield', runTag, term, round, ballot: answer.ballot });
    }
  }
}

class Grid {
  readonly names: VolunteerId[] = NODES.flatMap((_, node) =>
    Array.from({ length: TABS_OF_A_NODE }, (__, i) => id('vol', 1 + TABS_OF_A_NODE * node + i)),
  );
  readonly founder: VolunteerId | null;
  readonly tabs: Tab[];
  readonly closed: { readonly tab: Tab; readonly authors: readonly VolunteerId[] }[] = [];
  /** Words from one node to another. */
  readonly crossed: OutgoingFrame[] = [];
  saidCount = 0;
  /** The speaker of this word dies with it: it is not heard. */
  lastWord = Infinity;
  nowMs = 0;

  /** @param founder who had a replica first, and the others came to it; null: all are members of one commit */
  constructor(founder: VolunteerId | null = null) {
    this.founder = founder;
    this.tabs = this.names.map((name, i) => new Tab(this, name, Math.floor(i / TABS_OF_A_NODE)));
  }
  get living(): Tab[] {
    return this.tabs?.filter((tab) => tab.isAlive) ?? [];
  }
  get gone(): VolunteerId[] {
    return this.tabs.filter((tab) => !tab.isAlive).map(({ name }) => name);
  }
  nodeOf(name: VolunteerId): number | null {
    const at = this.names.indexOf(name);
    return at === -1 ? null : Math.floor(at / TABS_OF_A_NODE);
  }
  say(from: Tab, to: VolunteerId, frame: OutgoingFrame): void {
    const tab = this.tabs.find(({ name }) => name === to);
    if (!from.isAlive || tab === undefined || tab === from) return;
    if (++this.saidCount === this.lastWord) {
      from.isAlive = false;
      return;
    }
    if (tab.node !== from.node) this.crossed.push(frame);
    tab.inbox.push({ from: from.name, frame });
  }

  /** Until nobody has anything to say; then time passes. */
  play(untilMs: number): void {
    const isDone = () => this.living.every((tab) => tab.round.head.round === 1);
    while (this.nowMs < untilMs && !isDone()) {
      for (let isBusy = true; isBusy && this.nowMs < untilMs;) {
        isBusy = false;
        for (const tab of this.living) {
          const before = this.saidCount + this.closed.length;
          for (const { from, frame } of tab.inbox.splice(0)) {
            const crc = frame.kind === 'update' ? { crc: frameCrc(encodeFrame(frame)) } : {};
            tab.take(from, { ...frame, ...crc } as Frame, this.nowMs);
          }
          if (tab.isAlive) tab.advance(this.nowMs);
          isBusy ||= this.saidCount + this.closed.length > before || tab.inbox.length > 0;
        }
        this.nowMs += 2;
      }
      this.nowMs += 500;
    }
  }
}

describe('a round between nodes', () => {
  it('[N3] crosses from node to node once for each pair of nodes, and every tab applies all of it', () => {
    const grid = new Grid();
    for (const tab of grid.tabs) tab.learn();
    grid.play(400);
    expect(grid.closed).toHaveLength(grid.tabs.length);
    for (const { authors } of grid.closed) expect(authors).toEqual(NODES);
    const updates = grid.crossed.filter(({ kind }) => kind === 'update');
    expect(updates).toHaveLength(NODES.length * (NODES.length - 1));
    expect(new Set(grid.tabs.map(({ replica }) => replica.between.fingerprint)).size).toBe(1);
  });

  it('[N4] whoever dies with whatever word: nothing that its node learned is lost or counted twice', () => {
    let wordCount = Infinity;
    for (let lastWord = 1; lastWord <= wordCount; lastWord++) {
      const grid = new Grid();
      grid.lastWord = lastWord;
      for (const tab of grid.tabs) tab.learn();
      const learned = NODES.map((_, node) => {
        const { inside, between } = grid.tabs[node * TABS_OF_A_NODE]!.replica;
        return inside.anchor.map((value, i) => value - between.anchor[i]!);
      });
      grid.play(90_000);
      wordCount = grid.saidCount < lastWord ? 0 : wordCount;
      const { living } = grid;
      // Everybody who lives has closed the round, on one anchor; mates owe the same.
      for (const tab of living) expect(tab.round.head.round).toBe(1);
      expect(new Set(living.map(({ replica }) => replica.between.fingerprint)).size).toBe(1);
      for (const [node, what] of learned.entries()) {
        const mates = living.filter((tab) => tab.node === node);
        expect(new Set(mates.map(({ replica }) => replica.insideFingerprint)).size).toBe(1);
        const { tab, authors } = grid.closed.find((each) => each.tab === mates[0])!;
        const isCounted = authors.includes(NODES[node]!);
        const held = tab.round.held(0, NODES[node]!);
        const counted = isCounted ? decodeUpdate(held!.encoded) : new Float32Array(COUNT);
        const missing = what.map((value, i) => value - counted[i]! - tab.replica.owed[i]!);
        expect(norm(missing)).toBeLessThan(1e-6);
      }
    }
  });

  it('[N3] a round is decided at once, and applied where the node stands between two rounds of its own', () => {
    const grid = new Grid();
    for (const tab of grid.tabs) tab.learn();
    const late = grid.tabs.filter((tab) => tab.node === 2);
    for (const tab of late) tab.isThere = false;
    grid.play(10_000);
    expect(grid.closed.map(({ tab }) => tab.node)).not.toContain(2);
    for (const { authors } of grid.closed) expect(authors).toEqual(NODES.slice(0, 2));
    // [N5] The others are through: it should not keep them waiting in the next one.
    for (const tab of late) expect(tab.round.isDue).toBe(true);
    for (const tab of late) tab.isThere = true;
    grid.play(10_600);
    for (const tab of late) {
      expect(tab.round.head.round).toBe(1);
      expect(norm(tab.replica.owed)).toBeGreaterThan(0);
    }
    expect(new Set(grid.tabs.map(({ replica }) => replica.between.fingerprint)).size).toBe(1);
  });

  it('[N4] who began the run waits for nodes that came since: none of them owes its first cycle', () => {
    const grid = new Grid(id('vol', 1));
    for (const tab of grid.tabs) tab.learn();
    const others = grid.tabs.filter((tab) => tab.node !== 0);
    for (const tab of others) tab.isThere = false;
    grid.play(2_000);
    expect(grid.closed).toHaveLength(0);
    for (const tab of others) tab.isThere = true;
    grid.play(4_000);
    expect(grid.closed).toHaveLength(grid.tabs.length);
    for (const { authors } of grid.closed) expect(authors).toEqual(NODES);
  });

  it('[N4] two tabs of a node may have spoken for it, and neither is struck for that', () => {
    const grid = new Grid();
    const [a, b] = grid.tabs.filter((tab) => tab.node === 0) as [Tab, Tab];
    const [hearer] = grid.tabs.filter((tab) => tab.node === 1) as [Tab];
    a.learn();
    const said = (tab: Tab, sampleCount: number): Frame => {
      const { fingerprint: anchor } = tab.round.head;
      const numbers = { sampleCount, stepCount: 1, trainMs: 1, loss: 1, anchor, slice: NO_SLICE };
      const encoded = tab.replica.formUpdate();
      const body = { author: NODES[0]!, ...numbers, encoded };
      const frame = { kind: 'update' as const, runTag: RUN_TAG, term: 1, round: 0, ...body };
      return { ...frame, crc: frameCrc(encodeFrame(frame)) };
    };
    const [one, two] = [said(a, 32), said(b, 64)];
    expect(hearer.round.addUpdate(a.name, one as Frame & { kind: 'update' }, 0)).toBeNull();
    expect(hearer.round.addUpdate(b.name, two as Frame & { kind: 'update' }, 0)).toBe('duplicate');
    const [stranger] = grid.tabs.filter((tab) => tab.node === 2) as [Tab];
    expect(hearer.round.addUpdate(stranger.name, one as Frame & { kind: 'update' }, 0)).toBe('not-author');
  });
});
