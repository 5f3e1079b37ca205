/** The form over the draft: what a newcomer decides, one card each; everything else, from the schema, folded away. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { isFileField } from '@murmuration/client/run-data';
import type { DatasetManifest } from '@murmuration/protocol';
import { columnNames } from '../column-names.ts';
import { countText } from '../format.ts';
import {
  draftFields,
  sourceOf,
  SOURCES,
  withDigits,
  withFiles,
  withKind,
  withModelFiles,
  withNoFile,
  withStored,
  type DataKind,
  type Decision,
  type Source,
} from '../run-draft.ts';
import type { ChosenFiles } from '../run-launch.ts';
import { valueAt, type FormField } from '../schema-fields.ts';
import { launch as text } from '../strings-launch.ts';
import { ofFiles } from './field-words.ts';
import { FileField } from './file-field.tsx';
import { ModelField } from './model-field.tsx';
import { SchemaField } from './schema-field.tsx';
import { Unfolding } from './unfolding.tsx';

interface Props {
  readonly yaml: string;
  /** What it says, right or wrong. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly faultOf: (field: string) => string | undefined;
  readonly datasets: readonly DatasetManifest[];
  readonly files: ChosenFiles;
  readonly onFiles: (files: ChosenFiles) => void;
  readonly onEdit: (yaml: string) => void;
  readonly onField: (field: FormField, value: unknown) => void;
}

export function DraftForm(props: Props) {
  const { value, faultOf, onField } = props;
  const { decisions, rest } = draftFields(value);
  const columns = useColumns(props);
  const plain = (field: FormField) => (
    <SchemaField
      key={field.name}
      isNamedAbove={field.title === text.legends[field.name as Decision]}
      field={field}
      value={valueAt(value, field.path)}
      fault={faultOf(field.name)}
      onWrite={onField}
    />
  );
  const order: readonly Decision[] = ['data', 'target', 'terms', 'model', 'end', 'name'];
  const inside: Readonly<Record<Decision, ComponentChildren>> = {
    data: <DataDecision {...props} fields={decisions.data} />,
    target: decisions.target.map((field) => (
      <SchemaField
        key={field.name}
        field={field}
        value={valueAt(value, field.path)}
        fault={faultOf(field.name)}
        onWrite={onField}
        suggestions={columns}
        placeholder={columns.length === 0 ? undefined : text.lastColumn(columns.at(-1)!)}
      />
    )),
    terms: decisions.terms.map((field) => (
      <SchemaField
        key={field.name}
        field={field}
        value={valueAt(value, field.path)}
        fault={faultOf(field.name)}
        onWrite={onField}
        hint={text.hints[field.name]}
      />
    )),
    model: decisions.model.map((field) => (
      <ModelField
        key={field.name}
        field={field}
        value={valueAt(value, field.path)}
        fault={modelFault(faultOf)}
        files={props.files}
        onWrite={onField}
        onFiles={(picked) => {
          const next = withModelFiles(
            props.yaml,
            picked.map(({ name }) => name),
          );
          if (next === null) return false;
          props.onFiles(withPicked(props.files, picked));
          props.onEdit(next);
          return true;
        }}
      />
    )),
    end: decisions.end.map(plain),
    name: decisions.name.map(plain),
  };
  const shown = order.filter((decision) => decisions[decision].length > 0);
  const hasFault = rest.some(({ name }) => faultOf(name) !== undefined);
  return (
    <>
      {shown.map((decision, index) => (
        <fieldset key={decision} class="card" data-decision={decision}>
          <legend>
            <span aria-hidden="true">{index + 1}</span> {text.legends[decision]}
          </legend>
          {decision === 'data' ? inside.data : <div class="fields">{inside[decision]}</div>}
        </fieldset>
      ))}
      <Unfolding class="card" summary={text.everythingElse} hasFault={hasFault}>
        {(['data', 'training'] as const).map((part) => {
          const fields = rest.filter(({ path }) => (path[0] === 'data') === (part === 'data'));
          return (
            fields.length > 0 && (
              <fieldset key={part}>
                <legend>{text.restOf[part]}</legend>
                <div class="fields">{fields.map(plain)}</div>
              </fieldset>
            )
          );
        })}
      </Unfolding>
    </>
  );
}

/** A fault inside a model is the model's. */
const modelFault = (faultOf: Props['faultOf']): string | undefined =>
  ['model', 'model.layers', 'model.imported', 'model.weights', 'model.file', 'model.weightsFiles']
    .map(faultOf)
    .find((fault) => fault !== undefined);

const withPicked = (files: ChosenFiles, picked: readonly File[]): ChosenFiles =>
  new Map([...files, ...picked.map((file) => [file.name, file] as const)]);

function DataDecision({
  yaml,
  value,
  faultOf,
  datasets,
  files,
  onFiles,
  onEdit,
  onField,
  fields,
}: Props & { readonly fields: readonly FormField[] }) {
  const [trouble, setTrouble] = useState('');
  const source = sourceOf(value);
  const choose = (next: Source) => {
    setTrouble('');
    if (next === 'digits') return onEdit(withDigits(yaml, value));
    if (next === 'stored') return onEdit(withStored(yaml, value, datasets.at(-1) ?? null));
    onEdit(withFiles(yaml, value, [...files.keys()]) ?? withNoFile(yaml));
  };
  const chosen = (field: FormField, picked: readonly File[]) => {
    const names = picked.map(({ name }) => name);
    onFiles(withPicked(files, picked));
    const isFirst = field.name !== 'data.labels';
    const next = isFirst ? withFiles(yaml, value, names) : null;
    setTrouble(isFirst && next === null ? text.fileUnknown(names[0] ?? '') : '');
    if (next !== null) onEdit(next);
    else if (!isFirst) onField(field, names[0]);
  };
  const kind = fields.find(({ name }) => name === 'data.kind');
  return (
    <>
      <div role="radiogroup" aria-label={text.sourceLabel} class="sources">
        {SOURCES.map((each) => (
          <label key={each}>
            <input
              type="radio"
              name="source"
              value={each}
              checked={source === each}
              onChange={() => choose(each)}
            />
            {text.sources[each]}
          </label>
        ))}
      </div>
      {source === 'stored' && <StoredField {...{ value, datasets, onEdit, yaml, faultOf }} />}
      {source === 'file' && (
        <div class="fields">
          {fields.map((field) =>
            isFileField(field.path.at(-1)!) ? (
              <FileField
                key={field.name}
                field={field}
                name={valueAt(value, field.path)}
                files={files}
                fault={trouble === '' || field.name === 'data.labels' ? faultOf(field.name) : trouble}
                onChoose={(picked) => chosen(field, picked)}
              />
            ) : null,
          )}
          {kind !== undefined && (
            <SchemaField
              field={ofFiles(kind)}
              value={valueAt(value, kind.path)}
              fault={faultOf(kind.name)}
              onWrite={(_, next) => onEdit(withKind(yaml, value, next as DataKind))}
            />
          )}
        </div>
      )}
    </>
  );
}

function StoredField({
  value,
  datasets,
  onEdit,
  yaml,
  faultOf,
}: Pick<Props, 'value' | 'datasets' | 'onEdit' | 'yaml' | 'faultOf'>) {
  const id = valueAt(value, ['data', 'id']);
  const fault = faultOf('data.id') ?? faultOf('data');
  const isKnown = datasets.some((dataset) => dataset.id === id);
  return (
    <div class="field">
      <label for="data.id">{text.sources.stored}</label>
      <select
        id="data.id"
        name="data.id"
        value={String(id ?? '')}
        aria-invalid={fault === undefined ? undefined : 'true'}
        aria-describedby="data.id-note"
        onChange={({ currentTarget }) =>
          onEdit(withStored(yaml, value, datasets.find((each) => each.id === currentTarget.value) ?? null))
        }
      >
        {!isKnown && <option value={String(id ?? '')}>{id === undefined ? text.choose : String(id)}</option>}
        {datasets.toReversed().map(({ id: each, name, trainSampleCount }) => (
          <option key={each} value={each}>
            {text.option(name, countText(trainSampleCount))}
          </option>
        ))}
      </select>
      <small id="data.id-note" class={fault === undefined ? '' : 'trouble'}>
        {fault ?? (datasets.length === 0 ? text.noDatasets : '')}
      </small>
    </div>
  );
}

/** The chosen table's columns. */
function useColumns({ value, files }: Props): readonly string[] {
  const file = files.get(String(valueAt(value, ['data', 'file'])));
  const [columns, setColumns] = useState<readonly string[]>([]);
  useEffect(() => {
    let isWanted = true;
    setColumns([]);
    // A file that cannot be read says so when it is sent.
    if (file !== undefined)
      columnNames(file).then(
        (names) => isWanted && setColumns(names),
        () => {},
      );
    return () => {
      isWanted = false;
    };
  }, [file]);
  return columns;
}
