/** What tabs exchange, as knobs of a run's training, and which of them make sense together. */
import Type from 'typebox';
import { isLinear } from './optimisers.ts';
import type { Training } from './run.ts';

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
};

interface Contradiction {
  readonly field: string;
  readonly message: string;
}

export const exchangeOf = ({ exchange = 'pseudo-gradients' }: Pick<Training, 'exchange'>): Exchange =>
  exchange;

/** What does not go with what the run exchanges. */
export function exchangeContradiction(training: Training): Contradiction | null {
  const { codec, localSteps, optimiser, outerLearningRate } = training;
  const wrong = (field: keyof Training, message: string) => ({ field: `training.${field}`, message });
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
