/** What `murmur plan` says. Pure text. */
import {
  bytesText,
  percentText,
  reasonsFor,
  returnsWords,
  timeText,
  waysText,
  type Choice,
  type Crowd,
  type Prediction,
  type Return,
  type Returns,
  type Task,
} from '@murmuration/plan';
import { tableLines } from './api-command.ts';

export interface PlanText {
  readonly modelName: string;
  readonly task: Task;
  readonly crowd: Crowd;
  readonly choice: Choice;
  readonly returns: Returns;
  /** What nobody told. */
  readonly assumed: readonly string[];
}

export function planLines({ modelName, task, crowd, choice, returns, assumed }: PlanText): string[] {
  const { best } = choice;
  const { cost, memory, coordinatorBytes, strategy } = best;
  const number = (value: number) => value.toLocaleString('en');
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`;
  return [
    `${modelName} of ${number(task.parameterCount)} parameters, batches of ${task.batchSize}; ${crowd.tabs} ${crowd.tabs === 1 ? 'tab' : 'tabs'}, ${crowd.uplinkMbit} Mbit/s up and ${crowd.downlinkMbit} down, ${crowd.roundTripMs} ms round trip,`,
    `${Number((100 * crowd.churnPerMinute).toPrecision(3))} % leave in a minute, a step takes ${timeText(crowd.stepMs)} to ${timeText(crowd.stepMs * crowd.speedRatio)}.`,
    `The loss is the one that a tab alone comes to in ${number(Math.round(stepsAlone(task)))} steps.`,
    '',
    "Best (keys of a run's training; strategy: auto finds them for the tabs that are there)",
    `  architecture: ${strategy.architecture}`,
    ...(strategy.schedule === undefined ? [] : [`  schedule: ${strategy.schedule}`]),
    `  localSteps: ${strategy.localSteps}`,
    `  codec: ${strategy.codec}`,
    ...(strategy.group === undefined ? [] : [`  group: ${strategy.group}`]),
    '',
    'Predicted',
    `  time to the loss    ${timeText(best.timeMs)}: ${Math.ceil(best.rounds)} rounds of ${timeText(cost.roundMs)}${versionsText(best)}`,
    `  bytes of a tab      ${bytesText(cost.upBytes)} up and ${bytesText(cost.downBytes)} down a round, ${bytesText(cost.upBytes * best.rounds)} and ${bytesText(cost.downBytes * best.rounds)} in all`,
    `  memory of a tab     ${mebibytes(memory.totalBytes)}: ${mebibytes(memory.deviceBytes)} on the device, ${mebibytes(memory.heldBytes)} besides`,
    ...(cost.coordinatorInBytes === 0
      ? []
      : [
          `  the coordinator     ${bytesText(cost.coordinatorInBytes)} in and ${bytesText(cost.coordinatorOutBytes)} out a round, ${mebibytes(coordinatorBytes)} at most`,
        ]),
    '',
    'Why',
    ...reasonsFor(choice).map((reason) => `  ${reason}`),
    '',
    'How many tabs',
    ...tableLines(
      ['TABS', 'TIME', 'SPEED-UP', 'EFFICIENCY', 'SAVED', 'STRATEGY', 'ROUNDS WAIT FOR'],
      returns.rows.map(returnRow),
    ).map((line) => `  ${line}`),
    '',
    ...returnsWords(task, returns).map((sentence) => `  ${sentence}`),
    ...(assumed.length === 0 ? [] : ['', 'Assumed', ...assumed.map((text) => `  ${text}`)]),
    '',
    NOT_PLANNED,
  ];
}

/** What a run may have besides, and no plan foretells. */
export const NOT_PLANNED =
  'Not planned are tiers (which tabs share a machine or a network shows only when they are there) and exchange (how many steps a task needs is known for pseudo-gradients only).';

/** As `--steps-alone` says it. */
const stepsAlone = ({ learning: { stepsMin, noiseSamples }, batchSize }: Task) =>
  stepsMin * (1 + noiseSamples / batchSize);

/** A run without rounds counts the server's versions. */
const versionsText = ({ rounds, footing: { versionsARound }, strategy }: Prediction) =>
  strategy.schedule === 'asynchronous'
    ? `, as ${Math.ceil(rounds * versionsARound)} versions of the server's`
    : '';

const returnRow = ({ tabs, best, speedUp, efficiency, gained }: Return): string[] => [
  String(tabs),
  timeText(best.timeMs),
  `${speedUp.toFixed(1)}x`,
  percentText(efficiency),
  gained === null ? '' : percentText(gained),
  tabs === 1
    ? 'alone'
    : `${waysText(best.strategy)}, ${best.strategy.localSteps} local steps, ${best.strategy.codec}`,
  best.cost.bound === 'coordinator' ? 'the coordinator' : best.cost.bound,
];
