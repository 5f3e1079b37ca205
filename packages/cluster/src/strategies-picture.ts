/** What `bench:strategies` found, as one picture: a panel for each crowd and size, a point for each strategy. Pure text. */
import {
  STRATEGY_PARAMETERS,
  type StrategyCrowd,
  type StrategyModel,
  type StrategyRow,
} from '@murmuration/simulator';
import { autoCell, gridOf, keyOf, type Known, type Scope } from './strategies-grid.ts';
import { strategyText, wayText } from './strategies-table.ts';

const PANEL = { width: 250, height: 190, left: 46, top: 28, gapX: 24, gapY: 52 } as const;
const MARGIN = { left: 12, top: 64, right: 12, bottom: 44 } as const;
/** Colours that stay apart for most kinds of sight, on light and on dark. */
const COLOURS: Readonly<Record<string, string>> = {
  decentralised: '#3b76c4',
  hybrid: '#b8860b',
  central: '#2f9e6e',
  asynchronous: '#c2528b',
};
/** What did not come to the loss stands above the rest. */
const NEVER_RATIO = 8;
const RATIO_TICKS = [1, 1.5, 2, 3, 5] as const;
const BITS_TICKS = [0.01, 0.1, 1, 10, 100] as const;

interface Point {
  readonly text: string;
  readonly way: string;
  readonly row: StrategyRow;
  readonly isAuto: boolean;
}

export function strategiesPicture(known: Known, scope: Scope): string {
  const width =
    MARGIN.left +
    MARGIN.right +
    scope.crowds.length * (PANEL.left + PANEL.width) +
    (scope.crowds.length - 1) * PANEL.gapX;
  const height =
    MARGIN.top +
    MARGIN.bottom +
    scope.models.length * (PANEL.top + PANEL.height) +
    (scope.models.length - 1) * PANEL.gapY;
  const panels = scope.models.flatMap((model, y) =>
    scope.crowds.map((crowd, x) => {
      const left = MARGIN.left + x * (PANEL.left + PANEL.width + PANEL.gapX) + PANEL.left;
      const top = MARGIN.top + y * (PANEL.top + PANEL.height + PANEL.gapY) + PANEL.top;
      return `<g transform="translate(${left} ${top})">${panelOf(known, crowd, model, scope)}</g>`;
    }),
  );
  const legend = Object.entries(COLOURS).map(
    ([way, colour], i) =>
      `<circle cx="${MARGIN.left + 8 + 120 * i}" cy="44" r="4" fill="${colour}"/><text x="${MARGIN.left + 17 + 120 * i}" y="48">${way}</text>`,
  );
  const autoX = MARGIN.left + 8 + 120 * Object.keys(COLOURS).length;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title">
<title id="title">Time to the loss against bits sent, for every strategy on each crowd and size</title>
<style>svg{background:#fdfcf9}text{font:11px system-ui,sans-serif;fill:#33312c}.head{font-weight:600;font-size:13px}.soft{fill:#6d6a62}.line{stroke:#d9d5cb;stroke-width:1}.auto{fill:none;stroke:#33312c;stroke-width:1.6}@media (prefers-color-scheme:dark){svg{background:#1b1a17}text{fill:#eae6dc}.soft{fill:#a5a196}.line{stroke:#3d3a34}.auto{stroke:#eae6dc}}</style>
<text class="head" x="${MARGIN.left}" y="20">Time to the loss over the best one’s (upwards), and bits sent for each parameter and local step (to the right)</text>
${legend.join('\n')}
<circle class="auto" cx="${autoX}" cy="44" r="6.5"/><text x="${autoX + 11}" y="48">strategy: auto</text>
${panels.join('\n')}
</svg>
`;
}

function panelOf(known: Known, crowd: StrategyCrowd, model: StrategyModel, { isQuick }: Scope): string {
  const auto = autoCell(crowd, model);
  const cells = new Map([...gridOf(crowd, model, isQuick), auto].map((cell) => [keyOf(cell), cell]));
  const points = [...cells].flatMap(([key, cell]): Point[] => {
    const row = known.get(key);
    return row === undefined
      ? []
      : [{ text: strategyText(cell), way: wayText(cell), row, isAuto: key === keyOf(auto) }];
  });
  const bestMs = Math.min(...points.map(({ row }) => row.ms ?? Infinity));
  const x = (bits: number) => round(PANEL.width * share(bits, BITS_TICKS[0] / 2, BITS_TICKS.at(-1)!));
  const y = (ratio: number) => round(PANEL.height * (1 - share(ratio, 0.95, NEVER_RATIO * 1.1)));
  const grid = [
    ...BITS_TICKS.map(
      (bits) =>
        `<line class="line" x1="${x(bits)}" x2="${x(bits)}" y1="0" y2="${PANEL.height}"/><text class="soft" x="${x(bits)}" y="${PANEL.height + 14}" text-anchor="middle">${bits}</text>`,
    ),
    ...[...RATIO_TICKS, NEVER_RATIO].map(
      (ratio) =>
        `<line class="line" x1="0" x2="${PANEL.width}" y1="${y(ratio)}" y2="${y(ratio)}"/><text class="soft" x="-6" y="${y(ratio) + 4}" text-anchor="end">${ratio === NEVER_RATIO ? 'never' : `${ratio}x`}</text>`,
    ),
  ];
  const marks = points.map(({ text, way, row, isAuto }) => {
    const ratio = row.ms === null ? NEVER_RATIO : Math.min(NEVER_RATIO * 0.9, row.ms / bestMs);
    const at = `cx="${x(row.bitsPerStep)}" cy="${y(ratio)}"`;
    const words = `${text}: ${row.ms === null ? 'never' : `${(row.ms / 1_000).toFixed(1)} s`}`;
    return `<circle ${at} r="3.2" fill="${COLOURS[way]}" fill-opacity="0.8"><title>${words}</title></circle>${isAuto ? `<circle class="auto" ${at} r="6.5"/>` : ''}`;
  });
  const head = `${crowd}, ${STRATEGY_PARAMETERS[model].toLocaleString('en')} parameters${Number.isFinite(bestMs) ? `; best ${(bestMs / 1_000).toFixed(1)} s` : ''}`;
  return [`<text class="head" x="0" y="-10">${head}</text>`, ...grid, ...marks].join('');
}

/** Where a value lies on a logarithmic scale; what is beyond an end stands at it. */
const share = (value: number, low: number, high: number) =>
  Math.min(1, Math.max(0, Math.log(Math.max(value, low) / low) / Math.log(high / low)));
const round = (value: number) => Math.round(10 * value) / 10;
