/** A file of one's own becomes a dataset: the same fields as in a new run, from the same schema. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { isFileField } from '@murmuration/client/run-data';
import { openRunYaml, withField } from '@murmuration/client/run-yaml';
import type { DatasetManifest, Fault } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import {
  draftFields,
  FIRST_DRAFT,
  nameOfFile,
  withFiles,
  withKind,
  withNoFile,
  type DataKind,
} from '../run-draft.ts';
import { datasetOf, DraftRefusal, missingFiles, type ChosenFiles } from '../run-launch.ts';
import { valueAt, type FormField } from '../schema-fields.ts';
import { data as text, launch } from '../strings-launch.ts';
import { FileField } from './file-field.tsx';
import { faultWords, isMissing, ofFiles } from './field-words.ts';
import { SchemaField } from './schema-field.tsx';
import { messageOf, Trouble } from './trouble.tsx';
import { Unfolding } from './unfolding.tsx';

interface Props {
  readonly onMade: (dataset: DatasetManifest) => void;
  readonly onFailed: () => void;
}

export function BringData({ onMade, onFailed }: Props) {
  // A run's draft of which only the data are shown, so that data are asked for in one way.
  const [draft, setDraft] = useState(() => withNoFile(FIRST_DRAFT));
  const [files, setFiles] = useState<ChosenFiles>(new Map());
  const [name, setName] = useState('');
  const [refused, setRefused] = useState<readonly Fault[]>([]);
  const [hasTried, setHasTried] = useState(false);
  const [trouble, setTrouble] = useState('');
  const [step, setStep] = useState<{ readonly words: string; readonly share: number | null } | null>(null);
  const [focusCount, setFocusCount] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (focusCount > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [focusCount]);

  const { value, run, faults } = openRunYaml(draft);
  const edit = (next: string) => {
    setDraft(next);
    setRefused([]);
    setTrouble('');
  };
  const { decisions, rest } = draftFields(value);
  const asked = [...decisions.data, ...decisions.target, ...decisions.terms];
  const more = rest.filter(({ path }) => path[0] === 'data');
  const faultOf = (field: string) => {
    const found = [...faults, ...refused].find((fault) => fault.field === field);
    return found === undefined || (isMissing(found) && !hasTried) ? undefined : faultWords(found);
  };
  const refuse = (found: readonly Fault[]) => {
    setRefused(found);
    setHasTried(true);
    setTrouble(launch.notCreated(found.length));
    setFocusCount((count) => count + 1);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (step !== null) return;
    setTrouble('');
    const missing = run === null ? faults : missingFiles({ data: run.data }, files);
    if (run === null || missing.length > 0) return refuse(missing);
    setStep({ words: launch.preflight.preparing, share: null });
    try {
      onMade(
        await datasetOf(run.data, files, {
          name: name.trim() === '' ? undefined : name.trim(),
          tell: (words, share) => {
            setStep({ words, share });
            if (share === null) announce(words);
          },
        }),
      );
    } catch (reason) {
      if (reason instanceof DraftRefusal) refuse(reason.faults);
      else setTrouble(`${messageOf(reason)} ${launch.goOn}`);
      onFailed();
    } finally {
      setStep(null);
    }
  };
  const choose = (field: FormField, picked: readonly File[]) => {
    const names = picked.map((file) => file.name);
    setFiles(new Map([...files, ...picked.map((file) => [file.name, file] as const)]));
    if (field.name === 'data.labels') return edit(withField(draft, field.path, names[0]));
    const next = withFiles(draft, value, names);
    if (next === null) setRefused([{ field: field.name, message: launch.fileUnknown(names[0] ?? '') }]);
    else edit(next);
  };
  const shown = (field: FormField) => {
    const common = { field, value: valueAt(value, field.path), fault: faultOf(field.name) };
    const write = (_: FormField, next: unknown) => edit(withField(draft, field.path, next));
    if (isFileField(field.path.at(-1)!))
      return (
        <FileField
          key={field.name}
          field={field}
          name={common.value}
          files={files}
          fault={common.fault}
          onChoose={(picked) => choose(field, picked)}
        />
      );
    if (field.name === 'data.kind')
      return (
        <SchemaField
          key={field.name}
          {...common}
          field={ofFiles(field)}
          onWrite={(_, next) => edit(withKind(draft, value, next as DataKind))}
        />
      );
    return <SchemaField key={field.name} {...common} hint={launch.hints[field.name]} onWrite={write} />;
  };
  const fileName = valueAt(value, ['data', 'file']) ?? valueAt(value, ['data', 'images']);
  return (
    <form ref={form} class="card bring" aria-labelledby="bring-heading" onSubmit={submit} noValidate>
      <h2 id="bring-heading">{text.bring}</h2>
      <div class="fields">
        {asked.filter(({ name: each }) => !DATA_LAST.has(each)).map(shown)}
        <div class="field">
          <label for="dataset-name">{text.name}</label>
          <input
            id="dataset-name"
            type="text"
            maxLength={64}
            autocomplete="off"
            value={name}
            placeholder={typeof fileName === 'string' ? nameOfFile(fileName) : ''}
            aria-describedby="dataset-name-note"
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
          <small id="dataset-name-note">{text.nameHint}</small>
        </div>
        {asked.filter(({ name: each }) => DATA_LAST.has(each)).map(shown)}
      </div>
      {more.length > 0 && (
        <Unfolding summary={text.more} hasFault={more.some((field) => faultOf(field.name) !== undefined)}>
          <div class="fields">{more.map(shown)}</div>
        </Unfolding>
      )}
      <Trouble text={trouble} />
      {step !== null && step.share !== null && (
        <progress value={step.share} max={1} aria-label={step.words} />
      )}
      <button type="submit" aria-busy={step !== null} disabled={step !== null}>
        {step === null ? text.make : step.words}
      </button>
    </form>
  );
}

/** The terms stand at the end, before the button. */
const DATA_LAST = new Set(['data.licence', 'data.sharedWithVolunteers']);
