/** Every dataset that is here; bringing another; and uploads that were broken off. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { outputSizeOf, type DatasetManifest, type UploadState } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { countText } from '../format.ts';
import { BringData } from '../parts/bring-data.tsx';
import { Sure } from '../parts/sure.tsx';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { addressOf, goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { data as text } from '../strings-launch.ts';
import { TableHead } from '../parts/table-head.tsx';

interface Known {
  readonly datasets: readonly DatasetManifest[];
  readonly unfinished: readonly UploadState[];
}

export function DataScreen() {
  const [known, setKnown] = useState<Known | null>(null);
  const [trouble, setTrouble] = useState('');
  const refresh = useCallback(async () => {
    try {
      const [datasets, { unfinished }] = await Promise.all([api.datasets(), api.uploads()]);
      setKnown({ datasets, unfinished });
      setTrouble('');
    } catch (reason) {
      setTrouble(messageOf(reason));
    }
  }, []);
  useEffect(() => void refresh(), [refresh]);
  const forget = async (id: string) => {
    await api.deletePartialUpload(id).catch((reason: unknown) => setTrouble(messageOf(reason)));
    await refresh();
  };
  return (
    <>
      <h1>{text.heading}</h1>
      <Trouble text={trouble} />
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known !== null &&
        (known.datasets.length === 0 ? (
          <p class="card">{text.none}</p>
        ) : (
          <DatasetTable datasets={known.datasets} onRemoved={refresh} />
        ))}
      {known !== null && known.unfinished.length > 0 && (
        <section class="card" aria-labelledby="unfinished-heading">
          <h2 id="unfinished-heading">{text.unfinished}</h2>
          <p class="note">{text.unfinishedText}</p>
          <ul class="unfinished">
            {known.unfinished.map(({ id, name, offset, byteLength }) => (
              <li key={id}>
                {/* The number at its end tells two files of one name apart. */}
                <span>{name.replace(/ \d+$/, '')}</span>
                <progress value={offset} max={byteLength} aria-label={name} />
                <small>{text.unfinishedOf(offset, byteLength)}</small>
                <button type="button" class="plain" onClick={() => forget(id)}>
                  {text.forget}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      <BringData
        onMade={(dataset) => {
          announce(text.made(dataset.name));
          goTo({ screen: 'dataset', datasetId: dataset.id });
        }}
        onFailed={refresh}
      />
    </>
  );
}

interface TableProps {
  readonly datasets: readonly DatasetManifest[];
  readonly onRemoved: () => void;
}

function DatasetTable({ datasets, onRemoved }: TableProps) {
  const { columns } = text;
  return (
    <section class="card" aria-label={text.list}>
      <table role="table" class="stacking runs">
        <TableHead heads={Object.values(columns)} />
        <tbody role="rowgroup">
          {datasets.toReversed().map((dataset) => (
            <tr role="row" key={dataset.id}>
              <th scope="row" role="rowheader">
                <a href={addressOf({ screen: 'dataset', datasetId: dataset.id })}>{dataset.name}</a>
                <small>{dataset.licence}</small>
              </th>
              <td role="cell" data-head={columns.kind}>
                {text.kinds[dataset.kind]}
              </td>
              <td role="cell" data-head={columns.target}>
                {targetText(dataset)}
              </td>
              <td role="cell" data-head={columns.train}>
                {countText(dataset.trainSampleCount)}
              </td>
              <td role="cell" data-head={columns.heldOut}>
                {countText(dataset.validation.sampleCount)}
              </td>
              <td role="cell" data-head={columns.shape}>
                {dataset.sampleShape.join(' × ')}
              </td>
              <td role="cell" data-head={columns.actions}>
                <div class="actions">
                  <a
                    role="button"
                    class="outline"
                    href={addressOf({ screen: 'new-run', datasetId: dataset.id })}
                  >
                    {text.launch}
                  </a>
                  <Removal dataset={dataset} onRemoved={onRemoved} />
                </div>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** What the dataset has the model say. */
export const targetText = ({ target }: DatasetManifest): string =>
  text.target[target.kind](countText(outputSizeOf(target)));

/** Asks once more, because there is no way back. */
export function Removal({
  dataset: { id, name },
  onRemoved,
}: {
  readonly dataset: DatasetManifest;
  readonly onRemoved: () => void;
}) {
  const [trouble, setTrouble] = useState('');
  const remove = () =>
    api.deleteDataset(id).then(onRemoved, (reason: unknown) => setTrouble(messageOf(reason)));
  return (
    <>
      <Sure
        word={text.remove}
        label={text.removeOf(name)}
        question={text.removeSure(name)}
        yes={text.removeYes}
        no={text.removeNo}
        onYes={remove}
      />
      <Trouble text={trouble} />
    </>
  );
}
