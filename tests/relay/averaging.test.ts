/**
 * A central run over a real coordinator: its averaging thread, ledger, relay and sockets. The tabs are the production
 * channels and replica, spoken for by hand; nothing trains, what they learn is a number.
 */
import { chunkCount, decodeState, encodeState, Replica } from '@murmuration/codec';
import {
  encodeFrame,
  frameCrc,
  serverIdOf,
  type DecisionView,
  type Frame,
  type FrameKind,
  type FrameOf,
  type Head,
  type RunManifest,
  type VolunteerId,
} from '@murmuration/protocol';
import { ChannelTransport, MESH_TICK_MS, type MeshEvent } from '@murmuration/mesh';
import { framesOfRun, runTagOf } from '@murmuration/swarm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { TestCoordinator, type TestSocket } from '../../coordinator/testing/grid.ts';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const NOTHING = { localSteps: 0, samples: 0, rounds: 0, bytesSentPeers: 0, bytesReceivedPeers: 0 };

class Tab {
  readonly #coordinator: () => TestCoordinator;
  #control!: TestSocket;
  #mesh!: ChannelTransport;
  #beat: NodeJS.Timeout | undefined;
  readonly events: MeshEvent[] = [];
  #waiting: (() => void)[] = [];
  id!: VolunteerId;
  #secret = '';
  run!: RunManifest;
  replica!: Replica;
  head: Head | null = null;

  constructor(coordinator: () => TestCoordinator) {
    this.#coordinator = coordinator;
  }

  get #server(): VolunteerId {
    return serverIdOf(this.run.id);
  }

  /** Says hello, with what it holds; its only peer is the server, through the coordinator. */
  async enter(): Promise<void> {
    this.#control = this.#coordinator().open();
    const resume = this.#secret === '' ? {} : { resume: { volunteerId: this.id, secret: this.#secret } };
    const head = this.head === null ? {} : { head: { runId: this.run.id, head: this.head } };
    await this.#control.hello({ ...resume, ...head });
    const { volunteerId, secret, signalToken: token } = await this.#control.next('welcome');
    this.id = volunteerId;
    this.#secret = secret;
    this.run = (await this.#control.next('assignment')).run!;
    await this.#control.say({ type: 'ready', runId: this.run.id });
    const introduction = await this.#control.next('introduce');
    expect(introduction.peers).toEqual([this.#server]);
    expect(introduction.viaCoordinator).toEqual([this.#server]);
    this.#mesh = new ChannelTransport({
      emit: (event) => {
        this.events.push(event);
        for (const wake of this.#waiting.splice(0)) wake();
      },
      toPage: () => {},
      connectRelay: (ticket) => {
        const query = new URLSearchParams({ ...ticket });
        const { url } = this.#coordinator();
        return new WebSocket(`${url.replace('http', 'ws')}/ws/relay?${query}`, { origin: url }) as never;
      },
      nowMs: () => performance.now(),
      random: () => Math.random(),
    });
    this.#mesh.setRun(framesOfRun(this.run));
    this.#mesh.welcome({ id: this.id, token });
    this.#mesh.hold([this.#server], [this.#server]);
    this.#beat = setInterval(() => this.#mesh.tick(), MESH_TICK_MS);
    while (!this.events.some(({ kind }) => kind === 'peer-open')) await this.#event();
    if (this.head !== null) this.#hello();
  }

  leave(): void {
    clearInterval(this.#beat);
    this.#mesh.hold([], []);
    this.#control.ws.terminate();
    this.events.length = 0;
  }

  /** The first frame of this kind that fits and was not taken before. */
  async next<K extends FrameKind>(
    kind: K,
    fits: (frame: FrameOf<K>) => boolean = () => true,
  ): Promise<FrameOf<K>> {
    for (;;) {
      const at = this.events.findIndex(
        (event) =>
          event.kind === 'peer-frame' && event.frame.kind === kind && fits(event.frame as FrameOf<K>),
      );
      if (at >= 0) return (this.events.splice(at, 1)[0] as unknown as { frame: FrameOf<K> }).frame;
      await this.#event();
    }
  }

  /** Takes the state from the server. */
  async join(): Promise<void> {
    const { parameterCount, training } = this.run;
    const { term, round } = await this.next('hello', ({ hasReplica }) => hasReplica);
    const chunks: Uint8Array[] = [];
    let anchor = '';
    for (let chunk = 0; chunk < chunkCount(parameterCount); chunk++) {
      this.#say({ kind: 'state-request', term, round, chunk });
      const state = await this.next('state', (frame) => frame.chunk === chunk);
      chunks.push(state.bytes.slice());
      ({ anchor } = state);
    }
    this.replica = new Replica({
      parameterCount,
      scheme: 'int8',
      outerLearningRate: training.outerLearningRate,
    });
    this.replica.load(decodeState(chunks, parameterCount).anchor);
    expect(this.replica.fingerprint).toBe(anchor);
    this.head = { term, round, fingerprint: anchor };
    this.#hello();
    await this.#report();
  }

  /** Sends what it has learned since the anchor. */
  learn(value: number): void {
    const { term, round, fingerprint: anchor } = this.head!;
    const weights = this.replica.anchor.map((weight, i) => weight + value * Math.sin(i));
    const encoded = this.replica.formUpdate(weights);
    const numbers = { author: this.id, sampleCount: 40, stepCount: 5, trainMs: 50, loss: 1 };
    this.#say({ kind: 'update', term, round, ...numbers, anchor, slice: new Uint8Array(0), encoded });
  }

  /** Applies what closes the round. True: our update is in it. */
  async commit(): Promise<boolean> {
    const { term, round, fingerprint: anchor } = this.head!;
    const update = await this.next('update', (frame) => frame.round === round);
    const commit = await this.next('commit', (frame) => frame.round === round);
    expect([update.author, commit.leader, commit.anchor]).toEqual([this.#server, this.#server, anchor]);
    expect(commit.included).toContainEqual({ author: this.#server, crc: frameCrc(encodeFrame(update)) });
    const isCounted = commit.included.some(({ author }) => author === this.id);
    this.replica.commit([update], isCounted ? 'counted' : 'uncounted');
    this.head = { term, round: round + 1, fingerprint: this.replica.fingerprint };
    await this.#report();
    return isCounted;
  }

  /** From now on it gives a server what that asks for; which tab is asked for which chunk is the server's choice. */
  async give(): Promise<never> {
    const { parameterCount } = this.run;
    const { term, round, fingerprint: anchor } = this.head!;
    const secondMoment = new Float32Array(parameterCount);
    const chunks = encodeState({ anchor: this.replica.anchor, secondMoment, stepCount: 0 });
    for (;;) {
      const { chunk } = await this.next('state-request');
      this.#say({ kind: 'state', term, round, anchor, chunk, bytes: chunks[chunk]! });
    }
  }

  #hello(): void {
    const { term, round, fingerprint: anchor } = this.head!;
    this.#say({ kind: 'hello', term, round, hasReplica: true, wantsUpdates: false, anchor });
  }

  #say(frame: object): void {
    const whole = { runTag: runTagOf(this.run.id), term: 0, round: 0, ...frame } as Frame;
    this.#mesh.send(this.#server, whole);
  }

  #report(): Promise<void> {
    const none = { links: 0, bytesSent: 0, bytesReceived: 0 };
    const routes = { direct: none, relayed: none, coordinator: none };
    const others = { bytesSentState: 0, bytesSentCoordinator: 0, bytesReceivedCoordinator: 0 };
    const counts = { peersNow: 1, peersMax: 1, rejectedFrames: 0, trainMs: 0 };
    return this.#control.say({
      type: 'report',
      runId: this.run.id,
      head: this.head,
      loss: 1,
      stepsPerSecond: 1,
      state: 'training',
      totals: { ...NOTHING, ...others, ...counts, routes },
    });
  }

  #event(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

describe('a central run over real sockets', () => {
  let coordinator: TestCoordinator;
  const tabs = [new Tab(() => coordinator), new Tab(() => coordinator)];

  beforeAll(async () => {
    coordinator = await TestCoordinator.start({ listen: true });
    const run = await coordinator.createRun({ architecture: 'central' });
    expect(run.manifest.training.architecture).toBe('central');
  });
  afterAll(async () => {
    for (const tab of tabs) tab.leave();
    await coordinator.stop();
  });

  it('[S3] the server founds, and newcomers take the state from it', async () => {
    for (const tab of tabs) {
      await tab.enter();
      await tab.join();
    }
    expect(tabs[0]!.head).toEqual(tabs[1]!.head);
    expect(tabs[0]!.head).toMatchObject({ term: 1, round: 0 });
  });

  it('[S1] [S2] both are answered with one update, and stand on the same bits round after round', async () => {
    for (let round = 0; round < 4; round++) {
      for (const [i, tab] of tabs.entries()) tab.learn(0.01 * (1 + i));
      expect(await Promise.all(tabs.map((tab) => tab.commit()))).toEqual([true, true]);
      expect(tabs[0]!.head).toEqual(tabs[1]!.head);
    }
    expect(coordinator.built.relay.memberCount).toBe(3);
  });

  it('[C4] the run says to what its server’s grace has come, and why', async () => {
    const decisions = async () =>
      (await coordinator.inject(`/api/runs/${tabs[0]!.run.id}/decisions`)).json<DecisionView[]>();
    await expect.poll(decisions, { timeout: 60_000 }).toMatchObject([
      {
        volunteerId: null,
        what: 'grace',
        from: 5_000,
        because: { usualMs: expect.any(Number), deviationMs: expect.any(Number) },
      },
    ]);
  });

  it('[S3] killed and started again, the coordinator’s server takes the state from the tabs, and goes on', async () => {
    for (const tab of tabs) tab.leave();
    const { directory } = coordinator;
    await coordinator.stop({ keepData: true });
    coordinator = await TestCoordinator.start({ listen: true, directory });
    for (const tab of tabs) await tab.enter();
    const stood = tabs[0]!.head!;
    for (const tab of tabs) void tab.give();
    const back = await tabs[0]!.next('hello', ({ hasReplica }) => hasReplica);
    expect(back).toMatchObject({ term: stood.term, round: stood.round, anchor: stood.fingerprint });
    for (const tab of tabs) tab.learn(0.01);
    expect(await Promise.all(tabs.map((tab) => tab.commit()))).toEqual([true, true]);
    expect(tabs[0]!.head).toEqual(tabs[1]!.head);
  });
});

describe('a central run is refused', () => {
  const asked = async (settings: object, training: Record<string, unknown> = { architecture: 'central' }) => {
    const coordinator = await TestCoordinator.start({ settings });
    try {
      return await coordinator.createRun(training);
    } finally {
      await coordinator.stop();
    }
  };

  it('where its server would not fit into memory, with what it needs and what there is', async () => {
    const answer: unknown = await asked({ averaging: { memoryMaxBytes: 1024 * 1024 } });
    expect(answer).toMatchObject({ code: 'bad-field', field: 'training.architecture' });
    expect((answer as { message: string }).message).toMatch(/may take \d+ MiB, and 1 MiB of --averaging-mib/);
  });

  it.each([
    [{ schedule: 'asynchronous' }, 'training.schedule', /needs architecture: central; without a server/],
    [{ schedule: 'asynchronous', architecture: 'decentralised' }, 'training.schedule', /central/],
    [{ architecture: 'central', maxStaleness: 4 }, 'training.maxStaleness', /belongs to schedule: asynch/],
  ])('[A] where its words contradict each other: %j', async (training, field, message) => {
    const answer: unknown = await asked({}, training);
    expect(answer).toMatchObject({ code: 'bad-field', field });
    expect((answer as { message: string }).message).toMatch(message);
  });

  it('where the relay is off, because tabs would have no way to it', async () => {
    const relay = { volunteerBytesPerSecond: 0, totalBytesPerSecond: 0 };
    const limits = { volunteerInFlightMaxBytes: 1, totalInFlightMaxBytes: 1 };
    const off = { relay: { ...relay, ...limits } };
    expect(await asked(off)).toMatchObject({ code: 'bad-field', field: 'training.architecture' });
    // [T6] A hybrid run too; one among peers alone needs no relay.
    const answer = (await asked(off, { architecture: 'hybrid' })) as unknown as { message: string };
    expect(answer).toMatchObject({ code: 'bad-field', field: 'training.architecture' });
    expect(answer.message).toMatch(/^a hybrid run needs the relay/);
    expect(await asked(off, { architecture: 'decentralised' })).toMatchObject({ state: 'waiting' });
  });
});
