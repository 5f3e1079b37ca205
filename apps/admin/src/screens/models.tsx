/** Every model that was brought from elsewhere, and bringing another. */
import { useCallback } from 'preact/hooks';
import type { ModelLine } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { countText } from '../format.ts';
import { BringModel } from '../parts/bring-model.tsx';
import { shapeText } from '../parts/model-facts.tsx';
import { Sure } from '../parts/sure.tsx';
import { TableHead } from '../parts/table-head.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { useWishes } from '../parts/wishes.ts';
import { usePolled } from '../polled.ts';
import { addressOf, goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { models as text } from '../strings-models.ts';

const { columns } = text;

export function ModelsScreen() {
  const { known, trouble, refresh } = usePolled(
    useCallback(() => api.models(), []),
    () => null,
  );
  const { failure, act } = useWishes(refresh);
  const remove = ({ id, name }: ModelLine) =>
    act(async () => {
      await api.deleteModel(id);
      announce(text.removed(name));
    });
  return (
    <>
      <h1>{text.heading}</h1>
      <p class="note">{text.intro}</p>
      <Trouble text={failure || trouble} />
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known?.length === 0 && <p class="card">{text.none}</p>}
      {known !== null && known.length > 0 && <Rows models={known} onRemove={remove} />}
      <BringModel onKept={({ id }) => goTo({ screen: 'model', modelId: id })} />
    </>
  );
}

interface RowsProps {
  readonly models: readonly ModelLine[];
  readonly onRemove: (model: ModelLine) => void;
}

const Rows = ({ models, onRemove }: RowsProps) => (
  <section class="card" aria-label={text.list}>
    <table role="table" class="stacking runs">
      <TableHead heads={Object.values(columns)} />
      <tbody role="rowgroup">
        {models.toReversed().map((model) => (
          <tr role="row" key={model.id}>
            <th scope="row" role="rowheader">
              <a href={addressOf({ screen: 'model', modelId: model.id })}>{model.name}</a>
            </th>
            <td role="cell" data-head={columns.parameters}>
              {countText(model.parameterCount)}
            </td>
            <td role="cell" data-head={columns.weights}>
              {model.hasWeights ? text.weights.yes : text.weights.no}
            </td>
            <td role="cell" data-head={columns.input}>
              {shapeText(model.inputShape)}
            </td>
            <td role="cell" data-head={columns.output}>
              {shapeText(model.outputShape)}
            </td>
            <td role="cell" data-head={columns.added}>
              {new Date(model.createdAt).toLocaleDateString()}
            </td>
            <td role="cell" data-head={columns.actions}>
              <div class="actions">
                <a role="button" class="outline" href={addressOf({ screen: 'new-run', modelId: model.id })}>
                  {text.launch}
                </a>
                <Removal model={model} onYes={() => onRemove(model)} />
              </div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);

export const Removal = ({
  model: { name },
  onYes,
}: {
  readonly model: Pick<ModelLine, 'name'>;
  readonly onYes: () => void;
}) => (
  <Sure
    word={text.remove}
    label={text.removeOf(name)}
    question={text.removeSure(name)}
    yes={text.removeYes}
    no={text.removeNo}
    onYes={onYes}
  />
);
