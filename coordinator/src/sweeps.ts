/**
 * Sweeps as they run: what was asked for and which run each trial became are in the store; a tick begins what is next. After
 * a restart it goes on where it was: a trial's run id is written down before the run is made.
 */
import { randomBytes } from 'node:crypto';
import { idFromRandomBytes, isBetter, RunRequestSchema } from '@murmuration/protocol';
import type { RunId, SweepOrder, SweepRequest, SweepTable, SweepView, Trial } from '@murmuration/protocol';
import type { Kysely } from 'kysely';
import { ApiError } from './api-error.ts';
import type { DatasetShelf } from './dataset-shelf.ts';
import { door } from './doors.ts';
import type { Grid } from './grid.ts';
import { isOver, runView } from './ledger.ts';
import type { ModelShelf } from './model-shelf.ts';
import type { Planner } from './planner.ts';
import { manifestOf } from './run-manifest.ts';
import type { Tables } from './store-schema.ts';
import { assigned, planFault, trialsOf, trialsToBegin } from './sweep-plan.ts';
import type { Assignment, TrialPhase } from './sweep-plan.ts';

const SWEEPS_MAX = 200;
const NAME_MAX_CHARACTERS = 64;
const runRequest = door(RunRequestSchema);

type SweepState = SweepView['state'];
interface StoredTrial {
  readonly assignment: Assignment;
  runId: RunId | null;
  /** Why it was refused; empty: it was not. */
  note: string;
  /** Its row of the table once its run is over: the run may be deleted. */
  outcome: Trial | null;
}
interface Sweep {
  readonly id: string;
  readonly request: SweepRequest;
  readonly createdAtMs: number;
  readonly trials: StoredTrial[];
  state: SweepState;
}

export interface SweepPorts {
  readonly db: Kysely<Tables>;
  readonly grid: Grid;
  readonly datasets: DatasetShelf;
  readonly models: ModelShelf;
  readonly planner: Planner;
  readonly nowMs: () => number;
}

export class Sweeps {
  readonly #ports: SweepPorts;
  readonly #sweeps = new Map<string, Sweep>();
  readonly #sweepOfRun = new Map<RunId, string>();
  /** Begins and orders take turns. */
  #turn: Promise<unknown> = Promise.resolve();
  #advancing: Promise<void> | null = null;

  private constructor(ports: SweepPorts) {
    this.#ports = ports;
  }

  static async open(ports: SweepPorts): Promise<Sweeps> {
    const sweeps = new Sweeps(ports);
    const rows = await ports.db.selectFrom('sweeps').selectAll().orderBy('created_at_ms').execute();
    const trials = await ports.db.selectFrom('sweep_trials').selectAll().orderBy('trial_index').execute();
    for (const row of rows) {
      const request = JSON.parse(row.request) as SweepRequest;
      const stored = trials.filter((trial) => trial.sweep_id === row.id);
      sweeps.#add({
        id: row.id,
        request,
        createdAtMs: row.created_at_ms,
        state: row.state as SweepState,
        trials: trialsOf(request.search).map((assignment, index) => ({
          assignment,
          runId: stored[index]?.run_id ?? null,
          note: stored[index]?.note ?? '',
          outcome: stored[index]?.outcome == null ? null : (JSON.parse(stored[index].outcome) as Trial),
        })),
      });
    }
    return sweeps;
  }

  /** The sweep whose trial the run is; null: none. */
  sweepOf(runId: RunId): string | null {
    return this.#sweepOfRun.get(runId) ?? null;
  }
  has(id: string): boolean {
    return this.#sweeps.has(id);
  }

  /** Newest first. */
  list(): SweepView[] {
    return [...this.#sweeps.values()].toReversed().map((sweep) => this.#viewOf(sweep));
  }
  view(id: string): SweepView | null {
    const sweep = this.#sweeps.get(id);
    return sweep === undefined ? null : this.#viewOf(sweep);
  }
  table(id: string): SweepTable | null {
    const sweep = this.#sweeps.get(id);
    if (sweep === undefined) return null;
    return {
      sweep: this.#viewOf(sweep),
      trials: sweep.trials.map((_, index) => this.#trialOf(sweep, index)),
    };
  }

  /** Every trial is checked before anything is stored. @throws ApiError naming the trial's field */
  async create(id: string, request: SweepRequest): Promise<SweepView> {
    if (this.#sweeps.size >= SWEEPS_MAX)
      throw new ApiError(409, 'full', `there are ${SWEEPS_MAX} sweeps already; delete some`);
    const fault = planFault(request.search);
    if (fault !== null) throw new ApiError(400, 'bad-field', fault, 'search.parameters');
    const assignments = trialsOf(request.search);
    for (const [index, assignment] of assignments.entries()) this.#manifestOf({ request }, index, assignment);
    const sweep: Sweep = {
      id,
      request,
      createdAtMs: Math.round(this.#ports.nowMs()),
      state: 'running',
      trials: assignments.map((assignment) => ({ assignment, runId: null, note: '', outcome: null })),
    };
    await this.#ports.db.transaction().execute(async (tx) => {
      await tx
        .insertInto('sweeps')
        .values({
          id,
          request: JSON.stringify(request),
          state: sweep.state,
          created_at_ms: sweep.createdAtMs,
        })
        .execute();
      for (const index of assignments.keys())
        await tx
          .insertInto('sweep_trials')
          .values({ sweep_id: id, trial_index: index, run_id: null, note: '', outcome: null })
          .execute();
    });
    this.#add(sweep);
    await this.advance();
    return this.#viewOf(sweep);
  }

  /** Open trials are paused, resumed or stopped with their sweep. null: done; else the state that does not allow it. */
  order(id: string, order: SweepOrder): Promise<SweepState | null> {
    return this.#inTurn(async () => {
      const sweep = this.#sweeps.get(id)!;
      const { state } = sweep;
      const isAllowed =
        order === 'resume'
          ? state === 'paused'
          : state === 'running' || (order === 'stop' && state === 'paused');
      if (!isAllowed) return state;
      await this.#become(sweep, order === 'pause' ? 'paused' : order === 'resume' ? 'running' : 'stopped');
      for (const { runId } of sweep.trials) {
        const ledger = runId === null ? null : this.#ports.grid.run(runId);
        if (ledger !== null && !isOver(ledger.state.state)) await this.#ports.grid.order(runId!, order);
      }
      return null;
    });
  }

  /** The runs stay. */
  async delete(id: string): Promise<void> {
    await this.#ports.db.deleteFrom('sweeps').where('id', '=', id).execute();
    for (const { runId } of this.#sweeps.get(id)?.trials ?? [])
      if (runId !== null) this.#sweepOfRun.delete(runId);
    this.#sweeps.delete(id);
  }

  /** Call it about once a second, and before a run is deleted: results are kept, and what is next begins. */
  async advance(): Promise<void> {
    // What is under way may have looked before the latest change.
    await this.#advancing?.catch(() => {});
    this.#advancing ??= this.#advanceAll().finally(() => {
      this.#advancing = null;
    });
    return this.#advancing;
  }

  async #advanceAll(): Promise<void> {
    for (const sweep of this.#sweeps.values())
      if (sweep.trials.some(({ outcome, note }) => outcome === null && note === ''))
        await this.#inTurn(() => this.#advance(sweep));
  }

  async #advance(sweep: Sweep): Promise<void> {
    for (const [index, trial] of sweep.trials.entries()) {
      if (trial.runId === null || trial.outcome !== null || this.#phaseOf(trial) !== 'over') continue;
      trial.outcome = this.#trialOf(sweep, index);
      await this.#store(sweep, index);
    }
    if (sweep.state !== 'running') return;
    const phases = sweep.trials.map((trial) => this.#phaseOf(trial));
    for (const index of trialsToBegin(phases, sweep.request.parallel ?? 1)) await this.#begin(sweep, index);
    if (sweep.trials.every((trial) => this.#phaseOf(trial) === 'over')) await this.#become(sweep, 'finished');
  }

  async #begin(sweep: Sweep, index: number): Promise<void> {
    const trial = sweep.trials[index]!;
    const { grid } = this.#ports;
    try {
      const { manifest, shards } = this.#manifestOf(sweep, index, trial.assignment);
      // A run id without a run: the coordinator died in between.
      trial.runId ??= manifest.id;
      await this.#store(sweep, index);
      this.#sweepOfRun.set(trial.runId, sweep.id);
      await grid.createRun({ ...manifest, id: trial.runId }, shards);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      trial.note = error.message;
      await this.#store(sweep, index);
    }
  }

  #manifestOf({ request }: Pick<Sweep, 'request'>, index: number, assignment: Assignment) {
    const at = (field: string) => `trials.${index}.${field}`;
    const suffix = ` ${index + 1}`;
    const name = `${request.name.slice(0, NAME_MAX_CHARACTERS - suffix.length)}${suffix}`;
    const wish = runRequest(assigned({ ...request.base, name }, assignment));
    if (!wish.ok) throw new ApiError(400, 'bad-field', wish.fault.message, at(wish.fault.field));
    const { datasets, models, planner } = this.#ports;
    const dataset = datasets.get(wish.value.datasetId);
    if (dataset === null) throw new ApiError(400, 'bad-field', 'no such dataset', at('datasetId'));
    try {
      const id = idFromRandomBytes('run', randomBytes(26));
      return {
        manifest: manifestOf(wish.value, { dataset, models, planner }, id),
        shards: dataset.shards,
      };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw new ApiError(error.status, error.body.code, error.body.message, at(error.body.field ?? ''));
    }
  }

  #phaseOf({ runId, note, outcome }: StoredTrial): TrialPhase {
    if (outcome !== null || note !== '') return 'over';
    const ledger = runId === null ? null : this.#ports.grid.run(runId);
    if (ledger === null) return 'pending';
    return isOver(ledger.state.state) ? 'over' : 'open';
  }

  #trialOf({ trials }: Sweep, index: number): Trial {
    const { assignment, runId, note, outcome } = trials[index]!;
    const ledger = runId === null ? null : this.#ports.grid.run(runId);
    if (ledger === null && outcome !== null) return { ...outcome, runId: null, state: 'deleted' };
    const nothing = { index, assignment, runId: null, best: null, rounds: 0, samples: 0, trainingMs: 0 };
    if (note !== '') return { ...nothing, state: 'refused', reason: note };
    if (ledger === null) return { ...nothing, state: 'pending', reason: '' };
    const { state, reason, best, round: rounds, samples, trainingMs } = runView(ledger, this.#ports.nowMs());
    return { index, assignment, runId, state, reason, best, rounds, samples, trainingMs };
  }

  #viewOf(sweep: Sweep): SweepView {
    const measured = sweep.trials
      .map((_, index) => this.#trialOf(sweep, index))
      .flatMap(({ index, best }) => (best === null ? [] : [{ index, best }]));
    const isBest =
      sweep.request.metric === 'loss'
        ? (a: (typeof measured)[number], b: (typeof measured)[number]) =>
            (a.best.loss ?? Infinity) < (b.best.loss ?? Infinity)
        : (a: (typeof measured)[number], b: (typeof measured)[number]) => isBetter(a.best, b.best);
    const best = measured.reduce<(typeof measured)[number] | null>(
      (found, each) => (found === null || isBest(each, found) ? each : found),
      null,
    );
    return {
      id: sweep.id,
      name: sweep.request.name,
      state: sweep.state,
      createdAt: new Date(sweep.createdAtMs).toISOString(),
      request: sweep.request,
      trialCount: sweep.trials.length,
      trialsOver: sweep.trials.filter((trial) => this.#phaseOf(trial) === 'over').length,
      bestTrial: best?.index ?? null,
    };
  }

  #add(sweep: Sweep): void {
    this.#sweeps.set(sweep.id, sweep);
    for (const { runId } of sweep.trials) if (runId !== null) this.#sweepOfRun.set(runId, sweep.id);
  }

  async #become(sweep: Sweep, state: SweepState): Promise<void> {
    await this.#ports.db.updateTable('sweeps').set({ state }).where('id', '=', sweep.id).execute();
    sweep.state = state;
  }

  async #store({ id, trials }: Sweep, index: number): Promise<void> {
    const { runId, note, outcome } = trials[index]!;
    await this.#ports.db
      .updateTable('sweep_trials')
      .set({ run_id: runId, note, outcome: outcome === null ? null : JSON.stringify(outcome) })
      .where('sweep_id', '=', id)
      .where('trial_index', '=', index)
      .execute();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}
