/** The crowd that a run is planned for: what is known of the tabs that are connected, and what has to be assumed. Pure. */
import { believedMax, believedMin } from '@murmuration/codec';
import { ASSUMED_CROWD, ASSUMED_LINES, middleStepMs, stepWords } from './assumed.ts';
import type { Crowd } from './crowd.ts';
import { percentText, timeText } from './words.ts';

/** A connected tab, as far as a coordinator knows it. */
export interface KnownTab {
  /** Exchanges through the coordinator only. */
  readonly isPathless: boolean;
  /** To its peers; null: not known. */
  readonly rttMs: number | null;
  /** What its uplink carried while something waited for it (SPEC C5); null: not known. */
  readonly uplinkMbit: number | null;
  /** While it trains; 0: not known. */
  readonly stepsPerSecond: number;
  /** The run that its speed is of; null: none. */
  readonly runId: string | null;
  /** Its speed is of steps of this size. */
  readonly isSameWork: boolean;
}

export interface PlannedCrowd {
  readonly crowd: Crowd;
  readonly assumed: readonly string[];
}

/** One tab is somebody who looks; more will come. */
const CROWD_MIN = 2;
/** Slower ones are lost tabs rather than the pace of a crowd. */
const SPEED_RATIO_MAX = 20;

/** Share of the tabs whose lines need not keep up; of four and more one at the least, as a line is its tab's word. */
const LEFT_BEHIND_SHARE = 0.1;
const LEFT_BEHIND_OF = 4;
/** A line left behind, or a speed that is not believed, is told where it would have made such a difference. */
const TOLD_RATIO = 1.25;

/** @param stepRangeMs of a step on a fast and on a slow machine, where none was measured */
export function crowdOf(
  tabs: readonly KnownTab[],
  { peersMin, stepRangeMs }: { readonly peersMin: number; readonly stepRangeMs: readonly [number, number] },
): PlannedCrowd {
  const assumed: string[] = [];
  const isCrowd = tabs.length >= CROWD_MIN;
  const count = Math.max(peersMin, isCrowd ? tabs.length : ASSUMED_CROWD.tabs);
  if (!isCrowd)
    assumed.push(
      `${count} tabs take part; ${tabs.length === 0 ? 'none is' : 'one is'} connected, which says nothing of a crowd`,
    );
  else if (count > tabs.length)
    assumed.push(`${count} tabs take part, as the run waits for so many; ${tabs.length} are connected`);
  const roundTrips = tabs.flatMap(({ rttMs }) => (rttMs === null ? [] : [rttMs])).toSorted((a, b) => a - b);
  const roundTripMs = roundTrips[Math.floor(roundTrips.length / 2)] ?? ASSUMED_CROWD.roundTripMs;
  if (roundTrips.length === 0) assumed.push(`a round trip of ${roundTripMs} ms`);
  const { churnPerMinute } = ASSUMED_CROWD;
  const known = ASSUMED_LINES.find(({ roundTripMaxMs }) => roundTripMs <= roundTripMaxMs)!;
  const { line, leftBehind } = lineOf(isCrowd ? tabs : [], known.line);
  assumed.push(
    `${lineWords(isCrowd ? tabs : [], known)}, and ${percentText(churnPerMinute)} of the tabs leaving in a minute`,
  );
  if (leftBehind !== null) assumed.push(leftBehind);
  const same = speedsOf(tabs.filter(({ isSameWork }) => isSameWork));
  const any = same.length > 0 ? same : speedsOf(mostOfOneRun(tabs));
  const isMeasured = any.length >= CROWD_MIN;
  const ratio = isMeasured ? believedMax(any) / believedMin(any) : ASSUMED_CROWD.speedRatio;
  const speedRatio = Math.min(SPEED_RATIO_MAX, ratio);
  if (!isMeasured) assumed.push(`the slowest tab takes ${speedRatio} times the fastest's step`);
  // The middle of the range is a middling tab; the fastest is as much faster as the slowest is slower.
  const stepMs =
    same.length > 0 ? 1_000 / believedMax(same) : middleStepMs(stepRangeMs) / Math.sqrt(speedRatio);
  if (same.length === 0) assumed.push(stepWords(stepRangeMs));
  if (isMeasured) assumed.push(...doubts(any));
  const pathless = tabs.filter(({ isPathless }) => isPathless).length;
  return {
    crowd: {
      ...{ tabs: count, ...line, roundTripMs, churnPerMinute, stepMs, speedRatio },
      pathlessShare: isCrowd ? pathless / tabs.length : 0,
    },
    assumed,
  };
}

type Line = Pick<Crowd, 'uplinkMbit' | 'downlinkMbit' | 'lossShare'>;

/** What was measured, and the assumed line for who was not: that one which all but a tenth have. */
function lineOf(tabs: readonly KnownTab[], assumed: Line): { line: Line; leftBehind: string | null } {
  if (tabs.every(({ uplinkMbit }) => uplinkMbit === null)) return { line: assumed, leftBehind: null };
  const uplinks = tabs.map(({ uplinkMbit }) => uplinkMbit ?? assumed.uplinkMbit).toSorted((a, b) => a - b);
  const count = Math.floor(LEFT_BEHIND_SHARE * uplinks.length);
  const left = uplinks.length < LEFT_BEHIND_OF ? count : Math.max(1, count);
  const uplinkMbit = uplinks[left]!;
  return {
    line: { ...assumed, uplinkMbit, downlinkMbit: Math.max(assumed.downlinkMbit, uplinkMbit) },
    leftBehind:
      uplinkMbit < TOLD_RATIO * uplinks[0]!
        ? null
        : `the run need not wait for the ${left} of ${tabs.length} tabs with the thinnest lines, from ${number(uplinks[0]!)} Mbit/s up`,
  };
}

/** Of speeds, ascending, those at the ends that count for less than they say. */
function doubts(speeds: readonly number[]): string[] {
  const said = (speed: number) => `a tab that says ${number(speed)} steps a second counts as one of`;
  const [slow, fast] = [believedMin(speeds), believedMax(speeds)];
  return [
    ...(speeds.at(-1)! < TOLD_RATIO * fast ? [] : [`${said(speeds.at(-1)!)} ${number(fast)}`]),
    ...(speeds[0]! > slow / TOLD_RATIO ? [] : [`${said(speeds[0]!)} ${number(slow)}`]),
  ].map((text) => `${text}, as the others do not bear it out`);
}

const number = (value: number) => Number(value.toPrecision(3));

function lineWords(tabs: readonly KnownTab[], { words, line }: (typeof ASSUMED_LINES)[number]): string {
  const unknown = tabs.filter(({ uplinkMbit }) => uplinkMbit === null).length;
  if (tabs.length > 0 && unknown === 0) return `${line.downlinkMbit} Mbit/s down, or as much as up`;
  const whose =
    unknown === tabs.length ? '' : `for the ${unknown} of ${tabs.length} tabs whose line was not measured `;
  return `${whose}${words} of ${line.uplinkMbit} Mbit/s up`;
}

/** Ascending. */
const speedsOf = (tabs: readonly KnownTab[]): number[] =>
  tabs
    .flatMap(({ stepsPerSecond }) => (stepsPerSecond > 0 ? [stepsPerSecond] : []))
    .toSorted((a, b) => a - b);

/** Speeds of two runs do not compare. */
function mostOfOneRun(tabs: readonly KnownTab[]): readonly KnownTab[] {
  const byRun = new Map<string, KnownTab[]>();
  for (const tab of tabs)
    if (tab.runId !== null && tab.stepsPerSecond > 0) {
      const ofRun = byRun.get(tab.runId);
      if (ofRun === undefined) byRun.set(tab.runId, [tab]);
      else ofRun.push(tab);
    }
  return [...byRun.values()].reduce((a, b) => (b.length > a.length ? b : a), []);
}

/** In one sentence without its end. */
export function crowdText({
  tabs,
  uplinkMbit,
  downlinkMbit,
  roundTripMs,
  churnPerMinute,
  stepMs,
  speedRatio,
  pathlessShare = 0,
}: Crowd): string {
  return [
    `${tabs} ${tabs === 1 ? 'tab' : 'tabs'}`,
    `${number(uplinkMbit)} Mbit/s up and ${number(downlinkMbit)} down`,
    `${number(roundTripMs)} ms round trip`,
    `${number(100 * churnPerMinute)} % leave in a minute`,
    `a step takes ${timeText(stepMs)} to ${timeText(stepMs * speedRatio)}`,
    ...(pathlessShare > 0 ? [`${percentText(pathlessShare)} have no way to their peers`] : []),
  ].join(', ');
}
