/** A run as a picture: loss, spread and churn over imaginary time, as SVG text. Pure. */
import type { CurvePoint } from './curves.ts';
import type { SimulateReport } from './simulate.ts';

const WIDTH = 960;
const LEFT = 76;
const RIGHT = 24;
const LANES = { loss: [48, 200], spread: [272, 120], tabs: [416, 120] } as const;
const HEIGHT = 580;
/** Spreads below this are drawn as none. */
const SPREAD_MIN = 1e-6;

type Lane = readonly [top: number, height: number];

export function picture(report: SimulateReport, title: string): string {
  const { curve } = report;
  const endMs = Math.max(1, curve.at(-1)?.atMs ?? 1);
  const x = (atMs: number) => LEFT + ((WIDTH - LEFT - RIGHT) * atMs) / endMs;
  const losses = curve.flatMap(({ loss }) => (loss === null ? [] : [loss]));
  const lossMax = Math.max(0.1, ...losses);
  const aliveMax = Math.max(1, ...curve.map(({ alive }) => alive));
  const inLane = ([top, height]: Lane, share: number) => top + height * (1 - Math.min(1, Math.max(0, share)));
  const logShare = (spread: number) =>
    spread <= SPREAD_MIN ? 0 : Math.log10(spread / SPREAD_MIN) / Math.log10(1 / SPREAD_MIN);
  const churn = curve.map((point, i) => {
    const before = curve[i - 1];
    return {
      ...point,
      came: point.joins - (before?.joins ?? 0),
      went: point.departures - (before?.departures ?? 0),
    };
  });
  const churnMax = Math.max(1, ...churn.map(({ came, went }) => Math.max(came, went)));
  const [tabsTop, tabsHeight] = LANES.tabs;
  const parts = [
    `<text x="${LEFT}" y="26" class="title">${escaped(title)}</text>`,
    ...frame(LANES.loss, 'validation loss', [
      [lossMax, 1],
      [lossMax / 2, 0.5],
      [0, 0],
    ]),
    line(
      curve.filter(({ loss }) => loss !== null),
      ({ atMs, loss }) => [x(atMs), inLane(LANES.loss, loss! / lossMax)],
      'loss',
    ),
    ...frame(LANES.spread, 'spread between replicas of one round', [
      [1, 1],
      [0.01, logShare(0.01)],
      [1e-4, logShare(1e-4)],
    ]),
    line(curve, ({ atMs, spread }) => [x(atMs), inLane(LANES.spread, logShare(spread))], 'spread'),
    ...frame(LANES.tabs, 'tabs that are there; joins above, departures below', [
      [aliveMax, 1],
      [0, 0],
    ]),
    line(curve, ({ atMs, alive }) => [x(atMs), inLane(LANES.tabs, alive / aliveMax)], 'tabs'),
    ...churn.flatMap(({ atMs, came, went }) => [
      bar(x(atMs), tabsTop, (0.25 * tabsHeight * came) / churnMax, 'came'),
      bar(x(atMs), tabsTop + tabsHeight, (-0.25 * tabsHeight * went) / churnMax, 'went'),
    ]),
    `<text x="${LEFT}" y="${HEIGHT - 16}">0</text>`,
    `<text x="${WIDTH - RIGHT}" y="${HEIGHT - 16}" text-anchor="end">${duration(endMs)} of imaginary time, ${report.rounds} rounds</text>`,
  ];
  const style =
    'text{font:12px sans-serif;fill:#445}.title{font-size:15px;fill:#112}' +
    'rect.lane{fill:#f6f7f9}line{stroke:#d4d8de}polyline{fill:none;stroke-width:1.6}' +
    '.loss{stroke:#1b6ac9}.spread{stroke:#c4511d}.tabs{stroke:#2d7d46}.came{fill:#7fbf92}.went{fill:#e0a088}';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}"><style>${style}</style><rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>${parts.join('')}</svg>\n`;
}

function frame([top, height]: Lane, label: string, marks: readonly (readonly [number, number])[]): string[] {
  return [
    `<text x="${LEFT}" y="${top - 6}">${escaped(label)}</text>`,
    `<rect class="lane" x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${height}"/>`,
    ...marks.flatMap(([value, share]) => {
      const y = (top + height * (1 - share)).toFixed(1);
      return [
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>`,
        `<text x="${LEFT - 8}" y="${y}" dy="4" text-anchor="end">${figure(value)}</text>`,
      ];
    }),
  ];
}

function line(
  points: readonly CurvePoint[],
  place: (point: CurvePoint) => readonly [number, number],
  kind: string,
): string {
  const text = points
    .map((point) =>
      place(point)
        .map((value) => value.toFixed(1))
        .join(','),
    )
    .join(' ');
  return `<polyline class="${kind}" points="${text}"/>`;
}

/** A bar from `y` downwards, or upwards for a negative length. */
const bar = (x: number, y: number, length: number, kind: string): string =>
  length === 0
    ? ''
    : `<rect class="${kind}" x="${(x - 1).toFixed(1)}" y="${Math.min(y, y + length).toFixed(1)}" width="2" height="${Math.abs(length).toFixed(1)}"/>`;

const figure = (value: number) =>
  value === 0 || value >= 0.01 ? String(Number(value.toPrecision(2))) : value.toExponential(0);
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function duration(ms: number): string {
  const seconds = ms / 1_000;
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  return seconds < 7_200 ? `${(seconds / 60).toFixed(0)} min` : `${(seconds / 3_600).toFixed(1)} h`;
}
