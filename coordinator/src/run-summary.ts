/** A run as a line of a list, as anybody may see it, and beside others. Made on demand from its ledger. */
import { sentBytesARound, SPARKLINE_POINTS_MAX, taskOf } from '@murmuration/protocol';
import type { Comparison, MetricPoint, PublicRun, RunManifest, RunSummary } from '@murmuration/protocol';
import { sparkline, thinnedPoints } from './downsample.ts';
import { metricPoints, runView } from './ledger.ts';
import type { LedgerState, RunLedger } from './ledger.ts';

export function runSummary(ledger: RunLedger, nowMs: number, sweepId: string | null): RunSummary {
  const view = runView(ledger, nowMs);
  const { manifest } = view;
  return {
    id: manifest.id,
    name: manifest.name,
    state: view.state,
    reason: view.reason,
    createdAt: view.createdAt,
    elapsedMs: view.elapsedMs,
    trainingMs: view.trainingMs,
    seed: manifest.seed,
    modelName: manifest.model.name,
    parameterCount: manifest.parameterCount,
    datasetId: manifest.dataset.id,
    datasetName: manifest.dataset.name,
    codec: manifest.training.codec,
    round: view.round,
    roundsMax: manifest.training.roundsMax,
    volunteersConnected: view.volunteersConnected,
    lossLatest: view.lossLatest,
    best: view.best,
    targetAccuracy: manifest.training.targetAccuracy,
    reached: view.reached,
    progress: view.progress,
    etaMs: view.etaMs,
    sparkline: sparklineOf(ledger.state),
    forkOf: manifest.forkOf?.runId ?? null,
    sweepId,
  };
}

/** Lists are asked for every few seconds; a curve that did not move is not thinned again. */
const sparklines = new WeakMap<
  object,
  { readonly version: number; readonly picture: RunSummary['sparkline'] }
>();
function sparklineOf(state: Readonly<LedgerState>): RunSummary['sparkline'] {
  const known = sparklines.get(state);
  if (known?.version === state.pointVersion) return known.picture;
  const picture = sparkline(metricPoints(state), SPARKLINE_POINTS_MAX);
  sparklines.set(state, { version: state.pointVersion, picture });
  return picture;
}

/** A curve for pictures; comparisons are asked for again and again, and runs that are over do not move. */
const curves = new WeakMap<
  object,
  { readonly version: number; readonly most: number; readonly points: MetricPoint[] }
>();
export function thinnedCurve(state: Readonly<LedgerState>, most: number): MetricPoint[] {
  const known = curves.get(state);
  if (known?.version === state.pointVersion && known.most === most) return known.points;
  const points = thinnedPoints(metricPoints(state), most);
  curves.set(state, { version: state.pointVersion, most, points });
  return points;
}

/** Nothing of anybody's device, address or id. */
export function publicRun(ledger: RunLedger, nowMs: number): PublicRun {
  const view = runView(ledger, nowMs);
  const { manifest } = view;
  return {
    id: manifest.id,
    name: manifest.name,
    state: view.state,
    reason: view.reason,
    createdAt: view.createdAt,
    elapsedMs: view.elapsedMs,
    trainingMs: view.trainingMs,
    datasetName: manifest.dataset.name,
    licence: manifest.dataset.licence,
    task: taskOf(manifest).kind,
    shardBytes: Math.round(
      ledger.state.setup.shards.reduce((sum, shard) => sum + shard.byteLength, 0) /
        ledger.state.setup.shards.length,
    ),
    modelName: manifest.model.name,
    parameterCount: manifest.parameterCount,
    codec: manifest.training.codec,
    roundBytes: sentBytesARound(manifest, Math.max(2, 1 + view.volunteersConnected)),
    round: view.round,
    roundsMax: manifest.training.roundsMax,
    samples: view.samples,
    volunteersConnected: view.volunteersConnected,
    volunteersEver: ledger.state.volunteers.size,
    accuracy: view.best?.accuracy ?? null,
    loss: view.best?.loss ?? view.lossLatest,
    targetAccuracy: manifest.training.targetAccuracy,
    progress: view.progress,
    etaMs: view.etaMs,
  };
}

export function comparison(ledgers: readonly RunLedger[], pointsMax: number, nowMs: number): Comparison {
  const asked = ledgers.map(({ state }) => configurationOf(state.setup.manifest));
  const kinds = asked.map(({ model }) => model.layers.map(({ kind }) => kind).join());
  // Other layers at the same place have nothing to do with one another: then the two lists are what differs.
  const whole = new Set(new Set(kinds).size > 1 ? ['model.layers'] : []);
  const configurations = asked.map((each) => flattened(each, whole));
  const keys = [...new Set(configurations.flatMap((each) => [...each.keys()]))];
  return {
    runs: ledgers.map((ledger) => {
      const { manifest, state, best, samples, trainingMs } = runView(ledger, nowMs);
      const points = thinnedCurve(ledger.state, pointsMax);
      return { id: manifest.id, name: manifest.name, state, best, samples, trainingMs, points };
    }),
    differs: keys
      .map((key) => ({ key, values: configurations.map((each) => each.get(key) ?? null) }))
      .filter(({ values }) => new Set(values).size > 1),
  };
}

/** What a researcher chose: everything that decides what is learned. */
export const configurationOf = ({ seed, model, training, dataset, forkOf, importOf }: RunManifest) => ({
  seed,
  model,
  training,
  dataset: dataset.id,
  ...(forkOf === undefined ? {} : { forkOf: forkOf.sha256 }),
  ...(importOf == null || importOf.sha256 === null ? {} : { importOf: importOf.sha256 }),
});

/** Dotted key to the JSON of the value there. Lists of plain values, and what is at the keys in `whole`, stay in one piece. */
function flattened(value: unknown, whole: ReadonlySet<string>, path = ''): Map<string, string> {
  const isPlain = (each: unknown) => typeof each !== 'object' || each === null;
  if (isPlain(value) || whole.has(path) || (Array.isArray(value) && value.every(isPlain)))
    return new Map([[path, JSON.stringify(value)]]);
  return new Map(
    Object.entries(value as object).flatMap(([key, inner]) => [
      ...flattened(inner, whole, path === '' ? key : `${path}.${key}`),
    ]),
  );
}
