/** The ledger as the API shows it: plain values of protocol's schemas, made on demand. */
import {
  ownNodeName,
  tiersOf,
  type MetricPoint,
  type RunEvent,
  type RunView,
  type VolunteerView,
} from '@murmuration/protocol';
import type { RunLedger } from './ledger.ts';
import { latestCheckpoint } from './ledger-state.ts';
import type { LedgerState } from './ledger-state.ts';
import { forecast } from './progress.ts';

const since = (fromMs: number, toMs: number) => Math.max(0, Math.round(toMs - fromMs));

export function runView(ledger: RunLedger, nowMs: number): RunView {
  const { state, present } = ledger;
  const endMs = state.endedAtMs ?? nowMs;
  const totals = volunteerTotals(ledger);
  const losses = [...present.values()].flatMap(({ loss }) => (loss === null ? [] : [loss]));
  const isOver = state.endedAtMs !== null;
  const { progress, etaMs, lossLast } = outlookOf(state);
  const latest = latestCheckpoint(state);
  return {
    manifest: state.setup.manifest,
    state: state.state,
    reason: state.reason,
    createdAt: new Date(state.setup.createdAtMs).toISOString(),
    elapsedMs: since(state.setup.createdAtMs, endMs),
    trainingMs: state.trainingStartedAtMs === null ? 0 : since(state.trainingStartedAtMs, endMs),
    term: state.term,
    round: state.round,
    volunteersConnected: present.size,
    localSteps: totals.localSteps,
    samples: totals.samples,
    epoch: state.epoch,
    shardsCounted: state.shardsCounted,
    lossLatest: losses.length > 0 ? losses.reduce((a, b) => a + b, 0) / losses.length : lossLast,
    best: state.best,
    latest: latest.loss === null ? null : latest,
    reached: state.reached,
    divergences: state.divergences,
    progress: isOver ? 1 : progress,
    etaMs: isOver ? [0, 0] : etaMs,
  };
}

interface Outlook extends ReturnType<typeof forecast> {
  readonly lossLast: number | null;
}

/** Lists are asked for every few seconds; what follows from a curve alone is worked out once a change of it. */
const outlooks = new WeakMap<
  LedgerState,
  { readonly version: number; readonly round: number; readonly outlook: Outlook }
>();
function outlookOf(state: LedgerState): Outlook {
  const known = outlooks.get(state);
  if (known?.version === state.pointVersion && known.round === state.round) return known.outlook;
  const points = metricPoints(state);
  const outlook = {
    ...forecast(points, state.round, state.setup.manifest.training),
    lossLast: points.findLast((point) => point.loss !== null)?.loss ?? null,
  };
  outlooks.set(state, { version: state.pointVersion, round: state.round, outlook });
  return outlook;
}

function volunteerTotals(ledger: RunLedger): { localSteps: number; samples: number } {
  const sum = { ...ledger.state.forgotten };
  for (const [id, volunteer] of ledger.state.volunteers) {
    const totals = ledger.present.get(id)?.totals ?? volunteer.totals;
    sum.localSteps += totals.localSteps;
    sum.samples += totals.samples;
  }
  return sum;
}

export function volunteerViews(ledger: RunLedger, nowMs: number): VolunteerView[] {
  const { createdAtMs } = ledger.state.setup;
  const isTiered = tiersOf(ledger.state.setup.manifest.training) !== null;
  const views: VolunteerView[] = [];
  let roundMax = 0;
  for (const { head } of ledger.present.values()) roundMax = Math.max(roundMax, head?.round ?? 0);
  for (const [id, volunteer] of ledger.state.volunteers) {
    const presence = ledger.present.get(id);
    views.push({
      id,
      adapter: volunteer.adapter,
      links: volunteer.links,
      node: isTiered ? (volunteer.node ?? ownNodeName(id)) : null,
      state: presence?.word ?? (volunteer.exit === null ? 'reconnecting' : 'left'),
      connected: presence !== undefined,
      round: presence?.head?.round ?? null,
      loss: presence?.loss ?? null,
      stepsPerSecond: presence?.stepsPerSecond ?? 0,
      duty: presence?.duty ?? null,
      rttMs: presence?.rttMs ?? null,
      staleRounds: presence?.head == null ? null : Math.max(0, roundMax - presence.head.round),
      totals: presence?.totals ?? volunteer.totals,
      confirmedSamples: volunteer.confirmedSamples,
      joinedAtMs: since(createdAtMs, volunteer.joinedAtMs),
      leftAtMs: volunteer.leftAtMs === null ? null : since(createdAtMs, volunteer.leftAtMs),
      exit: volunteer.exit,
      heartbeatAgeMs: since(presence?.heardAtMs ?? volunteer.leftAtMs ?? ledger.state.lastAtMs, nowMs),
    });
  }
  return views;
}

/** All points by round, ascending. */
export const metricPoints = (state: LedgerState): MetricPoint[] => pointsAfter(state, 0).points;

/** Points written or changed after `version`, and the version to ask with next time. */
export function pointsAfter(state: LedgerState, version: number): { points: MetricPoint[]; version: number } {
  const points: MetricPoint[] = [];
  for (const { version: written, ...point } of state.points.values())
    if (written > version) points.push(point);
  points.sort((a, b) => a.round - b.round);
  return { points, version: state.pointVersion };
}

export const eventsAfter = (state: LedgerState, sequence: number): RunEvent[] =>
  state.events.filter((event) => event.sequence > sequence);
