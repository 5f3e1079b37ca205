/** One dataset: what it is, and a look into it (GET /api/datasets/:id/preview). */
import { useEffect, useState } from 'preact/hooks';
import type { DatasetId, DatasetManifest, Preview } from '@murmuration/protocol';
import { countText } from '../format.ts';
import { Fact } from '../parts/fact.tsx';
import { ClassBalance, ColumnTable, ValueSpread } from '../parts/preview-tables.tsx';
import { FirstRows } from '../parts/preview-samples.tsx';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { addressOf, goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { data as text } from '../strings-launch.ts';
import { Removal, targetText } from './data.tsx';

export function DatasetScreen({ datasetId }: { readonly datasetId: DatasetId }) {
  const [dataset, setDataset] = useState<DatasetManifest | null>(null);
  const [preview, setPreview] = useState<Preview | null>(null);
  const [trouble, setTrouble] = useState('');
  useEffect(() => {
    let isWanted = true;
    const failed = (reason: unknown) => isWanted && setTrouble(messageOf(reason));
    api.dataset(datasetId).then((found) => isWanted && setDataset(found), failed);
    api.preview(datasetId).then((found) => isWanted && setPreview(found), failed);
    return () => {
      isWanted = false;
    };
  }, [datasetId]);
  if (dataset === null)
    return (
      <>
        <Back />
        {trouble === '' ? (
          <p class="note">{strings.loading}</p>
        ) : (
          <Trouble text={`${text.unknown} ${trouble}`} />
        )}
      </>
    );
  const { facts } = text.preview;
  return (
    <>
      <Back />
      <div class="titled">
        <h1>{dataset.name}</h1>
        <div class="actions">
          <a role="button" href={addressOf({ screen: 'new-run', datasetId })}>
            {text.launch}
          </a>
          <Removal dataset={dataset} onRemoved={() => goTo({ screen: 'data' })} />
        </div>
      </div>
      <Trouble text={trouble} />
      <section class="card" aria-label={text.heading}>
        <dl class="facts">
          <Fact name={facts.predicts}>{targetText(dataset)}</Fact>
          <Fact name={facts.train}>{countText(dataset.trainSampleCount)}</Fact>
          <Fact name={facts.heldOut}>{countText(dataset.validation.sampleCount)}</Fact>
          <Fact name={facts.shards}>{countText(dataset.shardCount)}</Fact>
          <Fact name={facts.shape}>
            {dataset.sampleShape.join(' × ')} ({dataset.encoding})
          </Fact>
          <Fact name={facts.licence}>{dataset.licence}</Fact>
        </dl>
        <p class="note">
          <a href={`/api/datasets/${datasetId}/preprocessing.json`} download>
            {text.preview.preprocessing}
          </a>{' '}
          {text.preview.preprocessingNote}
        </p>
      </section>
      {preview === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {preview !== null && <Look preview={preview} dataset={dataset} />}
    </>
  );
}

function Look({ preview, dataset }: { readonly preview: Preview; readonly dataset: DatasetManifest }) {
  return (
    <>
      {preview.notes.length > 0 && (
        <section class="card" aria-labelledby="notes-heading">
          <h2 id="notes-heading">{text.preview.notes}</h2>
          <ul>
            {preview.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </section>
      )}
      {preview.classes !== null && <ClassBalance classes={preview.classes} />}
      {preview.columns.length > 0 && <ColumnTable preview={preview} />}
      {preview.values !== null && <ValueSpread values={preview.values} />}
      {preview.samples.length > 0 && <FirstRows preview={preview} dataset={dataset} />}
    </>
  );
}

const Back = () => (
  <p class="back">
    <a href={addressOf({ screen: 'data' })}>← {text.back}</a>
  </p>
);
