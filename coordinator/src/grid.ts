/**
 * The coordinator's middle: all runs with their ledgers, and all connected volunteers. What happens is given to a
 * ledger at once; what it decided goes to the journal, and its messages leave when it is on disk. It refuses to know
 * sockets and HTTP: a volunteer is a `VolunteerLink`.
 */
import { parametersFromBytes } from '@murmuration/codec';
import {
  nodeIn,
  type Adapter,
  type CoordinatorMessage,
  type Head,
  type IceServer,
  type LinkPolicy,
  type RunId,
  type Sha256,
  type VolunteerId,
  type VolunteerMessage,
  type VolunteerMessageOf,
} from '@murmuration/protocol';
import { ApiError } from './api-error.ts';
import type { Averaging } from './averaging.ts';
import type { BlobShelf } from './blobs.ts';
import { CheckpointShelf } from './checkpoint-shelf.ts';
import { Journal } from './journal.ts';
import { linksOffered } from './links-offered.ts';
import { isOver, latestCheckpoint, RunLedger, servedCheckpoint } from './ledger.ts';
import type { Exit, LedgerDecision, LedgerEvent, LedgerRecord, RunOrder, RunSetup } from './ledger.ts';
import type { Secrets } from './secrets.ts';
import type { PairRoute } from './route-book.ts';
import { RunBook } from './run-book.ts';
import type { ServerEvent } from './server-seat.ts';
import type { Store, StoredRun } from './store.ts';

/** Close codes of a volunteer's socket beyond those of RFC 6455. */
export const CLOSE_REPLACED = 4001;
export const CLOSE_SILENT = 4002;
/** Connected volunteers of all runs; each is a socket and a few kilobytes. */
const VOLUNTEERS_MAX = 20_000;
/** Of the 100 ms within which 99 of 100 wishes for a lease are to be answered. */
const GATHER_MS = 20;

/** The way back to one volunteer. */
export interface VolunteerLink {
  send(message: CoordinatorMessage): void;
  close(code: number, reason: string): void;
}

interface Volunteer {
  readonly id: VolunteerId;
  readonly link: VolunteerLink;
  readonly adapter: Adapter;
  readonly links: LinkPolicy;
  readonly node: string | undefined;
  runId: RunId | null;
  heardAtMs: number;
}

interface Run {
  readonly book: RunBook;
  readonly ledger: RunLedger;
  readonly watchers: Set<() => void>;
}

export interface GridPorts {
  readonly store: Store;
  readonly blobs: BlobShelf;
  readonly secrets: Secrets;
  /** Milliseconds since 1970; never goes back within a process. */
  readonly nowMs: () => number;
  readonly iceServers: (volunteerId: VolunteerId) => IceServer[];
  readonly silenceMaxMs: number;
  /** These are the weights of an imported model. */
  readonly isImported: (sha256: Sha256) => boolean;
  readonly onFatal: (error: Error) => void;
  readonly averaging: Averaging;
  /** A record is on disk. */
  readonly onRecord: (ledger: RunLedger, record: LedgerRecord) => void;
}

export type CheckpointAnswer =
  { readonly stored: true } | { readonly rejected: 'no-run' | 'no-duty' | 'bad-bytes' };

export class Grid {
  readonly #ports: GridPorts;
  readonly #runs = new Map<RunId, Run>();
  readonly #volunteers = new Map<VolunteerId, Volunteer>();
  readonly #journal: Journal;
  readonly checkpoints: CheckpointShelf;
  #isStopped = false;

  private constructor(ports: GridPorts) {
    this.#ports = ports;
    this.checkpoints = new CheckpointShelf(ports.blobs, () => this.runs, ports.isImported);
    this.#journal = new Journal({
      append: (records) => ports.store.append(records),
      gather: () => new Promise((resolve) => setTimeout(resolve, GATHER_MS)),
      onFatal: ports.onFatal,
    });
  }

  /** Folds every run of the store, checks that the checkpoints to go on from are whole, and goes on. */
  static async open(ports: GridPorts): Promise<Grid> {
    const grid = new Grid(ports);
    for await (const stored of ports.store.runs()) {
      const run = grid.#addRun(stored);
      grid.#tell(run, { kind: 'restarted' });
      await grid.#mendCheckpoints(run);
      // A snapshot may be some megabytes; they do not pile up in memory.
      if (run.book.isSummed) await grid.#journal.settled();
    }
    await grid.#journal.settled();
    return grid;
  }

  get runs(): RunLedger[] {
    return [...this.#runs.values()].map(({ ledger }) => ledger);
  }
  run(runId: RunId): RunLedger | null {
    return this.#runs.get(runId)?.ledger ?? null;
  }
  get volunteerCount(): number {
    return this.#volunteers.size;
  }
  /** Everybody who is connected, and in which run. */
  get connected(): readonly Pick<Volunteer, 'id' | 'links' | 'runId'>[] {
    return [...this.#volunteers.values()];
  }

  /**
   * The process is about to end: what happens from now on, such as all sockets closing, is not written down. The next
   * start expects its volunteers back, as after a crash.
   */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#journal.settled().catch(() => {});
  }

  /** Calls back when anything of the run may have changed. Returns the way to stop. */
  watch(runId: RunId, callback: () => void): () => void {
    const watchers = this.#runs.get(runId)?.watchers;
    watchers?.add(callback);
    return () => watchers?.delete(callback);
  }

  /**
   * The initial parameters become checkpoint 0, so that a good one exists from the start (I-6).
   * @throws ApiError when the weights that it is to begin with are gone or damaged
   */
  createRun(manifest: RunSetup['manifest'], shards: RunSetup['shards']): Promise<RunLedger> {
    this.admit(manifest);
    return this.checkpoints.inTurn(async () => {
      const begun = givenWeights(manifest);
      if (begun !== null && !(await this.checkpoints.isWhole(begun)))
        throw new ApiError(503, 'blob-damaged', 'the weights it begins with are missing or damaged on disk');
      const initialCheckpoint = begun ?? (await this.checkpoints.storeInitial(manifest));
      const setup = { manifest, shards, initialCheckpoint, createdAtMs: Math.round(this.#ports.nowMs()) };
      await this.#ports.store.addRun(setup);
      const run = this.#addRun({ setup, snapshot: null, records: [] });
      this.#assignIdle();
      return run.ledger;
    });
  }

  /** The run is over. What only it referred to goes with it. */
  async deleteRun(runId: RunId): Promise<void> {
    const run = this.#runs.get(runId)!;
    await this.#journal.settled();
    await this.#ports.store.removeRun(runId);
    this.#runs.delete(runId);
    run.book.storedCheckpoints.add(run.ledger.state.setup.initialCheckpoint);
    await this.checkpoints.inTurn(() => this.checkpoints.prune(run.book.storedCheckpoints));
  }

  /** Durable when it resolves. null: done; else why the run's state does not allow it. */
  async order(runId: RunId, order: RunOrder): Promise<LedgerDecision['rejected']> {
    const run = this.#runs.get(runId)!;
    const decision = this.#tell(run, { kind: 'ordered', order });
    await this.#journal.settled();
    this.#assignIdle();
    return decision.rejected;
  }

  /** A volunteer said hello. Its id is the old one if it proves it; then its newest socket wins. null: the house is full. */
  connect(link: VolunteerLink, hello: VolunteerMessageOf<'hello'>): VolunteerId | null {
    const { secrets, nowMs, iceServers } = this.#ports;
    const { resume, adapter, node, links: wished = 'direct' } = hello;
    const isKnown = resume !== undefined && secrets.isVolunteerSecret(resume.volunteerId, resume.secret);
    const id = isKnown ? resume.volunteerId : secrets.drawVolunteerId();
    const former = this.#volunteers.get(id);
    if (this.#isStopped || (former === undefined && this.#volunteers.size >= VOLUNTEERS_MAX)) return null;
    former?.link.close(CLOSE_REPLACED, 'the same volunteer connected again');
    const { links, iceServers: offered } = linksOffered(wished, iceServers(id));
    const volunteer = { id, link, adapter, links, node, runId: former?.runId ?? null, heardAtMs: nowMs() };
    this.#volunteers.set(id, volunteer);
    this.#send(volunteer, {
      type: 'welcome',
      volunteerId: id,
      secret: secrets.volunteerSecret(id),
      signalToken: secrets.signalToken(id, nowMs()),
      iceServers: offered,
      links,
    });
    this.#assign(volunteer, hello.head ?? null);
    return id;
  }

  /** null: heard; else what was wrong with it. */
  hear(
    volunteerId: VolunteerId,
    message: Exclude<VolunteerMessage, { type: 'hello' | 'leaving' }>,
  ): LedgerDecision['rejected'] {
    const volunteer = this.#volunteers.get(volunteerId);
    if (this.#isStopped || volunteer === undefined)
      return { code: 'bad-state', message: 'this volunteer has left' };
    volunteer.heardAtMs = this.#ports.nowMs();
    if (message.type === 'heartbeat') {
      const run = volunteer.runId === null ? undefined : this.#runs.get(volunteer.runId);
      if (run !== undefined) this.#tell(run, { kind: 'heard', volunteerId });
      return null;
    }
    const run = this.#runs.get(message.runId);
    if (run === undefined) return { code: 'unknown-run', message: 'runId: no such run' };
    return this.#tell(run, { kind: 'said', volunteerId, message }).rejected;
  }

  /** Its socket closed, or it said that it leaves. A socket that was replaced before changes nothing. */
  disconnect(volunteerId: VolunteerId, link: VolunteerLink, exit: Exit): void {
    const volunteer = this.#volunteers.get(volunteerId);
    if (this.#isStopped || volunteer === undefined || volunteer.link !== link) return;
    this.#volunteers.delete(volunteerId);
    const run = volunteer.runId === null ? undefined : this.#runs.get(volunteer.runId);
    if (run !== undefined) this.#tell(run, { kind: 'left', volunteerId, exit });
  }

  /** How these two may reach each other: by signalling and links of their own, or by the relay; null: not at all. */
  routeOf(a: VolunteerId, b: VolunteerId): PairRoute | null {
    for (const { ledger } of this.#runs.values()) {
      const route = ledger.routeOf(a, b);
      if (route !== null) return route;
    }
    return null;
  }

  /** Would a checkpoint of this volunteer be taken now? Asked before its bytes are read. */
  mayStoreCheckpoint(volunteerId: VolunteerId, runId: RunId): boolean {
    return this.#runs.get(runId)?.ledger.mayStoreCheckpoint(volunteerId) ?? false;
  }

  /** Stores an evaluated replica's parameters (float32, little-endian). On disk when it resolves. */
  async storeCheckpoint(
    volunteerId: VolunteerId,
    runId: RunId,
    bytes: Uint8Array,
  ): Promise<CheckpointAnswer> {
    const run = this.#runs.get(runId);
    if (run === undefined) return { rejected: 'no-run' };
    if (!run.ledger.mayStoreCheckpoint(volunteerId)) return { rejected: 'no-duty' };
    const { parameterCount } = run.ledger.state.setup.manifest;
    if (parametersFromBytes(bytes, parameterCount) === null) return { rejected: 'bad-bytes' };
    const rejected = await this.checkpoints.inTurn(async () => {
      const sha256 = await this.#ports.blobs.put(bytes);
      run.book.storedCheckpoints.add(sha256);
      return this.#tell(run, { kind: 'checkpoint-stored', volunteerId, sha256 }).rejected;
    });
    await this.#journal.settled();
    return rejected === null ? { stored: true } : { rejected: 'no-duty' };
  }

  /** Parameters of the checkpoint that the run serves for download; null: its file is gone or damaged. */
  servedParameters({ state }: RunLedger): Promise<Float32Array | null> {
    return this.checkpoints.parameters(servedCheckpoint(state).sha256, state.setup.manifest.parameterCount);
  }

  /** @throws ApiError: this coordinator cannot carry such a run */
  admit(manifest: RunSetup['manifest']): void {
    this.#ports.averaging.admit(manifest);
  }

  /** What is said of a central run's averaging server. */
  hearServer(runId: RunId, event: ServerEvent): void {
    const run = this.#runs.get(runId);
    if (run !== undefined && !this.#isStopped) this.#tell(run, event);
  }

  /** Deadlines, silences, progress. Call it about once a second. */
  tick(): void {
    const nowMs = this.#ports.nowMs();
    for (const run of this.#runs.values())
      if (!isOver(run.ledger.state.state)) this.#tell(run, { kind: 'tick' });
    for (const volunteer of [...this.#volunteers.values()])
      if (volunteer.runId === null && nowMs >= volunteer.heardAtMs + this.#ports.silenceMaxMs) {
        this.#volunteers.delete(volunteer.id);
        volunteer.link.close(CLOSE_SILENT, 'silent for too long');
      }
  }

  #addRun(stored: StoredRun): Run {
    const book = new RunBook(stored);
    const run = { book, ledger: book.ledger, watchers: new Set<() => void>() };
    this.#runs.set(stored.setup.manifest.id, run);
    if (!isOver(book.ledger.state.state)) this.#ports.averaging.begin(stored.setup.manifest);
    return run;
  }

  /** A damaged checkpoint is given up for the one before it; the initial one is drawn again. */
  async #mendCheckpoints(run: Run): Promise<void> {
    const { state } = run.ledger;
    if (isOver(state.state)) return;
    for (;;) {
      const { sha256 } = latestCheckpoint(state);
      if (await this.checkpoints.isWhole(sha256)) return;
      if (state.checkpoints.length > 1) this.#tell(run, { kind: 'checkpoint-lost', sha256 });
      else if (givenWeights(state.setup.manifest) === null)
        return void (await this.checkpoints.storeInitial(state.setup.manifest));
      else
        return void this.#tell(run, {
          kind: 'unusable',
          reason: 'the weights that this run began with are gone or damaged on disk',
        });
    }
  }

  /** One event through the ledger of a run; what it decided goes to the journal. */
  #tell(run: Run, event: LedgerEvent): LedgerDecision {
    const decision = run.ledger.handle(event, this.#ports.nowMs());
    const { records, messages, freed } = decision;
    const linkOf = (to: VolunteerId) => this.#volunteers.get(to)?.link ?? this.#ports.averaging.linkOf(to);
    const receivers = messages.map(({ to, message }) => ({ link: linkOf(to), message }));
    const { state } = run.ledger;
    if (isOver(state.state)) this.#ports.averaging.end(state.setup.manifest.id);
    const rows = run.book.rowsOf(records);
    if (rows.length > 0 || messages.length > 0)
      this.#journal.write({
        records: rows,
        announce: () => {
          for (const { link, message } of receivers) link?.send(message);
          for (const record of records) this.#ports.onRecord(run.ledger, record);
          if (
            records.some(
              ({ kind }) =>
                kind === 'evaluated' || kind === 'evaluation-dropped' || kind === 'checkpoint-stored',
            )
          )
            this.checkpoints.inTurn(() => this.checkpoints.prune(run.book.storedCheckpoints)).catch(() => {});
          for (const watcher of run.watchers) watcher();
        },
      });
    for (const { volunteerId, exit } of freed) {
      const volunteer = this.#volunteers.get(volunteerId);
      if (volunteer === undefined) continue;
      volunteer.runId = null;
      if (exit === 'silent') {
        this.#volunteers.delete(volunteerId);
        volunteer.link.close(CLOSE_SILENT, 'silent for too long');
      } else this.#assign(volunteer, null);
    }
    return decision;
  }

  #send(volunteer: Volunteer, message: CoordinatorMessage): void {
    this.#journal.write({ records: [], announce: () => volunteer.link.send(message) });
  }

  /** Policy: the run whose replica it holds, else the oldest run that is open for work; null: none. */
  #assign(volunteer: Volunteer, held: { runId: RunId; head: Head } | null): void {
    const heldRun = held === null ? undefined : this.#runs.get(held.runId);
    const formerRun = volunteer.runId === null ? undefined : this.#runs.get(volunteer.runId);
    const run =
      [heldRun, formerRun].find((r) => r !== undefined && !isOver(r.ledger.state.state)) ?? this.#openRun();
    if (formerRun !== undefined && formerRun !== run)
      this.#tell(formerRun, { kind: 'left', volunteerId: volunteer.id, exit: 'leaving' });
    const manifest = run?.ledger.state.setup.manifest ?? null;
    volunteer.runId = manifest?.id ?? null;
    this.#send(volunteer, { type: 'assignment', run: manifest });
    if (run === undefined) return;
    const head = run === heldRun ? held!.head : null;
    const { id: volunteerId, adapter, links } = volunteer;
    const node = nodeIn(manifest!, volunteer.node);
    this.#tell(run, { kind: 'joined', volunteerId, adapter, links, node, head });
  }

  #openRun(): Run | undefined {
    for (const run of this.#runs.values()) {
      const { state } = run.ledger.state;
      if (state === 'waiting' || state === 'training' || state === 'degraded') return run;
    }
    return undefined;
  }

  #assignIdle(): void {
    if (this.#openRun() === undefined) return;
    for (const volunteer of this.#volunteers.values())
      if (volunteer.runId === null) this.#assign(volunteer, null);
  }
}

/** What a run begins with instead of weights drawn from its seed: a checkpoint of another, or an imported model's. */
const givenWeights = ({ forkOf, importOf }: RunSetup['manifest']): Sha256 | null =>
  forkOf?.sha256 ?? importOf?.sha256 ?? null;
