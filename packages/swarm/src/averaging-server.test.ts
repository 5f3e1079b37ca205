/** The server's mind and its real numbers, with tabs that are spoken for by hand. */
import { decodeUpdate, encodeUpdate, norm, parametersToBytes, Replica } from '@murmuration/codec';
import {
  encodeFrame,
  fnv1a32,
  frameCrc,
  serverIdOf,
  type Decision,
  type Frame,
  type FrameOf,
  type Head,
  type OutgoingFrame,
  type VolunteerId,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Averager } from './averager.ts';
import { AveragingServer, type ServerEffect, type ServerEvent } from './averaging-server.ts';
import { id, manifest } from './test-life.ts';

const run = { ...manifest, training: { ...manifest.training, architecture: 'central' as const } };
const { parameterCount: COUNT } = run;
const [a, b, c] = [11, 12, 13].map((n) => id('vol', n) as VolunteerId) as [
  VolunteerId,
  VolunteerId,
  VolunteerId,
];
const checkpointSha256 = 'd'.repeat(64);
const first = Float32Array.from({ length: COUNT }, (_, i) => i / 10);

type Untagged = { [K in Frame['kind']]: Omit<FrameOf<K>, 'runTag'> }[Frame['kind']];

class Grid {
  readonly server = new AveragingServer(run);
  readonly averager = new Averager(run);
  readonly said: { readonly to: VolunteerId; readonly frame: OutgoingFrame }[] = [];
  readonly heads: (Head | null)[] = [];
  readonly links: (readonly VolunteerId[])[] = [];
  readonly dropped: VolunteerId[] = [];
  readonly decisions: Decision[] = [];
  strandings = 0;
  nowMs = 0;

  happen(event: ServerEvent): void {
    for (const effect of this.server.handle(event, this.nowMs)) this.#carryOut(effect);
  }
  found(term = 1, round = 0): void {
    this.hear({ type: 'run-state', runId: run.id, state: 'training', reason: '' });
    this.hear({ type: 'found', runId: run.id, term, round, checkpointSha256 });
  }
  hear(message: Extract<ServerEvent, { kind: 'coordinator-message' }>['message']): void {
    this.happen({ kind: 'coordinator-message', message });
  }
  /** A tab that stands where the server does. */
  enter(...tabs: VolunteerId[]): void {
    for (const peer of tabs) {
      this.happen({ kind: 'peer-open', peer });
      this.hello(peer, this.server.head!);
    }
  }
  hello(peer: VolunteerId, { term, round, fingerprint: anchor }: Head): void {
    this.frame(peer, { kind: 'hello', term, round, hasReplica: true, wantsUpdates: false, anchor });
  }
  frame(peer: VolunteerId, frame: Untagged): void {
    this.happen({ kind: 'peer-frame', peer, frame: { runTag: fnv1a32(run.id), ...frame } as Frame });
  }
  update(peer: VolunteerId, value: number, changes: Partial<FrameOf<'update'>> = {}): void {
    const { term, round, fingerprint: anchor } = this.server.head!;
    const encoded = encodeUpdate('int8', new Float32Array(COUNT).fill(value));
    const numbers = { sampleCount: 64, stepCount: 2, trainMs: 20, loss: value };
    const slice = new Uint8Array(0);
    const frame = { kind: 'update' as const, term, round, author: peer, ...numbers, anchor, slice, encoded };
    const crc = frameCrc(encodeFrame({ runTag: 0, ...frame, ...changes }));
    this.frame(peer, { ...frame, crc, ...changes });
  }
  to(peer: VolunteerId, kind: Frame['kind']) {
    return this.said.filter(({ to, frame }) => to === peer && frame.kind === kind).map(({ frame }) => frame);
  }
  lastTo<K extends 'update' | 'commit' | 'hello'>(peer: VolunteerId, kind: K): FrameOf<K> {
    return this.to(peer, kind).at(-1) as FrameOf<K>;
  }

  #carryOut(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send':
        this.said.push({ to: effect.peer, frame: effect.frame });
        return;
      case 'average':
        return this.happen(this.averager.execute(effect.ticket, effect.command));
      case 'fetch-blob':
        return this.happen({
          kind: 'blob-fetched',
          sha256: effect.sha256,
          bytes: parametersToBytes(first),
        });
      case 'stand':
        this.heads.push(effect.head);
        return;
      case 'stranded':
        this.strandings += 1;
        return;
      case 'decided':
        this.decisions.push(...effect.decisions);
        return;
      case 'hold-links':
        this.links.push(effect.peers);
        return;
      case 'drop-link':
        this.dropped.push(effect.peer);
        return;
      default:
        effect satisfies never;
    }
  }
}
const begun = (...tabs: VolunteerId[]) => {
  const grid = new Grid();
  grid.found();
  grid.enter(...tabs);
  return grid;
};

describe('an averaging server', () => {
  it('has the run’s own characters as its id, founds when it is told to, and says where it stands', () => {
    const grid = begun(a);
    expect(grid.server.id).toBe(serverIdOf(run.id));
    expect(grid.heads.at(-1)).toMatchObject({ term: 1, round: 0 });
    expect(grid.lastTo(a, 'hello')).toMatchObject({ hasReplica: true, term: 1, round: 0 });
  });

  it('holds links with those that it is introduced to', () => {
    const grid = begun();
    const introduction = { plane: 0, planeCount: 1, peers: [a, b], viaCoordinator: [a, b] };
    grid.hear({ type: 'introduce', runId: run.id, ...introduction });
    expect(grid.links).toEqual([[a, b]]);
  });

  it('[S1] [S2] answers everybody with one update; who applies it stands where the server does', () => {
    const grid = begun(a, b, c);
    grid.update(a, 0.1);
    grid.update(b, 0.2);
    expect(grid.to(a, 'update')).toEqual([]);
    grid.update(c, 0.3);
    const answer = grid.lastTo(a, 'update');
    expect(grid.lastTo(b, 'update')).toBe(answer);
    expect(answer).toMatchObject({ author: grid.server.id, sampleCount: 192, round: 0 });
    expect(answer.loss).toBeCloseTo(0.2);
    // Clipped to the median norm, and three agree: the root of 3 times their mean.
    expect(decodeUpdate(answer.encoded)[0]).toBeCloseTo(Math.sqrt(3) * ((0.1 + 0.2 + 0.2) / 3), 2);
    const tab = new Replica({ parameterCount: COUNT, scheme: 'int8', outerLearningRate: 1 });
    tab.load(first);
    tab.commit([answer], 'uncounted');
    expect(tab.fingerprint).toBe(grid.server.head!.fingerprint);
    expect(grid.server.head).toMatchObject({ round: 1 });
  });

  it('[R3] waits for half of the tabs and a grace, and tells each whether its own was counted [R11]', () => {
    const grid = begun(a, b);
    grid.update(a, 0.1);
    grid.nowMs = grid.server.nextDeadlineMs();
    expect(grid.nowMs).toBeLessThan(6_000);
    grid.happen({ kind: 'tick' });
    expect(grid.server.head!.round).toBe(1);
    const authorsTold = (peer: VolunteerId) =>
      grid.lastTo(peer, 'commit').included.map(({ author }) => author);
    expect(authorsTold(a)).toEqual([grid.server.id, a].sort());
    expect(authorsTold(b)).toEqual([grid.server.id]);
    const { crc } = grid.lastTo(a, 'commit').included.find(({ author }) => author === grid.server.id)!;
    expect(crc).toBe(frameCrc(encodeFrame(grid.lastTo(a, 'update'))));
  });

  it('[R2] a late update, one of another anchor, a second one and somebody else’s change nothing', () => {
    const grid = begun(a, b);
    grid.update(a, 0.1);
    grid.update(a, 0.1);
    grid.update(a, 0.2);
    grid.update(b, 0.1, { anchor: 'f'.repeat(16) });
    grid.update(b, 0.1, { author: c });
    grid.update(b, 0.1, { round: 7 });
    expect(Object.fromEntries(grid.server.counts)).toMatchObject({
      duplicate: 1,
      equivocation: 1,
      'other-anchor': 1,
      'not-author': 1,
      'future-round': 1,
    });
    expect(grid.server.head!.round).toBe(0);
    grid.update(b, 0.1);
    grid.update(a, 0.1, { round: 0 });
    expect(grid.server.counts.get('old-round') ?? grid.server.counts.get('other-anchor')).toBeGreaterThan(0);
    expect(grid.server.head!.round).toBe(1);
  });

  it('[S1] nobody else closes a round; [P6] who says two things three times loses its link', () => {
    const grid = begun(a, b);
    grid.frame(a, { kind: 'take-over', term: 1, round: 0, ballot: 3 });
    expect(grid.server.counts.get('not-leader')).toBe(1);
    grid.update(a, 0.1);
    for (const value of [0.2, 0.3, 0.4]) grid.update(a, value);
    expect(grid.dropped).toEqual([a]);
    grid.happen({ kind: 'peer-open', peer: a });
    expect(grid.dropped).toEqual([a, a]);
  });

  it('[S4] a tab that was away gets what closed the rounds since, and whether its update was in', () => {
    const grid = begun(a, b);
    const stood = grid.server.head!;
    for (let n = 0; n < 3; n++) {
      grid.update(a, 0.1);
      grid.update(b, 0.1);
    }
    grid.said.length = 0;
    grid.happen({ kind: 'peer-closed', peer: b, reason: 'silent' });
    grid.happen({ kind: 'peer-open', peer: b });
    grid.hello(b, stood);
    expect(grid.to(b, 'update').map(({ round }) => round)).toEqual([0, 1, 2]);
    expect(grid.lastTo(b, 'commit').included).toHaveLength(2);
    // From nowhere that it knows, it brings nobody forward.
    grid.said.length = 0;
    grid.hello(b, { ...stood, fingerprint: 'e'.repeat(16) });
    expect(grid.to(b, 'update')).toEqual([]);
  });

  it('[S3] told to join, it fetches the state from the tabs, and goes on from there', () => {
    const donor = begun(a);
    donor.update(a, 0.1);
    const head = donor.server.head!;
    const captured = donor.averager.execute(1, { kind: 'capture' });
    const grid = new Grid();
    grid.hear({ type: 'run-state', runId: run.id, state: 'training', reason: '' });
    grid.hear({ type: 'join', runId: run.id, term: 1 });
    grid.happen({ kind: 'peer-open', peer: a });
    grid.hello(a, head);
    expect(grid.to(a, 'state-request')).toHaveLength(1);
    const bytes = captured.kind === 'captured' ? captured.chunks[0]! : new Uint8Array(0);
    const { term, round, fingerprint: anchor } = head;
    grid.frame(a, { kind: 'state', term, round, anchor, chunk: 0, bytes });
    expect(grid.server.head).toEqual(head);
    expect(grid.lastTo(a, 'hello')).toMatchObject({ hasReplica: true, round: 1, anchor });
    grid.update(a, 0.1);
    expect(grid.server.head!.round).toBe(2);
  });

  it('[C4] [R17] says to what its grace and its rounds have come, and why', () => {
    const grid = begun(a, b);
    for (let n = 0; n < 6; n++) {
      grid.nowMs += 1_000;
      grid.update(a, 0.1);
      grid.nowMs += 40;
      grid.update(b, 0.1);
    }
    expect(grid.decisions).toEqual([
      { round: 3, what: 'grace', from: 5_000, to: 255, because: { usualMs: 1_020, deviationMs: 20 } },
      {
        round: 5,
        what: 'round-steps',
        from: 2,
        to: 16,
        because: { exchangeMs: 1_040, trainMs: 20, leaving: 0 },
      },
    ]);
    expect(grid.to(a, 'commit').map((commit) => (commit as FrameOf<'commit'>).stretch)).toEqual([
      1, 1, 1, 1, 8, 8,
    ]);
  });

  it('[S3] if most tabs are beyond it, it fetches the state again; one liar cannot make it', () => {
    const grid = begun(a, b, c);
    grid.hello(a, { term: 1, round: 9, fingerprint: 'a'.repeat(16) });
    expect(grid.server.head).not.toBeNull();
    grid.hello(b, { term: 1, round: 9, fingerprint: 'a'.repeat(16) });
    expect(grid.server.head).toBeNull();
    expect(grid.heads.at(-1)).toBeNull();
  });

  it('[S5] closes no round with fewer tabs than the run’s minimum, nor while the run is paused', () => {
    const grid = begun(a);
    grid.hear({ type: 'run-state', runId: run.id, state: 'paused', reason: '' });
    grid.update(a, 0.1);
    expect(grid.server.head!.round).toBe(0);
    grid.hear({ type: 'run-state', runId: run.id, state: 'training', reason: '' });
    expect(grid.server.head!.round).toBe(1);
  });

  it('[R10] a hostile update is worth no more than anybody’s, and one against all others nothing', () => {
    const four = [a, b, c, id('vol', 14) as VolunteerId];
    const honest = begun(...four);
    const attacked = begun(...four);
    for (const tab of four) honest.update(tab, 0.1);
    for (const tab of four) attacked.update(tab, tab === c ? -1_000 : 0.1 + four.indexOf(tab) / 1_000);
    const move = (grid: Grid) => norm(grid.averager.replica.anchor.map((value, i) => value - first[i]!));
    expect(move(attacked)).toBeGreaterThan(0.9 * move(honest));
    expect(move(attacked)).toBeLessThan(1.1 * move(honest));
  });

  it('[S2] what cannot be combined is not counted; the round is closed all the same', () => {
    const four = [a, b, c, id('vol', 14) as VolunteerId];
    const grid = begun(...four);
    for (const [n, tab] of four.entries()) {
      const encoded = encodeUpdate('int8', new Float32Array(COUNT).fill((1.1 + n / 100) * 1e32));
      grid.update(tab, 0.1, { encoded, crc: n });
    }
    expect(grid.server.counts.get('averager: not-finite')).toBe(1);
    expect(grid.lastTo(a, 'commit').included.map(({ author }) => author)).toEqual([grid.server.id]);
    expect(grid.server.head!.round).toBe(1);
    expect([...grid.averager.replica.anchor]).toEqual([...first]);
  });
});
