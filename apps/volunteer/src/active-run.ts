/**
 * What the consent screen must know of the coordinator's runs, parsed by hand from GET /api/public/runs: the schemas of the
 * protocol room would cost more bytes than everything else that a stranger loads before the click.
 *
 * Reads only the fields that it shows; refuses an answer in which one of them has another shape.
 */
import type { RunState, TaskKind } from '@murmuration/protocol';

export interface ActiveRun {
  readonly name: string;
  readonly state: RunState;
  readonly datasetName: string;
  readonly task: Task;
  readonly licence: string;
  readonly volunteers: number;
  readonly round: number;
  readonly accuracy: number | null;
  readonly targetAccuracy: number | null;
  readonly dataPerHour: DataPerHour;
  /** The model as it stands and the samples that a newcomer fetches first. */
  readonly firstDownloadBytes: number;
}

/** What the model is to learn; `other`: of a newer coordinator. */
export type Task = TaskKind | 'other';
const TASKS: readonly Task[] = ['class', 'value', 'next-token', 'autoencoding'];
/** Whether there is a right answer to each sample, and so a share of them. */
export const hasAnswers = (task: Task): boolean => task !== 'value' && task !== 'autoencoding';

/**
 * What one device sends and receives in an hour, each way. `measured` false: no round was timed yet, so a pace is supposed
 * (`SUPPOSED_ROUND_MS`).
 */
export interface DataPerHour {
  readonly measured: boolean;
  readonly bytesEachWay: number;
}
/** A round a second: what small models on ordinary machines do. */
const SUPPOSED_ROUND_MS = 1_000;

/**
 * The coordinator's policy: the oldest run (it lists them by age) that is open for work; a paused one is only waited for.
 */
const CHOICES: readonly (readonly RunState[])[] = [['waiting', 'training', 'degraded'], ['paused']];

/**
 * The run that a newcomer would help, or null: there is none.
 * @throws TypeError naming the place when the answer has another shape.
 */
export function activeRunOf(answer: unknown): ActiveRun | null {
  const runs = list(answer, 'answer').map((entry, index) => record(entry, `runs[${index}]`));
  for (const states of CHOICES)
    for (const run of runs) {
      const state = states.find((each) => each === run['state']);
      if (state !== undefined) return parsed(run, state);
    }
  return null;
}

function parsed(run: Fields, state: RunState): ActiveRun {
  const volunteers = number(run['volunteersConnected'], 'volunteersConnected');
  const round = number(run['round'], 'round');
  const parameterCount = number(run['parameterCount'], 'parameterCount');
  return {
    name: text(run['name'], 'name'),
    state,
    datasetName: text(run['datasetName'], 'datasetName'),
    task: TASKS.find((task) => task === run['task']) ?? 'other',
    licence: text(run['licence'], 'licence'),
    volunteers,
    round,
    accuracy: numberOrNull(run['accuracy'], 'accuracy'),
    targetAccuracy: numberOrNull(run['targetAccuracy'], 'targetAccuracy'),
    dataPerHour: dataPerHour({
      roundBytes: number(run['roundBytes'], 'roundBytes'),
      volunteers,
      roundCount: round,
      trainingMs: number(run['trainingMs'], 'trainingMs'),
    }),
    firstDownloadBytes: STATE_BYTES_PER_PARAMETER * parameterCount + number(run['shardBytes'], 'shardBytes'),
  };
}

/** A replica on its way: weights of four bytes, and a byte of the optimiser's memory. */
const STATE_BYTES_PER_PARAMETER = 5;

/** Rounds timed before the pace counts as known; fewer are mostly the first compilation of shaders. A guess. */
const ROUNDS_FOR_A_PACE = 5;

/** The coordinator knows what a device sends in a round, to whom, and how long rounds have been. */
export function dataPerHour(run: {
  readonly roundBytes: number;
  readonly volunteers: number;
  readonly roundCount: number;
  readonly trainingMs: number;
}): DataPerHour {
  const measured = run.roundCount >= ROUNDS_FOR_A_PACE && run.trainingMs > 0 && run.volunteers > 0;
  const roundMs = measured ? run.trainingMs / run.roundCount : SUPPOSED_ROUND_MS;
  return { measured, bytesEachWay: run.roundBytes * (3_600_000 / roundMs) };
}

type Fields = Readonly<Record<string, unknown>>;

function record(value: unknown, place: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${place}: not an object`);
  return value as Fields;
}
function list(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${place}: not a list`);
  return value;
}
function number(value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError(`${place}: not a number`);
  return value;
}
const numberOrNull = (value: unknown, place: string): number | null =>
  value === null ? null : number(value, place);
function text(value: unknown, place: string): string {
  if (typeof value !== 'string') throw new TypeError(`${place}: not a text`);
  return value;
}
