/**
 * The form of a new run. One submit makes whatever is missing: uploads, the data set, the run. An error of the
 * coordinator stands at the field that it names.
 */
import { ApiRefusal } from '@murmuration/client';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import {
  CODEC_BYTES_PER_PARAMETER,
  CODECS,
  type DatasetManifest,
  DEFAULT_TRAINING,
  OPTIMISERS,
  outputSizeOf,
  parameterLayout,
  presetModel,
  type PresetName,
  PRESET_NAMES,
} from '@murmuration/protocol';
import { bytesText, countText } from '../format.ts';
import {
  codecOf,
  fileKindOf,
  KNOB_NAMES,
  wishOf,
  type DatasetWish,
  type FieldErrors,
  type RunWish,
} from '../run-form.ts';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { uploadFile } from '../upload.ts';

const text = strings.newRun;
type DatasetKind = DatasetWish['kind'];
const DIGITS_SHAPE = [28, 28, 1] as const;

export function NewRunScreen() {
  const form = useRef<HTMLFormElement>(null);
  const [kind, setKind] = useState<DatasetKind>('digits');
  const [preset, setPreset] = useState<PresetName>('mlp');
  const [codec, setCodec] = useState(DEFAULT_TRAINING.codec);
  const [datasets, setDatasets] = useState<readonly DatasetManifest[]>([]);
  const [chosen, setChosen] = useState('');
  const [errors, setErrors] = useState<FieldErrors>({});
  const [trouble, setTrouble] = useState('');
  const [step, setStep] = useState('');
  useEffect(() => {
    api.datasets().then(setDatasets, (reason: unknown) => setTrouble(messageOf(reason)));
  }, []);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [errors]);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (form.current === null || step !== '') return;
    setTrouble('');
    setErrors({});
    const wish = wishOf(new FormData(form.current));
    if ('errors' in wish) return setErrors(wish.errors);
    try {
      const run = await create(wish.wish, setStep);
      goTo({ screen: 'run', runId: run.manifest.id });
    } catch (reason) {
      const field = reason instanceof ApiRefusal ? reason.body.field : undefined;
      const isShown = field !== undefined && form.current.elements.namedItem(field) !== null;
      if (isShown) setErrors({ [field]: (reason as ApiRefusal).body.message });
      setTrouble(isShown ? text.notCreated : messageOf(reason));
    } finally {
      setStep('');
    }
  };

  const dataset = kind === 'existing' ? (datasets.find(({ id }) => id === chosen) ?? datasets[0]) : undefined;
  const field = { errors };
  return (
    <form ref={form} class="new-run" onSubmit={submit} noValidate>
      <h1>{text.heading}</h1>
      <Field {...field} name="name" label={text.name} hint={text.nameHint}>
        {(wiring) => <input {...wiring} type="text" required maxLength={64} autocomplete="off" />}
      </Field>

      <fieldset class="card">
        <legend>{text.datasetHeading}</legend>
        {(Object.keys(text.dataset) as DatasetKind[]).map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="kind"
              value={each}
              checked={kind === each}
              onChange={() => setKind(each)}
            />
            {text.dataset[each]}
          </label>
        ))}
        {kind === 'existing' && (
          <Field {...field} name="datasetId" label={text.existingLabel}>
            {(wiring) => (
              <select {...wiring} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
                {datasets.map(({ id, name, trainSampleCount }) => (
                  <option key={id} value={id}>
                    {text.existingOption(name, countText(trainSampleCount))}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        {kind === 'file' && (
          <OneFileFields errors={errors} onText={() => setPreset('gpt')} onOther={() => setPreset('mlp')} />
        )}
        {kind === 'idx' && <IdxFields errors={errors} />}
      </fieldset>

      <fieldset class="card">
        <legend>{text.modelHeading}</legend>
        {PRESET_NAMES.map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="model"
              value={each}
              checked={preset === each}
              onChange={() => setPreset(each)}
            />
            {text.models[each]}
          </label>
        ))}
        {kind !== 'file' && (
          <Preflight preset={preset} dataset={dataset} bytesPerParameter={CODEC_BYTES_PER_PARAMETER[codec]} />
        )}
      </fieldset>

      <fieldset class="card">
        <legend>{text.aimHeading}</legend>
        <div class="fields">
          <Field {...field} name="training.targetAccuracy" label={text.target} hint={text.targetHint}>
            {(wiring) => (
              <input
                {...wiring}
                inputMode="decimal"
                defaultValue={String((DEFAULT_TRAINING.targetAccuracy ?? 0) * 100)}
              />
            )}
          </Field>
          <Field {...field} name="seed" label={text.seed} hint={text.seedHint}>
            {(wiring) => <input {...wiring} inputMode="numeric" />}
          </Field>
        </div>
        <details open={Object.keys(errors).some((name) => name.startsWith('training.'))}>
          <summary>{text.advanced}</summary>
          <div class="fields">
            {KNOB_NAMES.map((name) => (
              <Field
                {...field}
                key={name}
                name={`training.${name}`}
                label={text.knobs[name][0]}
                hint={text.knobs[name][1]}
              >
                {(wiring) => (
                  <input {...wiring} inputMode="decimal" defaultValue={String(DEFAULT_TRAINING[name])} />
                )}
              </Field>
            ))}
            <Field
              {...field}
              name="training.optimiser"
              label={text.knobs.optimiser[0]}
              hint={text.knobs.optimiser[1]}
            >
              {(wiring) => (
                <select {...wiring}>
                  {OPTIMISERS.map((each) => (
                    <option key={each} value={each} selected={each === DEFAULT_TRAINING.optimiser}>
                      {text.optimisers[each]}
                    </option>
                  ))}
                </select>
              )}
            </Field>
            <Field {...field} name="training.codec" label={text.knobs.codec[0]} hint={text.knobs.codec[1]}>
              {(wiring) => (
                <select
                  {...wiring}
                  value={codec}
                  onChange={({ currentTarget }) => setCodec(codecOf(currentTarget.value))}
                >
                  {CODECS.map((each) => (
                    <option key={each} value={each}>
                      {text.codecs(each)}
                    </option>
                  ))}
                </select>
              )}
            </Field>
          </div>
        </details>
      </fieldset>

      <Trouble text={trouble} />
      <button type="submit" aria-busy={step !== ''} disabled={step !== ''}>
        {step === '' ? text.create : step}
      </button>
    </form>
  );
}

interface OneFileProps {
  readonly errors: FieldErrors;
  /** A text, or something else, was chosen: they want other models. */
  readonly onText: () => void;
  readonly onOther: () => void;
}

function OneFileFields({ errors, onText, onOther }: OneFileProps) {
  return (
    <div class="fields">
      <Field errors={errors} name="file" label={text.file} hint={text.fileHint}>
        {(wiring) => (
          <input
            {...wiring}
            type="file"
            onChange={({ currentTarget }) =>
              fileKindOf(currentTarget.files?.[0]?.name ?? '') === 'text' ? onText() : onOther()
            }
          />
        )}
      </Field>
      <Field errors={errors} name="target" label={text.targetColumn} hint={text.targetColumnHint}>
        {(wiring) => <input {...wiring} type="text" maxLength={200} autocomplete="off" />}
      </Field>
      <ConsentFields errors={errors} />
    </div>
  );
}

/** What is asked of every file that is brought. */
const ConsentFields = ({ errors }: { readonly errors: FieldErrors }) => (
  <>
    <Field errors={errors} name="datasetName" label={text.datasetName}>
      {(wiring) => <input {...wiring} type="text" maxLength={64} autocomplete="off" />}
    </Field>
    <Field errors={errors} name="licence" label={text.licence} hint={text.licenceHint}>
      {(wiring) => <input {...wiring} type="text" required maxLength={200} />}
    </Field>
    <Field errors={errors} name="sharedWithVolunteers" label={text.shared}>
      {(wiring) => <input {...wiring} type="checkbox" required />}
    </Field>
  </>
);

function IdxFields({ errors }: { readonly errors: FieldErrors }) {
  return (
    <div class="fields">
      <Field errors={errors} name="images" label={text.images} hint={text.imagesHint}>
        {(wiring) => <input {...wiring} type="file" />}
      </Field>
      <Field errors={errors} name="labels" label={text.labels} hint={text.labelsHint}>
        {(wiring) => <input {...wiring} type="file" />}
      </Field>
      <ConsentFields errors={errors} />
      <Field
        errors={errors}
        name="trainSampleCount"
        label={text.trainSampleCount}
        hint={text.trainSampleCountHint}
      >
        {(wiring) => <input {...wiring} inputMode="numeric" />}
      </Field>
    </div>
  );
}

interface PreflightProps {
  readonly preset: PresetName;
  /** Undefined: the built-in digits, or files whose shape is not known yet. */
  readonly dataset: DatasetManifest | undefined;
  readonly bytesPerParameter: number;
}

function Preflight({ preset, dataset, bytesPerParameter }: PreflightProps) {
  const model = presetModel(
    preset,
    dataset?.sampleShape ?? DIGITS_SHAPE,
    dataset === undefined ? 10 : outputSizeOf(dataset.target),
  );
  let parameterCount: number;
  try {
    ({ parameterCount } = parameterLayout(model));
  } catch (reason) {
    return <p class="trouble">{(reason as Error).message}</p>;
  }
  return (
    <p class="note">
      {text.preflight(countText(parameterCount), bytesText(parameterCount * bytesPerParameter))}
    </p>
  );
}

async function create(wish: RunWish, tell: (step: string) => void) {
  const datasetId = await datasetIdOf(wish.dataset, tell);
  tell(text.steps.run);
  return api.createRun({ ...wish.run, datasetId });
}

const share = (part: number) => `${Math.round(part * 100)} %`;

async function datasetIdOf(wish: DatasetWish, tell: (step: string) => void): Promise<string> {
  switch (wish.kind) {
    case 'existing':
      return wish.datasetId;
    case 'digits':
      tell(text.steps.dataset);
      return (await api.createDataset({ kind: 'digits' })).id;
    case 'file': {
      const file = await uploadFile(wish.file, (part) => tell(text.steps.file(share(part))));
      tell(text.steps.dataset);
      return (await api.createDataset({ ...wish.request, file }).catch(atTheDataset)).id;
    }
    case 'idx': {
      const images = await uploadFile(wish.images, (part) => tell(text.steps.images(share(part))));
      const labels = await uploadFile(wish.labels, (part) => tell(text.steps.labels(share(part))));
      tell(text.steps.dataset);
      return (await api.createDataset({ ...wish.request, images, labels }).catch(atTheDataset)).id;
    }
    default:
      return wish satisfies never;
  }
}

/** The data set's name has its own field; in the form `name` is the run's. */
function atTheDataset(reason: unknown): never {
  if (reason instanceof ApiRefusal && reason.body.field === 'name')
    throw new ApiRefusal('', reason.status, { ...reason.body, field: 'datasetName' });
  throw reason;
}

interface Wiring {
  readonly id: string;
  readonly name: string;
  readonly 'aria-invalid': 'true' | undefined;
  readonly 'aria-describedby': string | undefined;
}

interface FieldProps {
  /** The name that the coordinator's errors use. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly errors: FieldErrors;
  readonly children: (wiring: Wiring) => ComponentChildren;
}

function Field({ name, label, hint, errors, children }: FieldProps) {
  const error = errors[name];
  const note = error ?? hint;
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {children({
        id: name,
        name,
        'aria-invalid': error === undefined ? undefined : 'true',
        'aria-describedby': note === undefined ? undefined : `${name}-note`,
      })}
      {note !== undefined && (
        <small id={`${name}-note`} class={error === undefined ? '' : 'trouble'}>
          {note}
        </small>
      )}
    </div>
  );
}
