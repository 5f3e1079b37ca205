/** What `bench:strategies` found, as Markdown. Pure text. */
import { bytesText } from '@murmuration/plan';
import {
  STRATEGY_BATCH,
  STRATEGY_CROWDS,
  STRATEGY_MODELS,
  STRATEGY_PARAMETERS,
  STRATEGY_TABS,
  type StrategyCell,
  type StrategyModel,
  type StrategyRow,
} from '@murmuration/simulator';
import {
  autoVerdicts,
  CHURN,
  CHURN_CROWD,
  churnedOf,
  FINAL_SEEDS,
  gridOf,
  keyOf,
  type AutoVerdict,
  type Known,
  type Scope,
} from './strategies-grid.ts';

export const STRATEGIES_START = '<!-- strategies: npm run bench:strategies -->';
/** `strategy: auto` may take so much longer than the best. */
export const AUTO_RATIO_MAX = 1.1;

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const percent = (share: number) => `${Math.round(100 * share)} %`;
const signed = (share: number) => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`;
const number = (value: number) => value.toLocaleString('en');

export const wayText = ({
  architecture,
  schedule,
}: Pick<StrategyCell, 'architecture' | 'schedule'>): string =>
  schedule === 'asynchronous' ? 'asynchronous' : architecture;
export const strategyText = (cell: StrategyCell): string =>
  `${wayText(cell)}${cell.group === undefined ? '' : ` in groups of ${cell.group}`}, ${cell.codec}, H = ${cell.localSteps}`;

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  row(heads),
  row(heads.map(() => '---')),
  ...rows.map(row),
];

export function strategiesTable(known: Known, scope: Scope): string {
  const crowds = scope.crowds.map((crowd) => `- **${crowd}**: ${STRATEGY_CROWDS[crowd].words}`);
  return [
    ...(scope.isQuick ? ['A quick look, not for quoting.', ''] : []),
    `${STRATEGY_TABS} tabs on each crowd, one seed a cell:`,
    '',
    ...crowds,
    '',
    ...autoLines(autoVerdicts(known, scope)),
    ...scope.models.flatMap((model) => modelLines(known, model, scope)),
  ]
    .join('\n')
    .trimEnd();
}

/** A row for each crowd and size; the target. */
export function autoLines(verdicts: readonly AutoVerdict[]): string[] {
  if (verdicts.length === 0) return [];
  const met = verdicts.filter(isMet).length;
  return [
    `**\`strategy: auto\` against the best**, seeds ${FINAL_SEEDS.join(' and ')}, by which neither was chosen (in brackets: on the seed that the best was chosen by). Within ${percent(AUTO_RATIO_MAX - 1)} in ${met} of ${verdicts.length}:`,
    '',
    ...table(
      ['crowd', 'size', 'auto', 'takes', 'best by hand', 'takes', 'auto over best', ''],
      verdicts.map((verdict) => {
        const { crowd, model, auto, best, autoMs, bestMs, chosenRatio } = verdict;
        const ratio = ratioOf(verdict);
        return [
          crowd,
          model,
          strategyText(auto),
          msText(autoMs, model),
          keyOf(best) === keyOf(auto) ? 'the same' : strategyText(best),
          msText(bestMs, model),
          `${ratio === null ? 'never' : ratio.toFixed(2)} (${Number.isFinite(chosenRatio) ? chosenRatio.toFixed(2) : 'never'})`,
          isMet(verdict) ? 'met' : '**missed**',
        ];
      }),
    ),
    '',
  ];
}

export const ratioOf = ({ autoMs, bestMs }: AutoVerdict): number | null =>
  autoMs === null || bestMs === null ? null : autoMs / bestMs;
export const isMet = (verdict: AutoVerdict): boolean => {
  const ratio = ratioOf(verdict);
  return ratio !== null && ratio <= AUTO_RATIO_MAX;
};

function modelLines(known: Known, model: StrategyModel, scope: Scope): string[] {
  const { loss, samples, capMs, options } = STRATEGY_MODELS[model];
  const of = (cell: StrategyCell) => known.get(keyOf(cell));
  const churned = new Set(churnedOf(model, scope).map(keyOf));
  // One line a strategy, of all crowds that it is tried on.
  const ways = new Map<string, StrategyCell>();
  for (const crowd of scope.crowds)
    for (const cell of gridOf(crowd, model, scope.isQuick))
      if (of(cell) !== undefined && !ways.has(strategyText(cell))) ways.set(strategyText(cell), cell);
  if (ways.size === 0) return [];
  const lines = [...ways.values()].map((way) => {
    const on = scope.crowds.map((crowd) => of({ ...way, crowd }));
    const calm = of({ ...way, crowd: CHURN_CROWD });
    const first = calm ?? on.find((each) => each !== undefined);
    const stormyCell = { ...way, crowd: CHURN_CROWD, churnPerRound: CHURN };
    const stormy = churned.has(keyOf(stormyCell)) ? of(stormyCell) : undefined;
    return [
      strategyText(way),
      first === undefined ? '' : first.bitsPerStep.toPrecision(3),
      first?.loss == null ? '' : first.loss.toFixed(3),
      ...on.map((each) => (each === undefined ? '' : msText(each.ms, model))),
      added(stormy?.loss, calm?.loss),
      stormy !== undefined && stormy.ms === null ? 'never' : added(stormy?.ms, calm?.ms),
      first === undefined ? '' : bytesText(first.tabBytes),
    ];
  });
  return [
    `**${model}**: ${number(STRATEGY_PARAMETERS[model])} parameters, steps of ${options.stepMs} ms and ${STRATEGY_BATCH} samples; time to loss ${loss}, loss after ${number(samples)} samples. "never": not within ${seconds(capMs)}.`,
    '',
    ...table(
      [
        'strategy',
        'bits a parameter and step',
        'loss',
        ...scope.crowds,
        'loss by churn',
        'time by churn',
        'memory a tab',
      ],
      lines,
    ),
    '',
  ];
}

const msText = (ms: number | null, model: StrategyModel): string =>
  ms === null ? `never` : seconds(Math.min(ms, STRATEGY_MODELS[model].capMs));
const added = (after: StrategyRow['loss'] | undefined, before: StrategyRow['loss'] | undefined): string =>
  after == null || before == null ? '' : signed(after / before - 1);
