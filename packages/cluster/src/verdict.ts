/** The verdict of a cluster run, and its report. Pure. */
import { ClusterReportSchema, type ClusterReport } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import type { AssertionOutcome } from './asserts.ts';

/** How a run came to its end. */
export type Ending = 'over' | 'budget' | 'interrupted';

/** @param how to be said aloud of a run that was real: what its evidence rests on; empty: data channels */
export function verdictOf(
  ending: Ending,
  empty: readonly string[],
  outcomes: readonly AssertionOutcome[],
  how = '',
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
  return { exitCode: 0, outcome: how === '' ? outcome : `${outcome} (${how})` };
}

/** @throws Error when the report is not what the contract says; that would be our bug. */
export function clusterReportText(report: ClusterReport): string {
  const [wrong] = Value.Errors(ClusterReportSchema, report);
  if (wrong !== undefined)
    throw new Error(`the report breaks its own contract at ${wrong.instancePath}: ${wrong.message}`);
  return `${JSON.stringify(report, null, 2)}\n`;
}
