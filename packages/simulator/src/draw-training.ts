/**
 * How the run of a seed of `mix` trains: most knobs of most seeds as in any run, each another in some. What does not go
 * together (protocol, contradictionIn) is left as it was. Pure.
 */
import { CODECS, LINEAR_OPTIMISERS, OPTIMISERS } from '@murmuration/protocol';
import type { SimulateOptions } from './options.ts';

type Settings = Partial<SimulateOptions>;

/** @param settings what was drawn so far @param random called as often whatever it says */
export function drawTraining(settings: Settings, random: () => number): Settings {
  const { architecture, schedule, betweenEvery = 0, tabs = 1, peersMin = 1 } = settings;
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const maybe = <T>(share: number, value: T): T | undefined => (random() < share ? value : undefined);
  const drawn = {
    codec: maybe(0.4, one(CODECS)),
    exact: one(['fp32', 'fp16'] as const),
    exchange: maybe(0.25, one(['gradients', 'parameters'] as const)),
    linear: one(LINEAR_OPTIMISERS),
    group: maybe(0.2, 2 + Math.floor(5 * random())),
    adaptive: maybe(0.15, 'off' as const),
    outerLearningRate: maybe(0.2, Number((0.5 + random()).toFixed(2))),
    evaluateEveryRounds: maybe(0.25, 1 + Math.floor(20 * random())),
    optimiser: maybe(0.2, one(OPTIMISERS)),
  };
  const isInTiers = betweenEvery > 0;
  const hasGroup = architecture !== 'central' && !isInTiers && tabs > 3 && peersMin <= (drawn.group ?? 0);
  const exchange =
    isInTiers || (drawn.exchange === 'parameters' && schedule === 'asynchronous')
      ? undefined
      : drawn.exchange;
  const codec = exchange === 'parameters' ? drawn.exact : drawn.codec;
  const isOfEach = codec === 'topk-auto';
  return definedOf({
    evaluateEveryRounds: drawn.evaluateEveryRounds,
    codec: isOfEach && isInTiers ? undefined : codec,
    exchange,
    group: hasGroup ? drawn.group : undefined,
    adaptive: isOfEach ? undefined : drawn.adaptive,
    outerLearningRate: exchange === 'parameters' ? undefined : drawn.outerLearningRate,
    ...(exchange === 'gradients'
      ? { localSteps: 1, optimiser: drawn.linear }
      : { optimiser: drawn.optimiser }),
  });
}

const definedOf = (settings: Record<string, unknown>): Settings =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
