/**
 * The demo's report (protocol `ReportSchema`): what the coordinator knows at the end, in the fields that others script
 * against. Pure.
 */
import { ReportSchema, type Report, type RunView, type VolunteerView } from '@murmuration/protocol';
import { Value } from 'typebox/value';

export interface ReportInput {
  readonly run: RunView;
  readonly volunteers: readonly VolunteerView[];
  /** Paths of the downloaded models; null where there is none. */
  readonly exports: Report['exports'];
}

export function reportOf({ run, volunteers, exports }: ReportInput): Report {
  const { manifest, best, latest } = run;
  // The model that is saved is the best one, so its numbers are the result.
  const shown = best ?? latest;
  return {
    run: {
      id: manifest.id,
      name: manifest.name,
      model: manifest.model.name,
      parameterCount: manifest.parameterCount,
      seed: manifest.seed,
    },
    result: {
      valAccuracy: shown?.accuracy ?? null,
      valLoss: shown?.loss ?? null,
      rounds: run.round,
      localSteps: run.localSteps,
      samples: run.samples,
      seconds: run.trainingMs / 1000,
      reached: run.reached,
    },
    tabs: volunteers.map(({ id, adapter, links, totals, joinedAtMs, leftAtMs, exit }) => ({
      id,
      backend: adapter.backend,
      adapter: {
        vendor: adapter.vendor,
        architecture: adapter.architecture,
        isFallbackAdapter: adapter.isFallbackAdapter,
      },
      localSteps: totals.localSteps,
      samples: totals.samples,
      rounds: totals.rounds,
      bytesSentPeers: totals.bytesSentPeers,
      bytesReceivedPeers: totals.bytesReceivedPeers,
      bytesSentCoordinator: totals.bytesSentCoordinator,
      bytesReceivedCoordinator: totals.bytesReceivedCoordinator,
      peersMax: totals.peersMax,
      links,
      routes: totals.routes,
      joinedAtMs,
      leftAtMs,
      exit,
    })),
    exports,
  };
}

/** The report as JSON text. @throws Error when it is not what the contract says; that would be our bug. */
export function reportText(report: Report): string {
  const wrong = Value.Errors(ReportSchema, report)[0];
  if (wrong !== undefined)
    throw new Error(`the report breaks its own contract at ${wrong.instancePath}: ${wrong.message}`);
  return `${JSON.stringify(report, null, 2)}\n`;
}
