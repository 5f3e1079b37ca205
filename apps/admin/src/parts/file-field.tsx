/** Choosing a file for a field that names one. */
import type { ChosenFiles } from '../run-launch.ts';
import type { FormField } from '../schema-fields.ts';
import { launch as text } from '../strings-launch.ts';

interface Props {
  readonly field: FormField;
  /** The file's name, as the draft has it. */
  readonly name: unknown;
  readonly files: ChosenFiles;
  readonly fault: string | undefined;
  readonly onChoose: (picked: readonly File[]) => void;
}

export function FileField({ field, name, files, fault, onChoose }: Props) {
  const isNamed = typeof name === 'string';
  const hint = isNamed
    ? files.has(name)
      ? text.fileNamed(name)
      : text.fileMissingHere(name)
    : field.name === 'data.file'
      ? text.fileHint
      : field.description;
  return (
    <div class="field">
      <label for={field.name}>{field.title}</label>
      <input
        type="file"
        id={field.name}
        name={field.name}
        // Both IDX files at once, or whatever else belongs together.
        multiple={field.name !== 'data.labels'}
        aria-invalid={fault === undefined ? undefined : 'true'}
        aria-describedby={`${field.name}-note`}
        onChange={({ currentTarget }) => {
          const picked = [...(currentTarget.files ?? [])];
          if (picked.length > 0) onChoose(picked);
        }}
      />
      <small id={`${field.name}-note`} class={fault === undefined ? '' : 'trouble'}>
        {fault ?? hint}
      </small>
    </div>
  );
}
