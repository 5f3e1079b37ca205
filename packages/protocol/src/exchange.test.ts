import { describe, expect, it } from 'vitest';
import { contradictionIn } from './contradictions.ts';
import { DEFAULT_TRAINING, type Training } from './run.ts';

const refused = (training: Partial<Training>) => contradictionIn({ ...DEFAULT_TRAINING, ...training });

describe('what is exchanged goes with the rest of a run', () => {
  it.each([
    [{ exchange: 'gradients', optimiser: 'sgd' }, 'localSteps', /needs localSteps: 1/],
    [{ exchange: 'gradients', localSteps: 1 }, 'optimiser', /sgd or momentum; the mean of adam steps/],
    [{ exchange: 'gradients', localSteps: 1, optimiser: 'rmsprop-floored' }, 'optimiser', /rmsprop/],
    [{ group: 4, architecture: 'central' }, 'group', /no groups: the server is the only peer/],
    [{ group: 4, peersMin: 5 }, 'peersMin', /group: 4 gives it fewer; at most 4/],
    [{ adaptive: 'off', codec: 'topk-auto' }, 'codec', /name a k, for example topk-64/],
    [
      { exchange: 'parameters', codec: 'fp16', architecture: 'central', schedule: 'asynchronous' },
      'exchange',
      /needs rounds/,
    ],
    [{ exchange: 'parameters' }, 'codec', /fp32 or fp16; weights of which most bits/],
    [{ exchange: 'parameters', codec: 'topk-64' }, 'codec', /fp32 or fp16/],
    [{ exchange: 'parameters', codec: 'fp16', outerLearningRate: 0.7 }, 'outerLearningRate', /needs.* 1/],
  ] as const)('%j is refused with the reason', (training, field, message) => {
    const contradiction = refused(training)!;
    expect(contradiction.field).toBe(`training.${field}`);
    expect(contradiction.message).toMatch(message);
    expect(contradiction.message.length).toBeLessThanOrEqual(200);
  });

  it.each([
    { exchange: 'gradients', localSteps: 1, optimiser: 'sgd', codec: 'topk-auto' },
    { exchange: 'gradients', localSteps: 1, optimiser: 'momentum', architecture: 'central' },
    { exchange: 'parameters', codec: 'fp16', localSteps: 50 },
    { exchange: 'pseudo-gradients' },
    { group: 4, peersMin: 4, adaptive: 'off', codec: 'topk-64' },
    { group: 'auto', architecture: 'central' },
    {},
  ] as const)('%j is a run', (training) => expect(refused(training)).toBeNull());
});
