/**
 * What a run's ledger must never forget, and the only way it changes: a record.
 *
 * The ledger decides (`ledger.ts`), writes what it decided down as records, and the records move the state (`applyRecord`).
 * A restart reads the same records and folds them to the same state (invariants I-4, I-7), because nothing else can
 * touch it. What may be forgotten, such as who is connected right now, is not in here.
 *
 * Times are the coordinator's clock in milliseconds; volunteers' clocks are never asked.
 */
import {
  isBetter,
  isReached,
  type Adapter,
  type CheckpointView,
  type LinkPolicy,
  type MetricPoint,
  type RunEvent,
  type RunState,
  type Sha256,
  type TabTotals,
  type VolunteerId,
} from '@murmuration/protocol';
import { NO_ROUTES } from '@murmuration/protocol';
import { putPoint } from './ledger-points.ts';
import type { Exit, LedgerRecord, RunSetup } from './ledger-records.ts';
import { NODE_TEXTS } from './node-book.ts';
import { newShard, RELEASED, type ShardState } from './shard-state.ts';

/** The churn lane and the log keep the latest so many events. */
const EVENTS_MAX = 2_000;
/** Volunteers that left are listed one by one up to this many; older ones live on in the sums only. */
const GONE_VOLUNTEERS_MAX = 5_000;
/** Good checkpoints kept besides the initial and the best one: three generations back is the habit of backups. */
const CHECKPOINTS_KEPT = 3;
const EVENT_TEXT_MAX_CHARACTERS = 200;

export interface VolunteerState {
  adapter: Adapter;
  links: LinkPolicy;
  /** In a run with tiers: the node of its word, and the one that it is of; null: it said none, and is of one of its own. */
  word: VolunteerId | null;
  node: VolunteerId | null;
  totals: TabTotals;
  confirmedSamples: number;
  joinedAtMs: number;
  leftAtMs: number | null;
  exit: Exit | null;
}

export interface EvaluationDuty {
  readonly volunteerId: VolunteerId;
  readonly generation: number;
  readonly roundMin: number;
  readonly deadlineMs: number;
  /** Set once the parameters are on disk. */
  checkpointSha256: Sha256 | null;
}

export interface LedgerState {
  readonly setup: RunSetup;
  state: RunState;
  reason: string;
  /** 0: nobody has founded the run yet. */
  term: number;
  round: number;
  readonly shards: ShardState[];
  /** Full passes over the data that are done; a shard may be ahead of it. */
  epoch: number;
  /** Shards that are counted beyond `epoch`. */
  shardsCounted: number;
  readonly volunteers: Map<VolunteerId, VolunteerState>;
  /** Sums over volunteers that are no longer listed. */
  readonly forgotten: { localSteps: number; samples: number };
  /** Good checkpoints by age; the first is the initial one. Never empty. */
  checkpoints: CheckpointView[];
  best: CheckpointView | null;
  duty: EvaluationDuty | null;
  evaluationGeneration: number;
  /** Evaluations so far that passed their deadline. */
  lateEvaluations: number;
  /** The round that the last evaluation (or the founding checkpoint) stands at. */
  evaluatedRound: number;
  /** Evaluations in a row whose loss was not finite. */
  badEvaluations: number;
  readonly points: Map<number, MetricPoint & { readonly version: number }>;
  pointVersion: number;
  events: RunEvent[];
  eventSequence: number;
  divergences: number;
  trainingStartedAtMs: number | null;
  endedAtMs: number | null;
  reached: boolean;
  lastAtMs: number;
}

export const NO_TOTALS: TabTotals = {
  localSteps: 0,
  samples: 0,
  rounds: 0,
  bytesSentPeers: 0,
  bytesReceivedPeers: 0,
  bytesSentState: 0,
  routes: NO_ROUTES,
  bytesSentCoordinator: 0,
  bytesReceivedCoordinator: 0,
  peersNow: 0,
  peersMax: 0,
  rejectedFrames: 0,
  trainMs: 0,
};

export function initialState(setup: RunSetup): LedgerState {
  const initial = { round: 0, term: 0, sha256: setup.initialCheckpoint, loss: null, accuracy: null };
  return {
    setup,
    state: 'waiting',
    reason: 'no volunteer is connected',
    term: 0,
    round: 0,
    shards: setup.shards.map(() => newShard()),
    epoch: 0,
    shardsCounted: 0,
    volunteers: new Map(),
    forgotten: { localSteps: 0, samples: 0 },
    checkpoints: [initial],
    best: null,
    duty: null,
    evaluationGeneration: 0,
    lateEvaluations: 0,
    evaluatedRound: 0,
    badEvaluations: 0,
    points: new Map(),
    pointVersion: 0,
    events: [],
    eventSequence: 0,
    divergences: 0,
    trainingStartedAtMs: null,
    endedAtMs: null,
    reached: false,
    lastAtMs: setup.createdAtMs,
  };
}

/** The checkpoint that a new term starts from. */
export const latestCheckpoint = (state: LedgerState): CheckpointView => state.checkpoints.at(-1)!;

/** The checkpoint worth downloading: the best (protocol task.ts), else the latest. */
export const servedCheckpoint = (state: LedgerState): CheckpointView => state.best ?? latestCheckpoint(state);

export const isOver = (state: RunState): boolean => state === 'finished' || state === 'failed';

/** Moves the state by one record. Total: any record that the ledger wrote can be folded again. */
export function applyRecord(state: LedgerState, record: LedgerRecord): void {
  state.lastAtMs = Math.max(state.lastAtMs, record.atMs);
  switch (record.kind) {
    case 'restarted':
      return note(state, record, null, 'the coordinator started again and goes on from its store');
    case 'joined': {
      const known = state.volunteers.get(record.volunteerId);
      const word = record.node ?? null;
      if (known === undefined) {
        state.volunteers.set(record.volunteerId, {
          adapter: record.adapter,
          links: record.links ?? 'direct',
          word,
          node: word,
          totals: NO_TOTALS,
          confirmedSamples: 0,
          joinedAtMs: record.atMs,
          leftAtMs: null,
          exit: null,
        });
        forgetOldest(state);
      } else {
        known.adapter = record.adapter;
        known.links = record.links ?? 'direct';
        // With the same word it comes back to where it was.
        if (known.word !== word) known.node = word;
        known.word = word;
        known.leftAtMs = null;
        known.exit = null;
      }
      return note(state, record, record.volunteerId, known === undefined ? 'joined' : 'came back');
    }
    case 'node': {
      const volunteer = state.volunteers.get(record.volunteerId);
      if (volunteer !== undefined) volunteer.node = record.node;
      return note(state, record, record.volunteerId, NODE_TEXTS[record.why]);
    }
    case 'left': {
      const volunteer = state.volunteers.get(record.volunteerId);
      if (volunteer === undefined) return;
      volunteer.leftAtMs = record.atMs;
      volunteer.exit = record.exit;
      volunteer.totals = { ...NO_TOTALS, ...record.totals };
      return note(state, record, record.volunteerId, `left (${record.exit})`);
    }
    case 'totals': {
      const volunteer = state.volunteers.get(record.volunteerId);
      // Books from before there were routes have none.
      if (volunteer !== undefined) volunteer.totals = { ...NO_TOTALS, ...record.totals };
      return;
    }
    case 'leased': {
      const shard = state.shards[record.shardIndex]!;
      shard.generation = record.generation;
      shard.lessee = record.volunteerId;
      shard.live = true;
      shard.lentAtMs = record.atMs;
      shard.deadlineMs = record.deadlineMs;
      return;
    }
    case 'released': {
      const shard = state.shards[record.shardIndex]!;
      shard.live = false;
      if (record.why !== 'left')
        note(state, record, shard.lessee, `shard ${record.shardIndex} ${RELEASED[record.why]}`);
      return;
    }
    case 'counted':
      return count(state, record);
    case 'founded':
      state.term = record.term;
      state.round = record.checkpoint.round;
      state.evaluatedRound = record.checkpoint.round;
      return note(
        state,
        record,
        record.volunteerId,
        `founds term ${record.term} from the checkpoint of round ${record.checkpoint.round}`,
      );
    case 'evaluation-asked':
      state.evaluationGeneration = record.generation;
      state.duty = {
        volunteerId: record.volunteerId,
        generation: record.generation,
        roundMin: record.roundMin,
        deadlineMs: record.deadlineMs,
        checkpointSha256: null,
      };
      return;
    case 'evaluation-dropped': {
      const holder = state.duty?.volunteerId ?? null;
      state.duty = null;
      if (record.isLate === true) state.lateEvaluations += 1;
      return note(state, record, holder, `the evaluation did not come: ${record.why}`);
    }
    case 'checkpoint-stored':
      if (state.duty !== null) state.duty.checkpointSha256 = record.sha256;
      return;
    case 'evaluated':
      return evaluated(state, record);
    case 'checkpoint-lost':
      // The initial one can be drawn again from the seed, so it stays whatever happens to its file.
      state.checkpoints = state.checkpoints.filter((kept, age) => age === 0 || kept.sha256 !== record.sha256);
      if (state.best?.sha256 === record.sha256) state.best = null;
      return note(state, record, null, `checkpoint ${record.sha256.slice(0, 12)} is gone or damaged on disk`);
    case 'point':
      state.trainingStartedAtMs ??= record.atMs;
      state.round = Math.max(state.round, record.round);
      return putPoint(state, record.round, record.atMs, {
        loss: record.loss,
        lossMin: record.lossMin,
        lossMax: record.lossMax,
        volunteers: record.volunteers,
      });
    case 'diverged':
      state.divergences++;
      return note(
        state,
        record,
        record.volunteerId,
        `replica differs at term ${record.term}, round ${record.round}`,
      );
    case 'state': {
      const changed = state.state !== record.state;
      state.state = record.state;
      state.reason = record.reason;
      if (isOver(record.state)) {
        state.endedAtMs = record.atMs;
        state.duty = null;
        for (const shard of state.shards) shard.live = false;
      }
      if (changed)
        note(state, record, null, record.reason === '' ? record.state : `${record.state}: ${record.reason}`);
      return;
    }
    default:
      record satisfies never;
  }
}

/** I-1: a shard moves by one epoch; the run's epoch moves when every shard has. */
function count(state: LedgerState, record: LedgerRecord & { kind: 'counted' }): void {
  const shard = state.shards[record.shardIndex]!;
  shard.live = false;
  shard.timesCounted++;
  shard.countedGeneration = shard.generation;
  const volunteer = state.volunteers.get(record.volunteerId);
  if (volunteer !== undefined)
    volunteer.confirmedSamples += state.setup.shards[record.shardIndex]!.sampleCount;
  if (shard.timesCounted === state.epoch + 1) state.shardsCounted++;
  if (state.shardsCounted < state.shards.length) return;
  state.epoch++;
  state.shardsCounted = state.shards.filter((s) => s.timesCounted > state.epoch).length;
  const times = state.epoch === 1 ? 'once' : `${state.epoch} times`;
  note(state, record, null, `epoch ${state.epoch} is done: every shard was trained on ${times}`);
}

function evaluated(state: LedgerState, record: LedgerRecord & { kind: 'evaluated' }): void {
  const { checkpoint } = record;
  state.duty = null;
  state.evaluatedRound = checkpoint.round;
  state.round = Math.max(state.round, checkpoint.round);
  state.badEvaluations = checkpoint.loss === null ? state.badEvaluations + 1 : 0;
  putPoint(state, checkpoint.round, record.atMs, {
    valLoss: checkpoint.loss,
    valAccuracy: checkpoint.accuracy,
    ...(checkpoint.error === undefined ? {} : { valError: checkpoint.error }),
    ...(checkpoint.parts === undefined
      ? {}
      : { valReconstruction: checkpoint.parts.reconstruction, valKl: checkpoint.parts.kl }),
  });
  if (checkpoint.loss === null) return note(state, record, record.volunteerId, 'the loss is not finite');
  const former = state.best;
  const isReaching = isReached(checkpoint, state.setup.manifest.training);
  const isBest =
    record.verdict === undefined
      ? isReaching || former === null || isBetter(checkpoint, former)
      : record.verdict === 'promoted';
  if (isBest) state.best = checkpoint;
  if (isReaching && isBest) state.reached = true;
  if (record.verdict === 'worse-loss')
    note(
      state,
      record,
      record.volunteerId,
      `round ${checkpoint.round} is kept but not promoted: its held-out loss ${checkpoint.loss.toPrecision(4)} is worse than ${former?.loss?.toPrecision(4)} of round ${former?.round}`,
    );
  const [initial, ...others] = state.checkpoints;
  state.checkpoints = [initial!, ...[...others, checkpoint].slice(-CHECKPOINTS_KEPT)];
}

function forgetOldest(state: LedgerState): void {
  if (state.volunteers.size <= GONE_VOLUNTEERS_MAX) return;
  for (const [id, volunteer] of state.volunteers) {
    if (volunteer.leftAtMs === null) continue;
    state.forgotten.localSteps += volunteer.totals.localSteps;
    state.forgotten.samples += volunteer.totals.samples;
    state.volunteers.delete(id);
    return;
  }
}

function note(state: LedgerState, record: LedgerRecord, volunteerId: VolunteerId | null, text: string): void {
  state.events.push({
    sequence: ++state.eventSequence,
    atMs: Math.max(0, Math.round(record.atMs - state.setup.createdAtMs)),
    kind: record.kind,
    volunteerId,
    text: text.slice(0, EVENT_TEXT_MAX_CHARACTERS),
  });
  if (state.events.length > EVENTS_MAX) state.events = state.events.slice(-EVENTS_MAX / 2);
}
