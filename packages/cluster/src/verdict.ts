/** The verdict of a cluster run, and its report. Pure. */
import { ClusterReportSchema, type ClusterReport } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import type { AssertionOutcome } from './asserts.ts';

/** How a run came to its end. */
export type Ending = 'over' | 'budget' | 'interrupted';

export function verdictOf(
  ending: Ending,
  empty: readonly string[],
  outcomes: readonly AssertionOutcome[],
  isCentral = false,
): { readonly exitCode: number; readonly outcome: string } {
  if (ending === 'interrupted') return { exitCode: 130, outcome: 'interrupted' };
  if (empty.length > 0)
    return {
      exitCode: 1,
      outcome: `the run proves nothing${ending === 'budget' ? ' when the budget ran out' : ''}`,
    };
  if (ending === 'budget') return { exitCode: 4, outcome: 'the budget ran out before the run ended' };
  const failed = outcomes.filter(({ holds }) => !holds).length;
  if (failed > 0) return { exitCode: 1, outcome: `${failed} of ${outcomes.length} assertions failed` };
  const outcome = outcomes.length === 0 ? 'the run was real' : 'every assertion holds';
  // Said aloud: no data channel was needed, so none is proof of anything here.
  const how = isCentral ? ' (what tabs learned of each other came from the averaging server alone)' : '';
  return { exitCode: 0, outcome: outcome + how };
}

/** @throws Error when the report is not what the contract says; that would be our bug. */
export function clusterReportText(report: ClusterReport): string {
  const [wrong] = Value.Errors(ClusterReportSchema, report);
  if (wrong !== undefined)
    throw new Error(`the report breaks its own contract at ${wrong.instancePath}: ${wrong.message}`);
  return `${JSON.stringify(report, null, 2)}\n`;
}
