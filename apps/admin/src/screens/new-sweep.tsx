/** The form of a sweep: what all trials share, and the keys of the configuration whose values are tried. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import {
  PRESET_NAMES,
  SWEEP_TRIALS_MAX,
  type DatasetManifest,
  type ModelLine,
  type RunRequest,
  type RunSummary,
  type SweepRequest,
  TrainingSchema,
} from '@murmuration/protocol';
import { countText } from '../format.ts';
import { SweepRow } from '../parts/sweep-row.tsx';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { usePolled } from '../polled.ts';
import { addressOf, goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { sweepStrings } from '../strings-sweeps.ts';
import {
  faultOf,
  isTooMany,
  searchOf,
  trialCount,
  type ParameterRow,
  type SweepFault,
} from '../sweep-form.ts';

const text = sweepStrings.form;
const TRIALS_DEFAULT = 10;
const FIRST_ROW: ParameterRow = {
  ...{ id: 0, key: 'training.learningRate', kind: 'list', values: '0.01, 0.003, 0.001' },
  ...{ min: '0.0003', max: '0.03', scale: 'log', integer: false },
};
const KEYS = ['model', 'seed', ...Object.keys(TrainingSchema.properties).map((key) => `training.${key}`)];

export function NewSweepScreen() {
  const ask = useCallback(
    async () => ({
      datasets: await api.datasets(),
      models: await api.models(),
      runs: (await api.runs({ limit: '50' })).items,
    }),
    [],
  );
  const { known, trouble } = usePolled(ask, () => null);
  return (
    <>
      <p class="back">
        <a href={addressOf({ screen: 'sweeps' })}>← {sweepStrings.back}</a>
      </p>
      <h1>{text.heading}</h1>
      <Trouble text={trouble} />
      {known === null && trouble === '' && <p class="note">{strings.loading}</p>}
      {known?.datasets.length === 0 && (
        <p class="card">
          {text.noDatasets} <a href={addressOf({ screen: 'new-run' })}>{strings.nav.create}</a>
        </p>
      )}
      {known !== null && known.datasets.length > 0 && <Form {...known} />}
    </>
  );
}

interface FormProps {
  readonly datasets: readonly DatasetManifest[];
  readonly models: readonly ModelLine[];
  readonly runs: readonly RunSummary[];
}

function Form({ datasets, models, runs }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const [kind, setKind] = useState<'grid' | 'random'>('grid');
  const [rows, setRows] = useState<readonly ParameterRow[]>([FIRST_ROW]);
  const [trials, setTrials] = useState(TRIALS_DEFAULT);
  const [from, setFrom] = useState<string>(PRESET_NAMES[0]);
  const [fault, setFault] = useState<SweepFault | null>(null);
  const [trouble, setTrouble] = useState('');
  const [busy, setBusy] = useState(false);
  const count = trialCount(kind, rows, trials);
  const fromRun = runs.find(({ id }) => id === from);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [fault]);

  const change = (index: number, row: ParameterRow) =>
    setRows(rows.map((each, place) => (place === index ? row : each)));
  const submit = async (event: Event) => {
    event.preventDefault();
    const wrong = faultOf(kind, rows);
    setFault(wrong);
    setTrouble('');
    if (wrong !== null || form.current === null) return;
    const data = new FormData(form.current);
    const word = (name: string) => String(data.get(name) ?? '').trim();
    setBusy(true);
    try {
      const name = word('name');
      const base = await baseOf(name, { from, fromRun, datasetId: word('datasetId') });
      const sweep = await api.createSweep({
        name,
        base,
        search: searchOf(kind, rows, { trials, seed: Number(word('seed') || 0) }),
        metric: word('metric') as SweepRequest['metric'],
        parallel: Number(word('parallel') || 1),
      });
      goTo({ screen: 'sweep', sweepId: sweep.id });
    } catch (reason) {
      setTrouble(messageOf(reason));
    } finally {
      setBusy(false);
    }
  };

  return (
    <form ref={form} class="new-sweep" onSubmit={submit}>
      <fieldset class="card">
        <legend>{text.base}</legend>
        <div class="fields">
          <label for="sweep-name">
            {text.name}
            <input id="sweep-name" name="name" type="text" required maxLength={64} autocomplete="off" />
            <small>{text.nameHint}</small>
          </label>
          <label for="sweep-from">
            {text.from}
            <select
              id="sweep-from"
              value={from}
              onChange={({ currentTarget }) => setFrom(currentTarget.value)}
            >
              <optgroup label={text.presets}>
                {PRESET_NAMES.map((preset) => (
                  <option key={preset} value={preset}>
                    {text.presetOption(preset)}
                  </option>
                ))}
              </optgroup>
              {models.length > 0 && (
                <optgroup label={text.models}>
                  {models.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {text.presetOption(name)}
                    </option>
                  ))}
                </optgroup>
              )}
              {runs.length > 0 && (
                <optgroup label={text.runs}>
                  {runs.map(({ id, name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
                </optgroup>
              )}
            </select>
          </label>
          <label for="sweep-dataset">
            {text.dataset}
            <select
              id="sweep-dataset"
              name="datasetId"
              key={fromRun?.datasetId ?? ''}
              defaultValue={fromRun?.datasetId ?? datasets[0]!.id}
            >
              {datasets.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      </fieldset>
      <fieldset class="card">
        <legend>{text.search}</legend>
        <div class="fields">
          <label for="sweep-kind">
            {text.kind}
            <select
              id="sweep-kind"
              value={kind}
              onChange={({ currentTarget }) => setKind(currentTarget.value as 'grid' | 'random')}
            >
              <option value="grid">{text.kinds.grid}</option>
              <option value="random">{text.kinds.random}</option>
            </select>
          </label>
          {kind === 'random' && (
            <>
              <label for="sweep-trials">
                {text.trials}
                <input
                  id="sweep-trials"
                  type="number"
                  min={1}
                  max={SWEEP_TRIALS_MAX}
                  required
                  value={trials}
                  onInput={({ currentTarget }) => setTrials(currentTarget.valueAsNumber || 0)}
                />
              </label>
              <label for="sweep-seed">
                {text.seed}
                <input
                  id="sweep-seed"
                  name="seed"
                  type="number"
                  min={0}
                  max={4_294_967_295}
                  defaultValue="1"
                />
              </label>
            </>
          )}
        </div>
        <p class="note">{text.keyHint}</p>
        <datalist id="sweep-keys">
          {KEYS.map((key) => (
            <option key={key} value={key} />
          ))}
        </datalist>
        {rows.map((row, index) => (
          <SweepRow
            key={row.id}
            row={row}
            kind={kind}
            fault={fault?.row === index ? text.faults[fault.fault] : null}
            onChange={(changed) => change(index, changed)}
            onRemove={rows.length === 1 ? null : () => setRows(rows.filter((each) => each !== row))}
          />
        ))}
        <button
          type="button"
          class="outline secondary narrow-button"
          onClick={() =>
            setRows([
              ...rows,
              {
                ...FIRST_ROW,
                id: Math.max(...rows.map(({ id }) => id)) + 1,
                key: '',
                values: '',
                min: '',
                max: '',
              },
            ])
          }
        >
          {text.add}
        </button>
        <div class="fields">
          <label for="sweep-metric">
            {text.metric}
            <select id="sweep-metric" name="metric">
              <option value="accuracy">{text.metrics.accuracy}</option>
              <option value="loss">{text.metrics.loss}</option>
            </select>
          </label>
          <label for="sweep-parallel">
            {text.parallel}
            <input id="sweep-parallel" name="parallel" type="number" min={1} max={16} defaultValue="1" />
            <small>{text.parallelHint}</small>
          </label>
        </div>
      </fieldset>
      <Trouble text={trouble} />
      <p class={isTooMany(count) ? 'trouble' : 'note'}>
        {isTooMany(count)
          ? text.tooMany(countText(count), countText(SWEEP_TRIALS_MAX))
          : text.count(countText(count))}
      </p>
      <button type="submit" aria-busy={busy} disabled={busy || isTooMany(count)}>
        {text.submit}
      </button>
    </form>
  );
}

interface Base {
  readonly from: string;
  readonly fromRun: RunSummary | undefined;
  readonly datasetId: string;
}

async function baseOf(name: string, { from, fromRun, datasetId }: Base): Promise<RunRequest> {
  if (fromRun === undefined) {
    const preset = PRESET_NAMES.find((each) => each === from);
    return { name, datasetId, model: preset ?? { imported: from } };
  }
  const { manifest } = await api.run(fromRun.id);
  const { model, importOf, seed, training } = manifest;
  return {
    ...{ name, datasetId, seed, training },
    model:
      importOf === undefined
        ? model
        : { imported: importOf.modelId, weights: importOf.sha256 === null ? 'drawn' : 'file' },
  };
}
