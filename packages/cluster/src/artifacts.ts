/** What a cluster run leaves behind as text: JUnit for a CI's table, metrics as CSV, and one picture. Pure. */
import type { MetricPoint } from '@murmuration/protocol';
import type { AssertionOutcome } from './asserts.ts';

const xml = (text: string) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // Control characters are not allowed in XML at all; tabs and line ends are.
    .replaceAll(/\p{Cc}/gu, ' ');

/** One test case an assertion, and one that the run was real. */
export function junitText(options: {
  readonly suite: string;
  readonly seconds: number;
  readonly asserts: readonly AssertionOutcome[];
  /** Why the run proves nothing; empty: it was real. */
  readonly emptiness: readonly string[];
  /** Budget or environment, when these ended it. */
  readonly error: string | null;
}): string {
  const { suite, seconds, asserts, emptiness, error } = options;
  const failure = (message: string) => `<failure message="${xml(message)}"/>`;
  const cases = [
    `<testcase classname="${xml(suite)}" name="the run was real" time="${seconds.toFixed(1)}">` +
      `${emptiness.length > 0 ? failure(emptiness.join('; ')) : ''}${error === null ? '' : `<error message="${xml(error)}"/>`}</testcase>`,
    ...asserts.map(
      ({ text, value, holds }) =>
        `<testcase classname="${xml(suite)}" name="${xml(text)}">${holds ? '' : failure(value === null ? 'not measured' : `is ${value}`)}</testcase>`,
    ),
  ];
  const failures = asserts.filter(({ holds }) => !holds).length + (emptiness.length > 0 ? 1 : 0);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="${xml(suite)}" tests="${cases.length}" failures="${failures}" errors="${error === null ? 0 : 1}" time="${seconds.toFixed(1)}">\n  ${cases.join('\n  ')}\n</testsuite>\n`;
}

const METRICS = [
  'round',
  'atMs',
  'loss',
  'lossMin',
  'lossMax',
  'valLoss',
  'valAccuracy',
  'valError',
  'volunteers',
  'valReconstruction',
  'valKl',
] as const satisfies readonly (keyof MetricPoint)[];

export const metricsCsv = (points: readonly MetricPoint[]): string =>
  [METRICS.join(','), ...points.map((point) => METRICS.map((name) => point[name] ?? '').join(','))]
    .map((line) => `${line}\n`)
    .join('');

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 24;
const LOSS = [48, 170] as const;
const ACCURACY = [256, 170] as const;
const CHURN = [464, 90] as const;
const HEIGHT = 610;

/** Loss and accuracy over time, the tabs that were there under them, and each fault as a mark through all three. */
export function runPicture(options: {
  readonly title: string;
  readonly points: readonly MetricPoint[];
  /** Times as those of the points. */
  readonly faults: readonly { readonly atMs: number; readonly label: string; readonly text: string }[];
  readonly endMs: number;
}): string {
  const { points, faults, title } = options;
  const endMs = Math.max(1, options.endMs);
  const x = (atMs: number) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.min(atMs, endMs)) / endMs;
  const losses = points.flatMap(({ loss, valLoss }) => [loss, valLoss]).filter((loss) => loss !== null);
  const lossMax = Math.max(0.1, ...losses);
  const hasParts = points.some(({ valKl }) => valKl !== undefined);
  const part = (value: number | undefined) => (value === undefined ? null : value / lossMax);
  const tabsMax = Math.max(1, ...points.map(({ volunteers }) => volunteers));
  const y = ([top, height]: readonly [number, number], share: number) =>
    top + height * (1 - Math.min(1, Math.max(0, share)));
  const curve = (
    lane: readonly [number, number],
    kind: string,
    of: (point: MetricPoint) => number | null,
  ) => {
    const places = points.flatMap((point) => {
      const share = of(point);
      return share === null ? [] : [`${x(point.atMs).toFixed(1)},${y(lane, share).toFixed(1)}`];
    });
    return `<polyline class="${kind}" points="${places.join(' ')}"/>`;
  };
  const frame = (lane: readonly [number, number], label: string, top: string) =>
    `<text x="${LEFT}" y="${lane[0] - 6}">${xml(label)}</text>` +
    `<rect class="lane" x="${LEFT}" y="${lane[0]}" width="${WIDTH - LEFT - RIGHT}" height="${lane[1]}"/>` +
    `<text x="${LEFT - 8}" y="${lane[0] + 10}" text-anchor="end">${top}</text>` +
    `<text x="${LEFT - 8}" y="${lane[0] + lane[1]}" text-anchor="end">0</text>`;
  const marks = faults.map(
    ({ atMs, text }) =>
      `<line class="fault" x1="${x(atMs).toFixed(1)}" x2="${x(atMs).toFixed(1)}" y1="${LOSS[0]}" y2="${CHURN[0] + CHURN[1] + 6}"><title>${xml(text)}</title></line>`,
  );
  // Labels in three rows, so that neighbours do not cover each other.
  const labels = faults.map(
    ({ atMs, label }, index) =>
      `<text class="fault" x="${(x(atMs) + 3).toFixed(1)}" y="${CHURN[0] + 14 + (index % 3) * 26}"${x(atMs) > WIDTH - 100 ? ' text-anchor="end"' : ''}>${xml(label)}</text>`,
  );
  const parts = [
    `<text x="${LEFT}" y="26" class="title">${xml(title)}</text>`,
    frame(LOSS, 'loss: training (thin, mean over tabs) and validation', lossMax.toPrecision(2)),
    hasParts
      ? frame(ACCURACY, 'parts of the validation loss: reconstruction and KL (green)', lossMax.toPrecision(2))
      : frame(ACCURACY, 'validation accuracy', '1'),
    frame(CHURN, 'tabs that reported; faults', String(tabsMax)),
    ...marks,
    curve(LOSS, 'training', ({ loss }) => (loss === null ? null : loss / lossMax)),
    curve(LOSS, 'validation', ({ valLoss }) => (valLoss === null ? null : valLoss / lossMax)),
    ...(hasParts
      ? [
          curve(ACCURACY, 'validation', ({ valReconstruction }) => part(valReconstruction)),
          curve(ACCURACY, 'tabs', ({ valKl }) => part(valKl)),
        ]
      : [curve(ACCURACY, 'validation', ({ valAccuracy }) => valAccuracy)]),
    // A point without reports is only an evaluation's.
    curve(CHURN, 'tabs', ({ volunteers }) => (volunteers === 0 ? null : volunteers / tabsMax)),
    ...labels,
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 20}" text-anchor="end">${(endMs / 1_000).toFixed(0)} s</text>`,
  ];
  const style =
    'text{font:12px sans-serif;fill:#445}.title{font-size:15px;fill:#112}rect.lane{fill:#f6f7f9}' +
    'polyline{fill:none;stroke-width:1.6}.training{stroke:#8fb4e3;stroke-width:1}.validation{stroke:#1b6ac9}' +
    '.tabs{stroke:#2d7d46}line.fault{stroke:#c4511d;stroke-dasharray:2 3}text.fault{font-size:10px;fill:#a23c10}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"><style>${style}</style><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>${parts.join('')}</svg>\n`;
}
