/**
 * The production ledger with imaginary sockets, store and process: records are durable the moment they are decided,
 * everything else dies with `kill`. Blobs are a map by name.
 */
import {
  isOver,
  RunLedger,
  type LedgerDecision,
  type LedgerRecord,
  type RunSetup,
} from '@murmuration/coordinator/ledger';
import type { CoordinatorMessage, VolunteerId, VolunteerMessage } from '@murmuration/protocol';
import type { World } from './world.ts';

/** One volunteer's socket, as the coordinator holds it. */
export interface SimSocket {
  readonly deliver: (message: CoordinatorMessage) => void;
  readonly close: () => void;
}

const TICK_MS = 500;

export class SimCoordinator {
  readonly #world: World;
  readonly #setup: RunSetup;
  readonly records: LedgerRecord[] = [];
  readonly blobs = new Map<string, Uint8Array>();
  #ledger: RunLedger;
  #alive = true;
  #incarnation = 0;
  readonly #sockets = new Map<VolunteerId, SimSocket>();

  constructor(world: World, setup: RunSetup) {
    this.#world = world;
    this.#setup = setup;
    this.#ledger = new RunLedger(setup);
    this.#tick(0);
  }

  get alive(): boolean {
    return this.#alive;
  }
  get ledger(): RunLedger {
    return this.#ledger;
  }
  get isOver(): boolean {
    return isOver(this.#ledger.state.state);
  }

  /** SIGKILL: everything but records and blobs is gone; sockets close. */
  kill(): void {
    this.#alive = false;
    this.#incarnation += 1;
    const sockets = [...this.#sockets.values()];
    this.#sockets.clear();
    for (const socket of sockets) socket.close();
    this.#world.trace('coordinator killed');
  }

  restart(): void {
    this.#alive = true;
    this.#ledger = new RunLedger(this.#setup, this.records);
    this.#carryOut(this.#ledger.handle({ kind: 'restarted' }, this.#world.nowMs));
    this.#tick(this.#incarnation);
    this.#world.trace('coordinator restarted');
  }

  /** A volunteer's hello. Ids are given by the world, so that a resumed volunteer keeps its own. */
  hello(id: VolunteerId, message: Extract<VolunteerMessage, { type: 'hello' }>, socket: SimSocket): void {
    this.#sockets.set(id, socket);
    const secret = `secret-of-${id}`;
    socket.deliver({ type: 'welcome', volunteerId: id, secret, signalToken: secret, iceServers: [] });
    const { manifest } = this.#setup;
    if (this.isOver) {
      socket.deliver({ type: 'assignment', run: null });
      return;
    }
    socket.deliver({ type: 'assignment', run: manifest });
    const head = message.head?.runId === manifest.id ? message.head.head : null;
    this.#carryOut(
      this.#ledger.handle(
        { kind: 'joined', volunteerId: id, adapter: message.adapter, head },
        this.#world.nowMs,
      ),
    );
  }

  said(id: VolunteerId, message: VolunteerMessage): void {
    if (!this.#alive || message.type === 'hello') return;
    const nowMs = this.#world.nowMs;
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
      this.#ledger.handle({ kind: 'left', volunteerId: id, exit: 'socket-closed' }, this.#world.nowMs),
    );
  }

  /** PUT of a checkpoint. False: not allowed now. */
  storeCheckpoint(id: VolunteerId, sha256: string, bytes: Uint8Array): boolean {
    if (!this.#alive || !this.#ledger.mayStoreCheckpoint(id)) return false;
    this.blobs.set(sha256, bytes);
    this.#carryOut(
      this.#ledger.handle({ kind: 'checkpoint-stored', volunteerId: id, sha256 }, this.#world.nowMs),
    );
    return true;
  }

  #carryOut(decision: LedgerDecision): void {
    this.records.push(...decision.records);
    for (const { to, message } of decision.messages) this.#sockets.get(to)?.deliver(message);
    for (const { volunteerId, exit } of decision.freed) {
      const socket = this.#sockets.get(volunteerId);
      if (exit === 'silent') {
        this.#sockets.delete(volunteerId);
        socket?.close();
      } else socket?.deliver({ type: 'assignment', run: null });
    }
  }

  #tick(incarnation: number): void {
    this.#world.after(TICK_MS, () => {
      if (!this.#alive || this.#incarnation !== incarnation) return;
      this.#carryOut(this.#ledger.handle({ kind: 'tick' }, this.#world.nowMs));
      this.#tick(incarnation);
    });
  }
}
