/** What tabs exchange, among how many, and whether they adapt, as knobs of a run's training; and what goes together. */
import Type from 'typebox';
import { isLinear } from './optimisers.ts';
import type { Training } from './run.ts';
import { tiersOf } from './tiers.ts';

/**
 * What is averaged. The bytes are the same in all three: replicas stand on the same bits, so how far a tab has moved since
 * then says where it stands.
 *
 *   pseudo-gradients  what local steps moved the weights by, made small by the codec; the mean of n is followed further
 *                     than it reaches (codec, mean-rule.ts)
 *   gradients         that of one batch at everybody's anchor, and one step of a linear optimiser: its mean over the tabs
 *                     is the step of their batches together. A tab does not train while its update is on its way.
 *   parameters        the weights: their mean is the anchor and the mean of the movements from it
 */
export const EXCHANGES = ['pseudo-gradients', 'gradients', 'parameters'] as const;
export type Exchange = (typeof EXCHANGES)[number];

/** What a run follows by itself: deadlines, steps of slow tabs, kept values. `off`: fixed ones, to measure against. */
export const ADAPTIVE = ['on', 'off'] as const;
/** Members of a group that a run may ask for: four crews of 16 are as many links as a tab has. */
export const GROUP_MIN = 2;
export const GROUP_MAX = 16;

/** Part of the training schema. */
export const exchangeProperties = {
  exchange: Type.Optional(
    Type.Enum(EXCHANGES, {
      default: 'pseudo-gradients',
      title: 'What is exchanged',
      description:
        'What local steps came to, in any codec (pseudo-gradients); the gradient of one batch, with sgd or momentum (gradients); or the weights themselves, in fp32 or fp16 (parameters).',
    }),
  ),
  group: Type.Optional(
    Type.Union([Type.Integer({ minimum: GROUP_MIN, maximum: GROUP_MAX }), Type.Literal('auto')], {
      default: 'auto',
      title: 'Members of a group',
      description:
        'Tabs that average together in a round. Up to so many are one group; more tabs are cut into groups of about so many: from half to one and a half times as many, as tabs come and go. auto: up to 32 are one group, more are cut into groups of about 8.',
    }),
  ),
  adaptive: Type.Optional(
    Type.Enum(ADAPTIVE, {
      default: 'on',
      title: 'Adaptive',
      description:
        'Whether the wait for who is late, the length of rounds and the steps of slow tabs follow what is measured (on), or are fixed, for measurements (off).',
    }),
  ),
};

interface Contradiction {
  readonly field: string;
  readonly message: string;
}

export const exchangeOf = ({ exchange = 'pseudo-gradients' }: Pick<Training, 'exchange'>): Exchange =>
  exchange;

/** Null: as the number of tabs says. */
export const groupOf = ({ group = 'auto' }: Pick<Training, 'group'>): number | null =>
  group === 'auto' ? null : group;
export const isAdaptive = ({ adaptive }: Pick<Training, 'adaptive'>): boolean => adaptive !== 'off';
/** Whether every round has the steps that the run asks for; else they may be more, by what is measured [R17]. */
export const hasFixedRounds = (training: Training): boolean =>
  !isAdaptive(training) ||
  exchangeOf(training) === 'gradients' ||
  training.schedule === 'asynchronous' ||
  tiersOf(training) !== null;

/** What does not go with what the run exchanges, and among how many. */
export function exchangeContradiction(training: Training): Contradiction | null {
  const { architecture, codec, localSteps, optimiser, outerLearningRate, peersMin } = training;
  const wrong = (field: keyof Training, message: string) => ({ field: `training.${field}`, message });
  const group = groupOf(training);
  if (group !== null && architecture === 'central')
    return wrong(
      'group',
      'a central run has no groups: the server is the only peer of each tab; leave it out',
    );
  if (group !== null && peersMin > group)
    return wrong(
      'peersMin',
      `a tab waits for so many others, and group: ${group} gives it fewer; at most ${group}`,
    );
  if (!isAdaptive(training) && codec === 'topk-auto')
    return wrong('codec', 'topk-auto follows each uplink; with adaptive: off name a k, for example topk-64');
  switch (exchangeOf(training)) {
    case 'pseudo-gradients':
      return null;
    case 'gradients':
      if (localSteps !== 1)
        return wrong(
          'localSteps',
          'exchange: gradients needs localSteps: 1; after a step, a gradient is no longer one at the weights that all tabs share',
        );
      if (!isLinear(optimiser))
        return wrong(
          'optimiser',
          `exchange: gradients needs optimiser: sgd or momentum; the mean of ${optimiser} steps is not its step on the mean gradient`,
        );
      return null;
    case 'parameters':
      if (training.schedule === 'asynchronous')
        return wrong(
          'exchange',
          'parameters needs rounds: without them tabs stand on different anchors, and the mean of what they moved by is no mean of weights',
        );
      if (codec !== 'fp32' && codec !== 'fp16')
        return wrong(
          'codec',
          'exchange: parameters needs codec: fp32 or fp16; weights of which most bits or most values are left out are no weights',
        );
      if (outerLearningRate !== 1)
        return wrong(
          'outerLearningRate',
          'exchange: parameters needs outerLearningRate: 1, or what comes out is not the mean of the weights',
        );
      return null;
  }
}
