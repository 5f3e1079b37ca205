/** A plan as sentences: why this strategy, and why not more tabs. Pure text. */
import { LIMITS } from '@murmuration/protocol';
import { GROUP_GAIN_SHARE, LOCAL_STEPS_TRIED, sentBytes, type Choice } from './choose.ts';
import type { Strategy, Task } from './crowd.ts';
import type { Prediction } from './predict.ts';
import type { Cause, Returns } from './returns.ts';

export const timeText = (ms: number): string => {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 2 * 3_600_000) return `${(ms / 60_000).toFixed(ms < 600_000 ? 1 : 0)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
};
export const bytesText = (bytes: number): string => {
  if (bytes < 1_000) return `${Math.round(bytes)} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
};
export const percentText = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** What holds a round up, in the middle of a sentence. */
const BOUND_WORDS = {
  training: 'training',
  uplink: 'the uplink',
  downlink: 'the downlink',
  coordinator: "the coordinator's line",
  latency: 'the way there and back',
} as const;

const REFUSED_SHOWN = 3;

/** Why this strategy and no other: a sentence a thing. */
export function reasonsFor({ best, others, refused, ungrouped }: Choice): string[] {
  const { strategy, cost } = best;
  return [
    groupSentence(best),
    ...(strategy.architecture === 'hybrid'
      ? ['A tab without a way to its peers sends its update once, and the coordinator copies it.']
      : []),
    ...(ungrouped === undefined ? groupSentences(best, others) : [ungroupedSentence(best, ungrouped)]),
    exchangeSentence(best),
    ...localStepsSentences(best, others),
    ...codecSentences(best, others),
    ...others
      .filter((other) => wayText(other.strategy) !== wayText(strategy))
      .map(
        (other) =>
          `${wayText(other.strategy)} instead of ${wayText(strategy)}: ${against(other, best)}${waitWords(other)}.`,
      ),
    ...(cost.codec.startsWith('topk')
      ? ['With top-k updates set optimiser: rmsprop-floored, which learns better with them.']
      : []),
    ...refused.slice(0, REFUSED_SHOWN).map((reason) => `Left out: ${reason}.`),
    ...(refused.length > REFUSED_SHOWN ? [`And ${refused.length - REFUSED_SHOWN} more of this kind.`] : []),
  ];
}

/** Who averages, and whether anybody is waited for. */
export const wayText = ({ architecture, schedule }: Pick<Strategy, 'architecture' | 'schedule'>): string =>
  schedule === 'asynchronous' ? `${architecture} without rounds` : architecture;
/** The same with the run's `group`. */
export const waysText = ({
  group,
  ...way
}: Pick<Strategy, 'architecture' | 'schedule'> & { readonly group?: number | null }): string =>
  group == null ? wayText(way) : `${wayText(way)} in groups of ${group}`;

function groupSentence({ strategy: { schedule, group }, cost: { grouping } }: Prediction): string {
  const { kind, tabs, groupTabs, mates, mixingRounds } = grouping;
  switch (kind) {
    case 'alone':
      return 'One tab trains alone and exchanges with nobody.';
    case 'one-group':
      return `All ${tabs} tabs are one group: everybody sends to ${mates} others, and all stand on the same model.`;
    case 'crews':
      if (group !== undefined)
        return `${tabs} tabs train in groups of about ${groupTabs.toFixed(0)}, other ones in each of four rounds: everybody sends to ${mates.toFixed(0)} others, and what one group learned is everywhere ${mixingRounds.toFixed(1)} rounds later than in one group.`;
      return `${tabs} tabs are more than one group holds (${LIMITS.groupMaxMembers}), so they train in crews of about ${groupTabs.toFixed(0)}.`;
    case 'server':
      if (schedule === 'asynchronous')
        return `${tabs} tabs send to the coordinator, which moves on with every quarter of them and waits for nobody.`;
      return `${tabs} tabs send to the coordinator, which averages and answers each with one update.`;
    default:
      return kind satisfies never;
  }
}

/** Why groups were chosen. */
function ungroupedSentence(best: Prediction, ungrouped: Prediction | null): string {
  if (ungrouped === null) return 'Without a group of its own nothing fits.';
  const { localSteps, codec } = ungrouped.strategy;
  return `group: auto, at its best (${wayText(ungrouped.strategy)}, ${localSteps} local steps, ${codec}): ${against(ungrouped, best)}${waitWords(ungrouped)}.`;
}

/** What the fastest of the groups that were looked at would bring, or none at all. */
function groupSentences(best: Prediction, others: readonly Prediction[]): string[] {
  const { architecture, group } = best.strategy;
  const [other] = others
    .filter(({ strategy }) => strategy.architecture === architecture && strategy.group !== group)
    .toSorted((a, b) => a.timeMs - b.timeMs);
  if (other === undefined) return [];
  const tooLittle =
    other.timeMs < best.timeMs
      ? `; a group is chosen where all of its plan saves ${percentText(GROUP_GAIN_SHARE)} and more`
      : '';
  return [
    `group: ${other.strategy.group ?? 'auto'} instead of ${group ?? 'auto'}: ${against(other, best)}${waitWords(other)}${tooLittle}.`,
  ];
}

function exchangeSentence({ strategy, cost }: Prediction): string {
  const { grouping, bound, exchangeMs, trainMs } = cost;
  const { localSteps } = cost;
  if (grouping.kind === 'alone')
    return `A round is ${localSteps} steps of ${timeText(trainMs / localSteps)}.`;
  const longer =
    localSteps > strategy.localSteps
      ? ` Rounds become that long by themselves (SPEC R17): ${strategy.localSteps} are asked for.`
      : '';
  return bound === 'training'
    ? `The exchange (${timeText(exchangeMs)}) hides behind ${localSteps} local steps (${timeText(trainMs)}).${longer}`
    : `The exchange (${timeText(exchangeMs)}, mostly ${BOUND_WORDS[bound]}) takes longer than ${localSteps} local steps (${timeText(trainMs)}), and yet more steps a round would learn less than they cost.${longer}`;
}

/** The number of local steps below and above. */
function localStepsSentences(best: Prediction, others: readonly Prediction[]): string[] {
  const { localSteps } = best.strategy;
  const at = LOCAL_STEPS_TRIED.findIndex((steps) => steps >= localSteps);
  const of = (steps: number | undefined) => others.find(({ strategy }) => strategy.localSteps === steps);
  const [fewer, more] = [of(LOCAL_STEPS_TRIED[at - 1]), of(LOCAL_STEPS_TRIED[at + 1])];
  return [
    ...(fewer === undefined
      ? []
      : [`Fewer local steps (${fewer.strategy.localSteps}): ${against(fewer, best)}${waitWords(fewer)}.`]),
    ...(more === undefined ? [] : [`More (${more.strategy.localSteps}): ${against(more, best)}.`]),
  ];
}

/** The codecs that send a little more, and a little less. */
function codecSentences(best: Prediction, others: readonly Prediction[]): string[] {
  const { codec } = best.strategy;
  const rest = others
    .filter(({ strategy }) => strategy.codec !== codec)
    .toSorted((a, b) => a.cost.upBytes - b.cost.upBytes);
  const denser = rest.find(({ cost }) => cost.upBytes > best.cost.upBytes);
  const sparser = rest.findLast(({ cost }) => cost.upBytes < best.cost.upBytes);
  return [denser, sparser].flatMap((other) =>
    other === undefined
      ? []
      : [`${other.strategy.codec} instead of ${codec}: ${against(other, best)}${waitWords(other)}.`],
  );
}

const waitWords = ({ cost: { bound } }: Prediction) =>
  bound === 'training' ? '' : `; a round would wait for ${BOUND_WORDS[bound]}`;

function against(other: Prediction, best: Prediction): string {
  const time = other.timeMs / best.timeMs - 1;
  const bytes = sentBytes(other) / Math.max(1, sentBytes(best));
  const slower =
    Math.abs(time) < 0.005
      ? 'the same time'
      : `${percentText(Math.abs(time))} ${time > 0 ? 'slower' : 'faster'}`;
  return bytes > 1.05 || bytes < 0.95
    ? `${slower}, ${bytes >= 10 ? bytes.toFixed(0) : bytes.toFixed(2)} times the bytes`
    : slower;
}

const CAUSE_WORDS: Readonly<Record<Exclude<Cause['what'], 'places'>, string>> = {
  steps: 'to steps that are needed however many samples stand behind each',
  rounds:
    'to rounds that no local step replaces (a mean of the last rounds is evaluated, and what a codec leaves out waits)',
  exchange: 'to exchange that training does not hide',
  start: 'to the start, and to tabs that leave and come',
};
/** A cause under this share is not worth a word. */
const WORD_SHARE = 0.05;

/** How many tabs are worth having, and why more are not. */
export function returnsWords(task: Task, { worthHaving, noiseShare, causes, rows }: Returns): string[] {
  const here = rows.find(({ tabs }) => tabs === worthHaving)!;
  const samples = here.best.footing.tabs * task.batchSize;
  const critical = task.learning.noiseSamples;
  const rest = causes.flatMap(({ what, share }) =>
    what === 'places' || share < WORD_SHARE ? [] : [`${percentText(share)} ${CAUSE_WORDS[what]}`],
  );
  return [
    `Worth having: about ${worthHaving} ${worthHaving === 1 ? 'tab' : 'tabs'}. Another doubling saves less than a tenth of the time.`,
    `There a step stands on ${samples.toFixed(0)} samples, ${(samples / critical).toFixed(1)} times the critical batch: noise costs ${percentText(noiseShare)} of the time, and twice as many tabs save at most half of that.`,
    `The rest goes ${rest.join('; ')}.`,
    ...(causes.some(({ what }) => what === 'places')
      ? [`An averaging server has ${LIMITS.linksMax} places; whoever comes later waits for one.`]
      : []),
  ];
}
