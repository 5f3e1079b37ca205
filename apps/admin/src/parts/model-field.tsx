/** Which model: a preset, one that was imported, a file of Keras or tfjs, or layers that stand in the YAML. */
import { useEffect, useState } from 'preact/hooks';
import { isModelFile, modelPaths } from '@murmuration/client/run-model';
import { PRESET_NAMES, type ModelLine } from '@murmuration/protocol';
import { countText } from '../format.ts';
import type { ChosenFiles } from '../run-launch.ts';
import { valueAt, type FormField } from '../schema-fields.ts';
import { api } from '../session.ts';
import { launch as text } from '../strings-launch.ts';
import { FileField } from './file-field.tsx';

interface Props {
  readonly field: FormField;
  readonly value: unknown;
  readonly fault: string | undefined;
  readonly files: ChosenFiles;
  readonly onWrite: (field: FormField, value: unknown) => void;
  /** false: none of them describes a model. */
  readonly onFiles: (picked: readonly File[]) => boolean;
}

/** No id and no preset is called so. */
const FILE_CHOICE = 'a file';

export function ModelField({ field, value, fault, files, onWrite, onFiles }: Props) {
  const [models, setModels] = useState<readonly ModelLine[]>([]);
  /** Somebody wants a file and has not chosen it yet: the draft has the former model until then. */
  const [isWanted, setWanted] = useState(false);
  const [hasNone, setHasNone] = useState(false);
  useEffect(() => {
    // Without the list there are still the presets.
    api.models().then(setModels, () => {});
  }, []);
  const isFile = isWanted || isModelFile(value);
  const imported = valueAt(value, ['imported']);
  const shown = isFile
    ? FILE_CHOICE
    : typeof imported === 'string'
      ? imported
      : typeof value === 'string'
        ? value
        : '';
  const isKnown =
    isFile || PRESET_NAMES.some((preset) => preset === shown) || models.some(({ id }) => id === shown);
  const choose = (chosen: string) => {
    setHasNone(false);
    setWanted(chosen === FILE_CHOICE);
    if (chosen !== FILE_CHOICE)
      onWrite(field, models.some(({ id }) => id === chosen) ? { imported: chosen } : chosen);
  };
  return (
    <>
      <div class="field">
        <label for={field.name} class="unseen">
          {field.title}
        </label>
        <select
          id={field.name}
          name={field.name}
          value={shown}
          aria-invalid={fault === undefined || isFile ? undefined : 'true'}
          aria-describedby="model-note"
          onChange={({ currentTarget }) => choose(currentTarget.value)}
        >
          {!isKnown && <option value={shown}>{shown === '' ? text.elsewhere : shown}</option>}
          {PRESET_NAMES.map((preset) => (
            <option key={preset} value={preset}>
              {text.choices['model']?.[preset] ?? preset}
            </option>
          ))}
          {models.length > 0 && (
            <optgroup label={text.importedModels}>
              {models.map(({ id, name, parameterCount }) => (
                <option key={id} value={id}>
                  {text.importedModel(name, countText(parameterCount))}
                </option>
              ))}
            </optgroup>
          )}
          <option value={FILE_CHOICE}>{text.modelFile}</option>
        </select>
        <small id="model-note" class={fault === undefined || isFile ? '' : 'trouble'}>
          {isFile ? field.description : (fault ?? field.description)}
        </small>
      </div>
      {isFile && (
        <FileField
          field={{
            ...field,
            path: [...field.path, 'file'],
            ...{ name: 'model.file', title: text.modelFileTitle, description: text.modelFileHint },
          }}
          name={modelPaths(value)[0]}
          files={files}
          fault={hasNone ? text.modelFilesWrong : fault}
          onChoose={(picked) => {
            setHasNone(!onFiles(picked));
            setWanted(false);
          }}
        />
      )}
      {(isModelFile(value) || typeof imported === 'string') && (
        <Beginning field={field} value={valueAt(value, ['weights'])} onWrite={onWrite} />
      )}
    </>
  );
}

/** With which weights a model from elsewhere begins. */
const Beginning = ({ field, value, onWrite }: Pick<Props, 'field' | 'value' | 'onWrite'>) => (
  <div class="field">
    <label for="model.weights">{text.beginWith}</label>
    <select
      id="model.weights"
      name="model.weights"
      value={value === 'drawn' ? 'drawn' : 'file'}
      aria-describedby="model-weights-note"
      onChange={({ currentTarget }) =>
        onWrite(
          { ...field, path: [...field.path, 'weights'] },
          currentTarget.value === 'drawn' ? 'drawn' : undefined,
        )
      }
    >
      <option value="file">{text.beginnings.file}</option>
      <option value="drawn">{text.beginnings.drawn}</option>
    </select>
    <small id="model-weights-note">{text.beginWithHint}</small>
  </div>
);
