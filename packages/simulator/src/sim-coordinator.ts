/**
 * The production ledger with imaginary sockets, store and process. As in the real one, a decision's records are written
 * to the journal first, and only when they are durable its messages go out; a write takes time, and the process may die
 * before it, or between it and its announcement. Records and blobs survive a kill, nothing else does.
 */
import {
  isOver,
  RunLedger,
  snapshotOf,
  stateOfSnapshot,
  type LedgerDecision,
  type LedgerEvent,
  type LedgerRecord,
  type LedgerSnapshot,
  type LedgerState,
  type RunSetup,
} from '@murmuration/coordinator/ledger';
import {
  nodeIn,
  type CoordinatorMessage,
  type VolunteerId,
  type VolunteerMessage,
} from '@murmuration/protocol';
import type { World } from './world.ts';

/** One volunteer's socket, as the coordinator holds it. */
export interface SimSocket {
  readonly deliver: (message: CoordinatorMessage) => void;
  readonly close: () => void;
}

/** What is told to those who watch the coordinator from outside. */
export interface CoordinatorWatch {
  /** Decided, in order; durable a little later or never. */
  readonly recorded: (records: readonly LedgerRecord[]) => void;
  readonly died: (why: string, live: Readonly<LedgerState>, decided: readonly LedgerRecord[]) => void;
  /** `summed`: so many of the records were not folded, because a snapshot holds what they come to. */
  readonly restarted: (
    folded: Readonly<LedgerState>,
    past: { readonly durable: readonly LedgerRecord[]; readonly summed: number },
  ) => void;
}

interface Entry {
  readonly records: readonly LedgerRecord[];
  /** What all records up to these come to, as text; null: none was taken. */
  readonly snapshot: string | null;
  readonly announce: () => void;
  readonly lose: () => void;
}

/** The averaging server of a central run: a thread of this process. */
export interface ServerThread {
  readonly id: VolunteerId;
  readonly start: () => void;
  readonly die: () => void;
  readonly hear: (message: CoordinatorMessage) => void;
}

const TICK_MS = 500;
/** An SSD's fsync. */
const WRITE_MEAN_MS = 3;
/** Time after which a supervisor starts a process again that ended by itself. */
const SUPERVISED_RESTART_MS = 2_000;
/** The real coordinator takes one far more seldom; here a run is short and a restart must meet one. */
const SNAPSHOT_EVERY_RECORDS = 60;

export class SimCoordinator {
  readonly #world: World;
  readonly #setup: RunSetup;
  readonly #watch: CoordinatorWatch;
  readonly #faults: { readonly storeErrorShare: number; readonly blobErrorShare: number };
  readonly #random: () => number;
  readonly #records: LedgerRecord[] = [];
  /** Durable: what the first `recordCount` records come to. */
  #snapshot: { readonly text: string; readonly recordCount: number } | null = null;
  #recordsToFold = 0;
  readonly #blobs = new Map<string, Uint8Array>();
  #ledger: RunLedger;
  #alive = true;
  #incarnation = 0;
  readonly #sockets = new Map<VolunteerId, SimSocket>();
  #waiting: Entry[] = [];
  #isWriting = false;
  /** The next write is interrupted: before it is durable, or between that and its announcement. */
  #killAtWrite: { readonly when: 'before' | 'after'; readonly died: () => void } | null = null;
  #clockAheadMs = 0;
  #server: ServerThread | null = null;
  readonly #keepsRecords: boolean;

  constructor(
    world: World,
    setup: RunSetup,
    options: {
      readonly initialParameters: Uint8Array;
      readonly watch: CoordinatorWatch;
      readonly faults: { readonly storeErrorShare: number; readonly blobErrorShare: number };
      /** False: it never dies, so that what it wrote down need not be kept. */
      readonly mayDie: boolean;
    },
  ) {
    this.#world = world;
    this.#setup = setup;
    this.#watch = options.watch;
    this.#faults = options.faults;
    this.#keepsRecords = options.mayDie;
    this.#random = world.chance('coordinator');
    this.#ledger = new RunLedger(setup);
    this.#blobs.set(setup.initialCheckpoint, options.initialParameters);
    this.#tick(0);
  }

  get alive(): boolean {
    return this.#alive;
  }
  get ledger(): RunLedger {
    return this.#ledger;
  }
  get isOver(): boolean {
    return this.#alive && isOver(this.#ledger.state.state) && this.#waiting.length === 0;
  }
  get #nowMs(): number {
    return Math.max(0, this.#world.nowMs + this.#clockAheadMs);
  }

  /** From now on it lives and dies with this process. */
  attach(server: ServerThread): void {
    this.#server = server;
    server.start();
  }
  /** What the server says to the ledger. */
  server(event: Extract<LedgerEvent, { kind: `server-${string}` }>): void {
    if (this.#alive) this.#carryOut(this.#ledger.handle(event, this.#nowMs));
  }

  /** A checkpoint's parameters, whoever asks. */
  checkpoint(sha256: string): Uint8Array | undefined {
    return this.#blobs.get(sha256);
  }

  /** GET of a blob: a checkpoint, or data (whose bytes nobody looks at here). Null: it failed. */
  blob(sha256: string): Uint8Array | null {
    if (!this.#alive || this.#random() < this.#faults.blobErrorShare) return null;
    return this.#blobs.get(sha256) ?? (sha256.startsWith('da000') ? new Uint8Array(0) : null);
  }

  /** SIGKILL now. */
  kill(): void {
    if (this.#alive) this.#die('killed');
  }
  /** SIGKILL in the middle of the next write, whenever that comes. */
  killAtWrite(when: 'before' | 'after', died: () => void): void {
    this.#killAtWrite = { when, died };
  }
  /** Its clock differs by so much from its next start on: within a process it is monotonic. */
  setClock(aheadMs: number): void {
    this.#clockAheadMs = aheadMs;
  }

  restart(): void {
    if (this.#alive) return;
    this.#alive = true;
    const { text, recordCount: summed } = this.#snapshot ?? { text: null, recordCount: 0 };
    const folded = text === null ? null : stateOfSnapshot(this.#setup, JSON.parse(text) as LedgerSnapshot);
    this.#ledger = new RunLedger(this.#setup, this.#records.slice(summed), folded);
    this.#recordsToFold = this.#records.length - summed;
    this.#watch.restarted(this.#ledger.state, { durable: this.#records, summed });
    this.#carryOut(this.#ledger.handle({ kind: 'restarted' }, this.#nowMs));
    this.#tick(this.#incarnation);
    this.#server?.start();
    this.#world.trace(-1, 1, 0);
  }

  /** A volunteer's hello. Ids are given by the world, so that a resumed volunteer keeps its own. */
  hello(id: VolunteerId, message: Extract<VolunteerMessage, { type: 'hello' }>, socket: SimSocket): void {
    this.#sockets.set(id, socket);
    const secret = `secret-of-${id}`;
    const { adapter, node, links = 'direct' } = message;
    socket.deliver({ type: 'welcome', volunteerId: id, secret, signalToken: secret, iceServers: [], links });
    const { manifest } = this.#setup;
    if (isOver(this.#ledger.state.state)) {
      socket.deliver({ type: 'assignment', run: null });
      return;
    }
    socket.deliver({ type: 'assignment', run: manifest });
    const head = message.head?.runId === manifest.id ? message.head.head : null;
    this.#carryOut(
      this.#ledger.handle(
        { kind: 'joined', volunteerId: id, adapter, links, node: nodeIn(manifest, node), head },
        this.#nowMs,
      ),
    );
  }

  said(id: VolunteerId, message: VolunteerMessage): void {
    if (!this.#alive || message.type === 'hello' || !this.#sockets.has(id)) return;
    const nowMs = this.#nowMs;
    if (message.type === 'heartbeat')
      this.#carryOut(this.#ledger.handle({ kind: 'heard', volunteerId: id }, nowMs));
    else if (message.type === 'leaving')
      this.#carryOut(this.#ledger.handle({ kind: 'left', volunteerId: id, exit: 'leaving' }, nowMs));
    else this.#carryOut(this.#ledger.handle({ kind: 'said', volunteerId: id, message }, nowMs));
  }

  /** The socket of a volunteer closed at its end. */
  closed(id: VolunteerId, socket: SimSocket): void {
    if (this.#sockets.get(id) !== socket) return;
    this.#sockets.delete(id);
    this.#carryOut(
      this.#ledger.handle({ kind: 'left', volunteerId: id, exit: 'socket-closed' }, this.#nowMs),
    );
  }

  /** PUT of a checkpoint. `answer` false: not allowed now, or it failed. */
  storeCheckpoint(
    id: VolunteerId,
    sha256: string,
    bytes: Uint8Array,
    answer: (stored: boolean) => void,
  ): void {
    const fails = this.#random() < this.#faults.blobErrorShare;
    if (!this.#alive || fails || !this.#ledger.mayStoreCheckpoint(id)) {
      answer(false);
      return;
    }
    this.#blobs.set(sha256, bytes);
    this.#carryOut(
      this.#ledger.handle({ kind: 'checkpoint-stored', volunteerId: id, sha256 }, this.#nowMs),
      answer,
    );
  }

  #carryOut(decision: LedgerDecision, answer?: (stored: boolean) => void): void {
    if (decision.records.length > 0) this.#watch.recorded(decision.records);
    const announce = () => {
      this.#announce(decision);
      answer?.(decision.rejected === null);
    };
    if (decision.records.length === 0 && this.#waiting.length === 0 && !this.#isWriting) announce();
    else {
      const { records } = decision;
      this.#waiting.push({
        ...{ records, announce, lose: () => answer?.(false) },
        snapshot: this.#snapshotAfter(records.length),
      });
      if (!this.#isWriting) this.#write();
    }
  }

  #snapshotAfter(recordCount: number): string | null {
    this.#recordsToFold += recordCount;
    if (!this.#keepsRecords || this.#recordsToFold < SNAPSHOT_EVERY_RECORDS) return null;
    this.#recordsToFold = 0;
    return JSON.stringify(snapshotOf(this.#ledger.state));
  }

  /** All that waits goes to the store in one transaction, and is announced when it is there. */
  #write(): void {
    this.#isWriting = true;
    const incarnation = this.#incarnation;
    this.#world.after(WRITE_MEAN_MS * (0.5 + this.#random()), () => {
      if (this.#incarnation !== incarnation) return;
      const fails = this.#random() < this.#faults.storeErrorShare;
      if (fails || this.#killAtWrite?.when === 'before') {
        this.#die(fails ? 'store-error' : 'killed before a write');
        if (fails) this.#world.after(SUPERVISED_RESTART_MS, () => this.restart());
        return;
      }
      const batch = this.#waiting;
      for (const { records, snapshot: text } of batch) {
        if (this.#keepsRecords) this.#records.push(...records);
        if (text !== null) this.#snapshot = { text, recordCount: this.#records.length };
      }
      if (this.#killAtWrite?.when === 'after') {
        this.#waiting = [];
        for (const { lose } of batch) lose();
        this.#die('killed between a write and its announcement');
        return;
      }
      this.#waiting = [];
      this.#isWriting = false;
      for (const { announce } of batch) announce();
      if (this.#waiting.length > 0 && !this.#isWriting) this.#write();
    });
  }

  #die(why: string): void {
    const undurable = this.#waiting.flatMap(({ records }) => records);
    this.#watch.died(why, this.#ledger.state, [...this.#records, ...undurable]);
    this.#alive = false;
    this.#incarnation += 1;
    const armed = this.#killAtWrite;
    this.#killAtWrite = null;
    this.#isWriting = false;
    const lost = this.#waiting;
    this.#waiting = [];
    for (const { lose } of lost) lose();
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    for (const socket of sockets) socket.close();
    this.#server?.die();
    this.#world.trace(-1, 2, 0);
    armed?.died();
  }

  #announce(decision: LedgerDecision): void {
    for (const { to, message } of decision.messages)
      if (to === this.#server?.id) this.#server.hear(message);
      else this.#sockets.get(to)?.deliver(message);
    for (const { volunteerId, exit } of decision.freed) {
      const socket = this.#sockets.get(volunteerId);
      if (exit === 'silent') {
        this.#sockets.delete(volunteerId);
        socket?.close();
      } else socket?.deliver({ type: 'assignment', run: null });
    }
    this.#forgetBlobs();
  }

  /** Only checkpoints that the ledger still names are kept. */
  #forgetBlobs(): void {
    const { checkpoints, best, duty } = this.#ledger.state;
    if (this.#blobs.size <= checkpoints.length + 8 || this.#waiting.length > 0) return;
    const named = new Set([...checkpoints.map(({ sha256 }) => sha256), best?.sha256, duty?.checkpointSha256]);
    for (const sha256 of this.#blobs.keys()) if (!named.has(sha256)) this.#blobs.delete(sha256);
  }

  #tick(incarnation: number): void {
    this.#world.after(TICK_MS, () => {
      if (!this.#alive || this.#incarnation !== incarnation) return;
      this.#carryOut(this.#ledger.handle({ kind: 'tick' }, this.#nowMs));
      this.#tick(incarnation);
    });
  }
}

/** A name of the right shape for an imaginary blob; nothing is hashed. */
export function checkpointName(tab: number, nowMs: number): string {
  const digits = `c${tab.toString(16)}e${Math.round(nowMs * 1_000).toString(16)}`;
  return digits.padStart(64, '0');
}
