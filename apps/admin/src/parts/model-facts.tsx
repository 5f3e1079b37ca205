/** What a model is, in numbers. */
import type { ModelCheck, ModelLine } from '@murmuration/protocol';
import { countText } from '../format.ts';
import { models as text } from '../strings-models.ts';
import { Fact } from './fact.tsx';

type Numbers = Pick<ModelLine, 'parameterCount' | 'hasWeights' | 'givesProbabilities' | 'inputShape'> & {
  readonly outputShape?: readonly number[];
};

export const shapeText = (shape: readonly number[]): string => shape.join(' × ');

export const ModelFacts = ({ model }: { readonly model: Numbers }) => {
  const { facts } = text;
  return (
    <dl class="facts">
      <Fact name={facts.parameters}>{countText(model.parameterCount)}</Fact>
      <Fact name={facts.input}>{shapeText(model.inputShape)}</Fact>
      {model.outputShape !== undefined && <Fact name={facts.output}>{shapeText(model.outputShape)}</Fact>}
      <Fact name={facts.weights}>{model.hasWeights ? text.yes : text.no}</Fact>
      <Fact name={facts.probabilities}>
        {model.givesProbabilities ? `${text.yes}; ${text.probabilities}` : text.no}
      </Fact>
    </dl>
  );
};

/** Of a file that can be taken. */
export const numbersOf = ({ model, parameterCount, ...rest }: ModelCheck): Numbers | null =>
  model === null || parameterCount === null
    ? null
    : { ...rest, parameterCount, inputShape: model.inputShape };
