/** A run as it happens, over every break of the stream, and the whole of what it said. */
import type { MetricPoint, RunEvent, RunLive, RunView, VolunteerView } from '@murmuration/protocol';
import type { CoordinatorClient } from './coordinator-client.ts';

const AGAIN_MS = 250;

/** Ends when the run does, or when `signal` says so. The coordinator may be away in between. */
export async function* followRun(
  client: CoordinatorClient,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<RunLive, void, void> {
  while (!signal.aborted) {
    try {
      for await (const live of client.live(runId, signal)) {
        yield live;
        if (isOver(live.run)) return;
      }
    } catch (error) {
      // fetch fails with a TypeError while nobody listens, or when the stream is cut off.
      const isBreak = error instanceof TypeError || (error instanceof Error && error.name === 'AbortError');
      if (!isBreak && !signal.aborted) throw error;
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

export const isOver = ({ state }: RunView): boolean => state === 'finished' || state === 'failed';

/** Puts the pieces of a stream together. */
export class RunHistory {
  readonly #points = new Map<number, MetricPoint>();
  readonly #events = new Map<number, RunEvent>();
  run: RunView | null = null;
  volunteers: readonly VolunteerView[] = [];

  add({ run, volunteers, points, events }: RunLive): void {
    this.run = run;
    this.volunteers = volunteers;
    for (const point of points) this.#points.set(point.round, point);
    for (const event of events) this.#events.set(event.sequence, event);
  }

  get points(): MetricPoint[] {
    return [...this.#points.values()].sort((a, b) => a.round - b.round);
  }
  get events(): RunEvent[] {
    return [...this.#events.values()].sort((a, b) => a.sequence - b.sequence);
  }
}
