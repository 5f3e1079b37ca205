/** Which model: a preset, one that was imported from Keras or tfjs, or layers that stand in the YAML. */
import { useEffect, useState } from 'preact/hooks';
import type { ModelLine } from '@murmuration/protocol';
import { countText } from '../format.ts';
import { valueAt, type FormField } from '../schema-fields.ts';
import { api } from '../session.ts';
import { launch as text } from '../strings-launch.ts';

interface Props {
  readonly field: FormField;
  readonly value: unknown;
  readonly fault: string | undefined;
  readonly presets: readonly string[];
  readonly onWrite: (field: FormField, value: unknown) => void;
}

export function ModelField({ field, value, fault, presets, onWrite }: Props) {
  const [models, setModels] = useState<readonly ModelLine[]>([]);
  useEffect(() => {
    // Without the list there are still the presets.
    api.models().then(setModels, () => {});
  }, []);
  const imported = valueAt(value, ['imported']);
  const shown = typeof imported === 'string' ? imported : typeof value === 'string' ? value : '';
  const isKnown = presets.includes(shown) || models.some(({ id }) => id === shown);
  const note = fault ?? `${field.description} ${text.importHint}`;
  return (
    <div class="field">
      <label for={field.name} class="unseen">
        {field.title}
      </label>
      <select
        id={field.name}
        name={field.name}
        value={shown}
        aria-invalid={fault === undefined ? undefined : 'true'}
        aria-describedby="model-note"
        onChange={({ currentTarget: { value: chosen } }) =>
          onWrite(field, models.some(({ id }) => id === chosen) ? { imported: chosen } : chosen)
        }
      >
        {!isKnown && <option value={shown}>{shown === '' ? text.elsewhere : shown}</option>}
        {presets.map((preset) => (
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
      </select>
      <small id="model-note" class={fault === undefined ? '' : 'trouble'}>
        {note}
      </small>
    </div>
  );
}
