/** The points of a run's curves, as its ledger keeps them. */
import type { MetricPoint } from '@murmuration/protocol';
import type { LedgerState } from './ledger-state.ts';

/** Curves keep at most this many points; beyond it every second one without an evaluation goes. About 2 MB. */
const POINTS_MAX = 20_000;

type PointPart = Partial<Omit<MetricPoint, 'round' | 'atMs'>>;

/** Training and evaluation of one round meet on one point. After a rollback the later values replace the earlier. */
export function putPoint(state: LedgerState, round: number, atMs: number, part: PointPart): void {
  const known = state.points.get(round);
  state.points.set(round, {
    loss: null,
    lossMin: null,
    lossMax: null,
    valLoss: null,
    valAccuracy: null,
    volunteers: 0,
    ...known,
    ...part,
    round,
    atMs: Math.max(0, Math.round(atMs - state.setup.createdAtMs)),
    version: ++state.pointVersion,
  });
  if (state.points.size <= POINTS_MAX) return;
  let odd = false;
  for (const [key, point] of state.points) {
    if (point.valLoss !== null || point.valAccuracy !== null) continue;
    odd = !odd;
    if (odd) state.points.delete(key);
  }
}
