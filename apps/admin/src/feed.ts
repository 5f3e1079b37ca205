/**
 * A run as it happens: GET /api/runs/:id/live as an EventSource, gathered into one picture.
 *
 * Redraws at most four times a second and not at all while the tab is hidden; what came meanwhile is shown at once when
 * it is looked at again. After a lost connection the browser comes back by itself and the coordinator sends everything
 * again: points are kept by round, events by sequence, so nothing doubles.
 */
import { parsed } from '@murmuration/client';
import { signal, type ReadonlySignal } from '@preact/signals';
import {
  DECISIONS_KEPT_MAX,
  type DecisionView,
  type MetricPoint,
  type RunEvent,
  type RunId,
  RunLiveSchema,
  type RunView,
  type VolunteerView,
} from '@murmuration/protocol';
import { messageOf } from './parts/trouble.tsx';
import { strings } from './strings.ts';

export interface RunPicture {
  readonly run: RunView;
  readonly volunteers: readonly VolunteerView[];
  /** By round, ascending. */
  readonly points: readonly MetricPoint[];
  /** By sequence, ascending. */
  readonly events: readonly RunEvent[];
  /** In the order in which they were heard of. */
  readonly decisions: readonly DecisionView[];
}

export type Feed =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' | 'reconnecting'; readonly picture: RunPicture }
  | { readonly state: 'failed'; readonly message: string };

const REDRAW_MIN_MS = 250;
/** Between two attempts after an answer that is no stream: a proxy whose coordinator is starting again. */
const REOPEN_MS = 3_000;
/** Events kept here; the coordinator keeps the latest 2,000 as well. */
const EVENTS_MAX = 2_000;

export class RunFeed {
  readonly #feed = signal<Feed>({ state: 'connecting' });
  readonly #runId: RunId;
  #source: EventSource;
  readonly #points = new Map<number, MetricPoint>();
  #events: RunEvent[] = [];
  #decisions: DecisionView[] = [];
  #latest: Pick<RunPicture, 'run' | 'volunteers'> | null = null;
  #drawnAtMs = 0;
  #drawTimer: ReturnType<typeof setTimeout> | undefined;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onVisible = () => this.#draw('live');

  constructor(runId: RunId) {
    this.#runId = runId;
    this.#source = this.#open();
    document.addEventListener('visibilitychange', this.#onVisible);
  }

  get feed(): ReadonlySignal<Feed> {
    return this.#feed;
  }

  #open(): EventSource {
    const source = new EventSource(`/api/runs/${this.#runId}/live`);
    source.onmessage = ({ data }: MessageEvent<string>) => this.#heard(data);
    // Each connection begins with all that are kept, and a coordinator that started again counts from one.
    source.onopen = () => {
      this.#decisions = [];
    };
    source.onerror = () => this.#lost();
    return source;
  }

  close(): void {
    this.#source.close();
    clearTimeout(this.#drawTimer);
    clearTimeout(this.#openTimer);
    document.removeEventListener('visibilitychange', this.#onVisible);
  }

  #heard(data: string): void {
    try {
      const { run, volunteers, points, events, decisions } = parsed(RunLiveSchema, JSON.parse(data), 'live');
      for (const point of points) this.#points.set(point.round, point);
      const known = this.#events.at(-1)?.sequence ?? -1;
      this.#events.push(...events.filter(({ sequence }) => sequence > known));
      this.#events = this.#events.slice(-EVENTS_MAX);
      this.#decisions = [...this.#decisions, ...decisions].slice(-DECISIONS_KEPT_MAX);
      this.#latest = { run, volunteers };
    } catch (reason) {
      this.close();
      this.#feed.value = {
        state: 'failed',
        message: messageOf(reason),
      };
      return;
    }
    if (this.#drawTimer !== undefined) return;
    const waitMs = this.#drawnAtMs + REDRAW_MIN_MS - performance.now();
    this.#drawTimer = setTimeout(
      () => {
        this.#drawTimer = undefined;
        this.#draw('live');
      },
      Math.max(0, waitMs),
    );
  }

  /** The browser tries again by itself after a broken connection, but not after an answer that is no stream. */
  #lost(): void {
    if (this.#latest === null) this.#feed.value = { state: 'failed', message: strings.run.unknown };
    else this.#draw('reconnecting');
    if (this.#source.readyState !== EventSource.CLOSED) return;
    clearTimeout(this.#openTimer);
    this.#openTimer = setTimeout(() => {
      this.#source = this.#open();
    }, REOPEN_MS);
  }

  #draw(state: 'live' | 'reconnecting'): void {
    if (this.#latest === null || (document.hidden && state === 'live')) return;
    this.#drawnAtMs = performance.now();
    const points = [...this.#points.values()].sort((a, b) => a.round - b.round);
    this.#feed.value = {
      state,
      picture: { ...this.#latest, points, events: [...this.#events], decisions: this.#decisions },
    };
  }
}
