/**
 * A new run. The draft is one YAML text (run-draft.ts): the form and the editor beside it both write it and both read it.
 * What it costs is asked of the coordinator while somebody types; launching brings the data there and creates the run.
 */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { filesOf } from '@murmuration/client/run-data';
import { isModelFile } from '@murmuration/client/run-model';
import { openRunYaml, withField, type LineFault } from '@murmuration/client/run-yaml';
import type { DatasetId, DatasetManifest, Fault, ModelId, RunRequest } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { DraftForm } from '../parts/draft-form.tsx';
import { faultWords, isMissing } from '../parts/field-words.ts';
import { PreflightPanel, usePreflight } from '../parts/preflight-panel.tsx';
import { messageOf, Trouble } from '../parts/trouble.tsx';
import { YamlEditor } from '../parts/yaml-editor.tsx';
import { goTo } from '../route.ts';
import { commandLine, curlCommands } from '../run-commands.ts';
import { draftFields, FIRST_DRAFT, nameOfFile, sourceOf, withStored, withWritten } from '../run-draft.ts';
import {
  createRun,
  dataKey,
  datasetOf,
  draftField,
  DraftRefusal,
  missingFiles,
  modelKey,
  modelOf,
  preflightOfDraft,
  type ChosenFiles,
} from '../run-launch.ts';
import type { FormField } from '../schema-fields.ts';
import { api } from '../session.ts';
import { launch as text } from '../strings-launch.ts';

/** The draft outlives a look at another screen. */
const draft = signal(FIRST_DRAFT);
const chosenFiles = signal<ChosenFiles>(new Map());
/** Data and model of the draft as they were brought last. `isOwn`: the dataset is there because of this draft. */
const broughtData = signal<{
  readonly key: string;
  readonly dataset: DatasetManifest;
  readonly isOwn: boolean;
} | null>(null);
const broughtModel = signal<{ readonly key: string; readonly model: RunRequest['model'] } | null>(null);

interface Props {
  /** What the draft begins with. */
  readonly datasetId: DatasetId | null;
  readonly modelId: ModelId | null;
}

export function NewRunScreen({ datasetId, modelId }: Props) {
  const { value: yaml } = draft;
  const { value: files } = chosenFiles;
  const form = useRef<HTMLFormElement>(null);
  const [datasets, setDatasets] = useState<readonly DatasetManifest[]>([]);
  /** What the coordinator said of this draft; any edit makes it another. */
  const [refused, setRefused] = useState<readonly Fault[]>([]);
  const [hasTried, setHasTried] = useState(false);
  const [step, setStep] = useState('');
  const [trouble, setTrouble] = useState('');
  const [focusCount, setFocusCount] = useState(0);

  const read = useMemo(() => openRunYaml(yaml), [yaml]);
  const lastValue = useRef<Readonly<Record<string, unknown>>>({});
  if (read.value !== null) lastValue.current = read.value;
  const { run } = read;
  const dataset = datasetHere();
  const model = modelHere();
  const asked = usePreflight(run === null ? null : preflightOfDraft(run, { dataset, model }));
  const faults = allFaults();
  const decisionCount = Object.values(draftFields(lastValue.current).decisions).filter(
    ({ length }) => length > 0,
  ).length;

  useEffect(() => {
    api.datasets().then(
      (found) => {
        setDatasets(found);
        const wanted = found.find(({ id }) => id === datasetId);
        if (wanted !== undefined) edit(withStored(draft.value, openRunYaml(draft.value).value, wanted));
      },
      (reason: unknown) => setTrouble(messageOf(reason)),
    );
  }, [datasetId]);
  useEffect(() => {
    if (modelId !== null) edit(withField(draft.value, ['model'], { imported: modelId }));
  }, [modelId]);
  useEffect(() => {
    if (focusCount > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [focusCount]);

  function edit(next: string) {
    draft.value = next;
    setRefused([]);
    setTrouble('');
  }
  const editField = ({ path }: FormField, value: unknown) => edit(withWritten(draft.value, path, value));

  return (
    <form ref={form} class="new-run" onSubmit={submit} noValidate>
      <div class="titled">
        <div>
          <h1>{text.heading}</h1>
          <p class="note">{text.intro(String(decisionCount))}</p>
        </div>
      </div>
      {/* A broken text has no fields: the form shows the last one that could be read, and waits. */}
      <fieldset class="bare form" disabled={read.value === null}>
        {read.value === null && (
          <p class="trouble" role="alert">
            {text.brokenYaml(read.faults[0]?.line ?? 1)}
          </p>
        )}
        <DraftForm
          yaml={yaml}
          value={lastValue.current}
          faultOf={faultOf}
          datasets={datasets}
          files={files}
          onFiles={(next) => (chosenFiles.value = next)}
          onEdit={edit}
          onField={editField}
        />
      </fieldset>
      <div class="beside">
        <PreflightPanel
          asked={asked}
          hasRun={run !== null}
          dataset={dataset}
          toBring={toBring()}
          onPrepare={run === null || missingFiles(run, files).length > 0 ? null : prepare}
          step={step}
        />
        <div class="launch">
          <Trouble text={trouble} />
          <button type="submit" aria-busy={step !== ''} disabled={step !== ''}>
            {step === '' ? text.create : step}
          </button>
        </div>
        <YamlEditor
          yaml={yaml}
          faults={faults}
          onEdit={edit}
          copies={{
            yaml,
            curl: run === null ? null : curlCommands(run, location.origin, datasetName()),
            command: run === null ? null : commandLine(yaml, location.origin),
          }}
        />
      </div>
    </form>
  );

  function datasetHere(): DatasetManifest | null {
    const data = run?.data ?? null;
    if (data === null) return null;
    if (data.kind === 'stored') return datasets.find(({ id }) => id === data.id) ?? null;
    const { value: here } = broughtData;
    return here !== null && here.key === dataKey(data, files) ? here.dataset : null;
  }

  function modelHere(): RunRequest['model'] | null {
    if (run === null) return null;
    if (!isModelFile(run.model)) return run.model as RunRequest['model'];
    const { value: here } = broughtModel;
    return here !== null && here.key === modelKey(run.model, files) ? here.model : null;
  }

  /** What must come before it is known what the run costs. Digits are drawn at the launch. */
  function toBring(): 'data' | 'model' | 'both' | null {
    const { current: value } = lastValue;
    const isDataAway =
      dataset === null && (run === null ? sourceOf(value) === 'file' : run.data.kind !== 'digits');
    const isModelAway = model === null && isModelFile(value['model']);
    if (isDataAway) return isModelAway ? 'both' : 'data';
    return isModelAway ? 'model' : null;
  }

  function datasetName(): string {
    const [file] = filesOf(run?.data);
    return file === undefined ? '' : nameOfFile(file[1]);
  }

  /** What the text says wrong, what the coordinator refused of it, and what preflight would refuse, by line. */
  function allFaults(): LineFault[] {
    const said =
      refused.length > 0
        ? refused
        : (asked.answer?.refusals ?? []).map(({ field, message }) => ({ field: draftField(field), message }));
    const all = [...read.faults];
    for (const { field, message } of said)
      if (!all.some((fault) => fault.field === field)) all.push({ field, message, line: read.lineOf(field) });
    return all.map((fault) => ({ ...fault, message: faultWords(fault) }));
  }

  /** What is missing is said at its field once somebody tried to launch; nonsense at once. */
  function faultOf(field: string): string | undefined {
    const written = read.faults.find((fault) => fault.field === field);
    if (written !== undefined && isMissing(written) && !hasTried) return undefined;
    return faults.find((fault) => fault.field === field)?.message;
  }

  function refuse(found: readonly Fault[]) {
    setRefused(found);
    setHasTried(true);
    setTrouble(text.notCreated(found.length));
    setFocusCount((count) => count + 1);
  }

  async function submit(event: Event) {
    event.preventDefault();
    if (step !== '') return;
    setTrouble('');
    if (run === null) return refuse(read.faults);
    const missing = missingFiles(run, files);
    if (missing.length > 0) return refuse(missing);
    await busy(async () => {
      const requested = await bringModel();
      const made = await bringData();
      setStep(text.creating);
      const { manifest } = await createRun(run, { dataset: made, model: requested });
      goTo({ screen: 'run', runId: manifest.id });
    });
  }

  function prepare() {
    void busy(async () => {
      await bringModel();
      if (run!.data.kind !== 'digits') await bringData();
    });
  }

  async function bringModel(): Promise<RunRequest['model']> {
    if (model !== null) return model;
    const { model: file } = run!;
    const made = await modelOf(file, files, tell);
    broughtModel.value = { key: modelKey(file, files), model: made };
    return made;
  }

  async function bringData(): Promise<DatasetManifest> {
    if (dataset !== null) return dataset;
    const { data } = run!;
    const before = await api.datasets();
    const made = await datasetOf(data, files, { tell });
    const { value: former } = broughtData;
    broughtData.value = {
      key: dataKey(data, files),
      dataset: made,
      isOwn: !before.some(({ id }) => id === made.id),
    };
    // One that only an earlier word of this draft wanted. One that a run was made of is kept by the coordinator.
    if (former?.isOwn === true && former.dataset.id !== made.id)
      await api.deleteDataset(former.dataset.id).catch(() => {});
    return made;
  }

  async function busy(work: () => Promise<void>) {
    setStep(text.preflight.preparing);
    try {
      await work();
    } catch (reason) {
      if (reason instanceof DraftRefusal) refuse(reason.faults);
      else setTrouble(`${messageOf(reason)} ${text.goOn}`);
    } finally {
      setStep('');
    }
  }

  function tell(now: string, share: number | null) {
    setStep(now);
    if (share === null) announce(now);
  }
}
