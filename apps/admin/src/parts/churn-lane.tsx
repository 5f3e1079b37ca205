/**
 * Who came and went, under the loss curve and aligned with it: the count of tabs as steps, a mark for each event. Every
 * kind has its own shape; the log has the words.
 */
import type { RunEvent } from '@murmuration/protocol';
import { churnMarks, type ChurnKind, type Curves } from '../curves.ts';
import { clockText } from '../format.ts';
import { strings } from '../strings.ts';
import { GUTTER } from './chart.tsx';

const text = strings.curves;
/** Height of the drawing and where its marks stand, in its own units; its width is 1000. */
const LANE = { height: 56, steps: 34, marks: 47 } as const;

const SHAPES: Readonly<Record<ChurnKind, string>> = {
  join: 'M0 -5 5 4 -5 4Z',
  leave: 'M0 5 5 -4 -5 -4Z',
  restart: 'M0 -6 6 0 0 6 -6 0Z',
  refound: 'M-4 -4 4 -4 4 4 -4 4Z',
};

interface Props {
  readonly events: readonly RunEvent[];
  readonly curves: Curves;
}

export function ChurnLane({ events, curves }: Props) {
  const marks = churnMarks(events, curves);
  const count = (kind: ChurnKind) => marks.filter((mark) => mark.kind === kind).length;
  const summary = text.churnSummary(count('join'), count('leave'), count('restart'));
  const kinds = (Object.keys(SHAPES) as ChurnKind[]).filter((kind) => count(kind) > 0);
  return (
    <figure role="figure" aria-label={`${text.churn}. ${summary}`} class="chart churn">
      <figcaption>
        <strong>{text.churn}</strong>
        <ul class="legend" aria-hidden="true">
          {kinds.map((kind) => (
            <li key={kind}>
              <svg viewBox="-7 -7 14 14" width="12" height="12" class={kind}>
                <path d={SHAPES[kind]} />
              </svg>
              {text.churnKinds[kind]}
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="lane" aria-hidden="true" style={{ marginInline: `${GUTTER.start}px ${GUTTER.end}px` }}>
        <svg class="steps" viewBox={`0 0 1000 ${LANE.steps}`} preserveAspectRatio="none">
          <path d={stepsPath(curves)} />
        </svg>
        {marks.map(({ kind, at, event }) => (
          <svg
            key={event.sequence}
            class={`mark ${kind}`}
            viewBox="-7 -7 14 14"
            width="13"
            height="13"
            style={{ insetInlineStart: `${at * 100}%`, top: `${LANE.marks}px` }}
          >
            <title>{`${clockText(event.atMs)} ${event.text}`}</title>
            <path d={SHAPES[kind]} />
          </svg>
        ))}
      </div>
    </figure>
  );
}

/** The count of tabs as an area of steps. */
function stepsPath({ points, xs, range: [from, to] }: Curves): string {
  if (points.length === 0) return '';
  const most = points.reduce((sum, point) => Math.max(sum, point.volunteers), 1);
  const x = (index: number) => (((xs[index]! - from) / (to - from)) * 1000).toFixed(1);
  const y = (index: number) =>
    (LANE.steps - (points[index]!.volunteers / most) * (LANE.steps - 4)).toFixed(1);
  const tops = points.slice(1).map((_, index) => `H${x(index + 1)}V${y(index + 1)}`);
  return `M${x(0)} ${LANE.steps}V${y(0)}${tops.join('')}H1000V${LANE.steps}Z`;
}
