/**
 * A crowd of volunteers without tabs, for loading a server: sockets that speak the coordinator's words at the pace that it
 * asks for, and a stopwatch on every wish for a lease. Against a server that only echoes, the same sockets say the same
 * words as often. Nothing is trained: a lease is answered with its result at once, which is more than tabs would ask.
 */
import {
  NO_ROUTES,
  PROTOCOL_VERSION,
  type CoordinatorMessage,
  type VolunteerMessage,
} from '@murmuration/protocol';
import { WebSocket } from 'ws';

/** A coordinator allows so many requests a second from one address, and a loopback has millions of addresses. */
const SOCKETS_PER_ADDRESS = 250;
/** Sockets on their way at the same time. */
const OPENING_MAX = 100;
const TICK_MS = 50;
const ADAPTER = {
  backend: 'webgpu',
  vendor: 'bench',
  architecture: 'crowd',
  description: '',
  isFallbackAdapter: true,
} as const;
const NO_TOTALS = {
  localSteps: 0,
  samples: 0,
  rounds: 0,
  peersNow: 0,
  peersMax: 0,
  bytesSentPeers: 0,
  bytesReceivedPeers: 0,
  bytesSentState: 0,
  routes: NO_ROUTES,
  bytesSentCoordinator: 0,
  bytesReceivedCoordinator: 0,
  rejectedFrames: 0,
  trainMs: 0,
} as const;

export interface CrowdOptions {
  readonly url: string;
  readonly count: number;
  readonly runId: string;
  /** Between two reports of one volunteer, and between two wishes for a lease. */
  readonly everyMs: number;
  /** 'echo': the server says back what it hears. */
  readonly server: 'coordinator' | 'echo';
}

interface Member {
  readonly socket: WebSocket;
  reportAtMs: number;
  leaseAtMs: number;
  askedAtMs: number | null;
}

export interface CrowdCounts {
  readonly sent: number;
  readonly received: number;
  readonly receivedBytes: number;
  readonly leases: number;
  /** Milliseconds from each wish for a lease to its answer, in order of arrival. */
  readonly latenciesMs: readonly number[];
}

export class Crowd {
  readonly #options: CrowdOptions;
  readonly #members: Member[] = [];
  #timer: ReturnType<typeof setInterval> | null = null;
  #head = { term: 1, round: 0, fingerprint: 'f'.repeat(16) };
  #sent = 0;
  #received = 0;
  #receivedBytes = 0;
  #leases = 0;
  #latenciesMs: number[] = [];
  /** Sockets that the server ended, by code and reason. */
  readonly #closed = new Map<string, number>();

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** All are connected and, with a coordinator, taken up into the run. @throws Error when one is refused. */
  async gather(say: (line: string) => void): Promise<void> {
    const { count, url } = this.#options;
    this.#talk();
    let next = 0;
    const open = async () => {
      while (next < count) {
        const index = next++;
        const socket = new WebSocket(url, {
          perMessageDeflate: false,
          origin: url.replace(/^ws/, 'http').replace(/(:\d+).*$/, '$1'),
          localAddress: `127.0.${1 + Math.floor(index / SOCKETS_PER_ADDRESS / 250)}.${1 + (Math.floor(index / SOCKETS_PER_ADDRESS) % 250)}`,
        });
        await new Promise<void>((resolve, reject) => {
          socket.once('open', resolve);
          socket.once('error', reject);
        });
        socket.on('error', () => socket.terminate());
        socket.on('close', (code, reason) => {
          const why = `${code} ${reason.toString()}`.trim();
          this.#closed.set(why, 1 + (this.#closed.get(why) ?? 0));
        });
        const member: Member = { socket, reportAtMs: Infinity, leaseAtMs: Infinity, askedAtMs: null };
        await this.#enter(member);
        this.#begin(member, index);
        if (this.#members.length % 2_000 === 0) say(`coordinator: ${this.#members.length} sockets are open`);
      }
    };
    await Promise.all(Array.from({ length: OPENING_MAX }, open));
  }

  #enter(member: Member): Promise<void> {
    const { server, runId } = this.#options;
    const { socket } = member;
    const hello = this.#text({ type: 'hello', protocolVersion: PROTOCOL_VERSION, adapter: ADAPTER });
    return new Promise((resolve) => {
      socket.on('message', (data: Buffer) => {
        this.#received++;
        this.#receivedBytes += data.length;
        const nowMs = performance.now();
        if (server === 'echo') {
          // Told apart by their first letters, which costs the crowd less than the coordinator's answers do.
          const text = data.toString('latin1', 0, 24);
          if (text.includes('hello')) resolve();
          else if (text.includes('lease-request')) this.#answered(member, nowMs);
          return;
        }
        const message = JSON.parse(data.toString()) as CoordinatorMessage;
        switch (message.type) {
          case 'assignment':
            socket.send(this.#text({ type: 'ready', runId }));
            return resolve();
          case 'lease': {
            this.#answered(member, nowMs);
            this.#leases++;
            const { shard, generation } = message;
            socket.send(
              this.#text({
                type: 'lease-result',
                runId,
                shardIndex: shard.index,
                generation,
                sampleCount: shard.sampleCount,
              }),
            );
            return;
          }
          case 'no-lease':
            return this.#answered(member, nowMs);
          case 'found':
          case 'join':
            // Everybody holds the state of the term at once; the first to say so founds it.
            if (message.term !== this.#head.term) this.#head = { ...this.#head, term: message.term };
            if (message.type === 'found') socket.send(this.#report());
            return;
        }
      });
      socket.send(hello);
      this.#sent++;
    });
  }

  #report(): string {
    return this.#text({
      ...{ type: 'report', runId: this.#options.runId, head: this.#head, loss: 1, stepsPerSecond: 10 },
      ...{ state: 'training', totals: NO_TOTALS },
    });
  }

  #answered(member: Member, nowMs: number): void {
    if (member.askedAtMs === null) return;
    this.#latenciesMs.push(nowMs - member.askedAtMs);
    member.askedAtMs = null;
  }

  #text(message: VolunteerMessage): string {
    return JSON.stringify(message);
  }

  /**
   * From now on it reports and asks for work; all are spread evenly over the time between two reports of one. Whoever
   * waited for the last to come would count as silent by then.
   */
  #begin(member: Member, index: number): void {
    const { everyMs, count } = this.#options;
    const turnMs = (everyMs * index) / count;
    const nowMs = performance.now();
    member.reportAtMs = turnMs + everyMs * Math.ceil((nowMs - turnMs) / everyMs);
    member.leaseAtMs = member.reportAtMs + everyMs / 2;
    this.#members.push(member);
  }

  #talk(): void {
    const { everyMs, runId, server } = this.#options;
    const wish = this.#text({ type: 'lease-request', runId, held: 0 });
    const result = this.#text({
      type: 'lease-result',
      runId,
      shardIndex: 1,
      generation: 1,
      sampleCount: 256,
    });
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      const report = this.#report();
      for (const member of this.#members) {
        if (nowMs >= member.reportAtMs) {
          member.reportAtMs += everyMs;
          this.#sent++;
          member.socket.send(report);
        }
        if (nowMs < member.leaseAtMs) continue;
        member.leaseAtMs += everyMs;
        member.askedAtMs = performance.now();
        this.#sent++;
        member.socket.send(wish);
        // The coordinator's leases are answered with results; whoever echoes hears as many words.
        if (server === 'echo') member.socket.send(result);
      }
    }, TICK_MS);
  }

  /** What happened since the last look. */
  take(): CrowdCounts {
    const counts = {
      sent: this.#sent,
      received: this.#received,
      receivedBytes: this.#receivedBytes,
      leases: this.#leases,
      latenciesMs: this.#latenciesMs,
    };
    [this.#sent, this.#received, this.#receivedBytes, this.#leases] = [0, 0, 0, 0];
    this.#latenciesMs = [];
    return counts;
  }

  get openCount(): number {
    return this.#members.filter(({ socket }) => socket.readyState === WebSocket.OPEN).length;
  }

  /** How many sockets the server ended, by code and reason. */
  get closed(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#closed);
  }

  async disperse(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const { socket } of this.#members) socket.terminate();
    await Promise.all(
      this.#members.map(({ socket }) =>
        socket.readyState === WebSocket.CLOSED
          ? null
          : new Promise((resolve) => socket.once('close', resolve)),
      ),
    );
  }
}
