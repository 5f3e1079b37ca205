/**
 * What a run has to show at its end: the figures that assertions are about, and the evidence that it was real. A run is
 * never green on nothing: every tab that counts trained on the backend that was promised, took part in exchanges, and
 * received bytes of its peers over data channels, or of the averaging server of a central run. In a hybrid run peers were
 * reached in both ways, over data channels and through the coordinator. Pure.
 */
import { serverOf, tiersOf, type Adapter, type RunView, type VolunteerView } from '@murmuration/protocol';
import type { Figures } from './asserts.ts';

export interface Evidence {
  readonly run: RunView;
  readonly volunteers: readonly VolunteerView[];
  readonly faultCount: number;
  /** Other backends than WebGPU that `--allow-backend` named. */
  readonly backendsAllowed: readonly string[];
}

/**
 * Who counts: tabs that trained. A tab that was there at the end without training counts too, unless it came so late that
 * it can be no fault of its own: in the last `LATE_SHARE` of the run.
 */
const LATE_SHARE = 0.25;

export function countedTabs({ run, volunteers }: Evidence): VolunteerView[] {
  const lateFromMs = run.elapsedMs - LATE_SHARE * run.trainingMs;
  return volunteers.filter(
    ({ totals, connected, exit, joinedAtMs }) =>
      totals.localSteps > 0 || ((connected || exit === 'run-finished') && joinedAtMs < lateFromMs),
  );
}

/** In a run with tiers: as many frames as there were rounds of a node, or more. What mates said was not heard. */
function refusesItsNode({ manifest: { training } }: RunView, { totals }: VolunteerView): boolean {
  const tiers = tiersOf(training);
  return tiers !== null && totals.rejectedFrames * tiers.insideEvery > totals.localSteps;
}

/** Tabs that were killed within their first round have exchanged nothing, and need not have. */
const stayed = ({ connected, exit }: VolunteerView) => connected || exit === 'run-finished';
const isNamed = ({ vendor, architecture, description }: Adapter) =>
  [vendor, architecture, description].some((word) => word !== '');
const isWebGpu = ({ adapter }: VolunteerView) => adapter.backend === 'webgpu' && isNamed(adapter);
const isExchanging = ({ totals }: VolunteerView) => totals.rounds > 0 && totals.bytesReceivedPeers > 0;
const channelBytes = ({ totals: { routes } }: VolunteerView) =>
  routes.direct.bytesReceived + routes.relayed.bytesReceived;

/** Both ways: who only receives takes no part. */
const isRelayed = ({ totals: { rounds, routes } }: VolunteerView) =>
  rounds > 0 && routes.coordinator.bytesReceived > 0 && routes.coordinator.bytesSent > 0;

/** In a central run what peers learned comes through the averaging server alone (SPEC S). */
const isCentral = ({ manifest }: RunView): boolean => serverOf(manifest) !== null;
const isHybrid = ({ manifest }: RunView): boolean => manifest.training.architecture === 'hybrid';

/** How tabs learned of each other, where it was not over data channels alone; empty: it was. */
export function wayOfLearning(run: RunView, { coordinator_share: share }: Figures): string {
  if (isCentral(run)) return 'what tabs learned of each other came from the averaging server alone';
  if (!isHybrid(run)) return '';
  return `${(100 * (share ?? 0)).toFixed(1)} % of the peer bytes that arrived came through the coordinator`;
}

export function figuresOf(evidence: Evidence): Figures {
  const { run, volunteers, faultCount } = evidence;
  const counted = countedTabs(evidence);
  const { manifest, best, latest } = run;
  const shown = best ?? latest;
  const sum = (of: (tab: VolunteerView) => number) => volunteers.reduce((total, tab) => total + of(tab), 0);
  const { localSteps: H, batchSize } = manifest.training;
  const linkSteps = sum(({ totals }) => totals.localSteps * Math.max(1, totals.peersMax));
  const departed = volunteers.filter((tab) => !stayed(tab));
  const unconfirmed = departed.reduce(
    (total, { totals, confirmedSamples }) => total + Math.max(0, totals.samples - confirmedSamples),
    0,
  );
  return {
    val_acc: shown?.accuracy ?? null,
    val_loss: shown?.loss ?? null,
    val_error: shown?.error ?? null,
    val_reconstruction: shown?.parts?.reconstruction ?? null,
    val_kl: shown?.parts?.kl ?? null,
    rounds: run.round,
    local_steps: run.localSteps,
    samples: run.samples,
    seconds: run.trainingMs / 1_000,
    reached: run.reached ? 1 : 0,
    divergences: run.divergences,
    spread: run.divergences === 0 && run.round > 0 ? 0 : null,
    tabs: counted.length,
    tabs_webgpu: counted.filter(isWebGpu).length,
    nodes: nodesOf(counted.filter(stayed)),
    tabs_exchanging: counted.filter(isExchanging).length,
    bytes_per_param_step:
      linkSteps === 0
        ? null
        : sum(({ totals }) => totals.bytesSentPeers) / linkSteps / manifest.parameterCount,
    bytes_to_peers: sum(({ totals }) => totals.bytesSentPeers),
    coordinator_share: shareOf(
      sum(({ totals }) => totals.routes.coordinator.bytesReceived),
      sum(({ totals }) => totals.bytesReceivedPeers),
    ),
    bytes_to_coordinator: sum(({ totals }) => totals.bytesSentCoordinator),
    lost_updates: Math.ceil(unconfirmed / (H * batchSize)),
    departures: departed.length,
    faults: faultCount,
  };
}

/** Null: there are no tiers. */
function nodesOf(tabs: readonly VolunteerView[]): number | null {
  const nodes = new Set(tabs.flatMap(({ node }) => node ?? []));
  return nodes.size === 0 ? null : nodes.size;
}

const shareOf = (part: number, whole: number) => (whole === 0 ? null : part / whole);

/** Why this run proves nothing; empty: it is evidence. Each line names tab and cause. */
export function emptiness(evidence: Evidence, tabsWished: number): string[] {
  const { run, volunteers, backendsAllowed } = evidence;
  const counted = countedTabs(evidence);
  const wrong: string[] = [];
  if (run.localSteps === 0) wrong.push('nothing was trained');
  if (run.round === 0) wrong.push('no round was closed');
  if (counted.length < tabsWished)
    wrong.push(`${counted.length} of ${tabsWished} tabs count (${volunteers.length} joined)`);
  for (const tab of counted) {
    const name = `tab ${tab.id.slice(0, 10)}`;
    const { backend } = tab.adapter;
    if (!isWebGpu(tab) && !backendsAllowed.includes(backend))
      wrong.push(
        backend === 'webgpu'
          ? `${name} names no adapter`
          : `${name} trained on ${backend}, not webgpu (--allow-backend ${backend} would allow it)`,
      );
    if (!stayed(tab)) continue;
    if (tab.totals.localSteps === 0) wrong.push(`${name} trained nothing (${tab.state})`);
    if (tabsWished > 1 && tab.totals.rounds === 0) wrong.push(`${name} took part in no exchange`);
    if (refusesItsNode(run, tab))
      wrong.push(`${name} refused ${tab.totals.rejectedFrames} frames of its peers`);
    if (isCentral(run)) {
      if (tab.totals.routes.coordinator.bytesReceived === 0)
        wrong.push(`${name} received nothing of the averaging server`);
    }
    // Who wants no peers, or found no way to them, gets its frames through the coordinator.
    else if (tabsWished > 1) {
      const mayBeRelayed = tab.links === 'no-peers' || isHybrid(run);
      if ((mayBeRelayed ? tab.totals.bytesReceivedPeers : channelBytes(tab)) === 0)
        wrong.push(`${name} received nothing ${mayBeRelayed ? 'of its peers' : 'over a data channel'}`);
    }
  }
  if (tabsWished > 1 && !isCentral(run) && counted.every((tab) => channelBytes(tab) === 0))
    wrong.push('nothing crossed a data channel');
  if (isHybrid(run) && !counted.some(isRelayed))
    wrong.push('nobody took part through the coordinator (--without-peers 1 opens a tab that does)');
  return wrong;
}
