/** One key of a sweep and the values that are tried for it. */
import { sweepStrings } from '../strings-sweeps.ts';
import type { ParameterRow } from '../sweep-form.ts';

const text = sweepStrings.form;

interface Props {
  readonly row: ParameterRow;
  readonly kind: 'grid' | 'random';
  /** A sentence about what is wrong with it. */
  readonly fault: string | null;
  /** Null: it is the only one. */
  readonly onRemove: (() => void) | null;
  readonly onChange: (row: ParameterRow) => void;
}

export function SweepRow({ row, kind, fault, onRemove, onChange }: Props) {
  const id = (name: string) => `parameter-${row.id}-${name}`;
  const isList = kind === 'grid' || row.kind === 'list';
  const invalid = fault === null ? {} : { 'aria-invalid': 'true' as const, 'aria-describedby': id('fault') };
  const textField = (name: 'values' | 'min' | 'max', placeholder = '') => (
    <label for={id(name)}>
      {text[name]}
      <input
        {...invalid}
        id={id(name)}
        type="text"
        inputMode={name === 'values' ? 'text' : 'decimal'}
        autocomplete="off"
        placeholder={placeholder}
        value={row[name]}
        onInput={({ currentTarget }) => onChange({ ...row, [name]: currentTarget.value })}
      />
    </label>
  );
  return (
    <fieldset class="parameter">
      <legend class="unseen">{row.key === '' ? text.key : row.key}</legend>
      <label for={id('key')}>
        {text.key}
        <input
          {...invalid}
          id={id('key')}
          type="text"
          list="sweep-keys"
          autocomplete="off"
          spellcheck={false}
          value={row.key}
          onInput={({ currentTarget }) => onChange({ ...row, key: currentTarget.value })}
        />
      </label>
      {kind === 'random' && (
        <label for={id('kind')}>
          {text.how}
          <select
            id={id('kind')}
            value={row.kind}
            onChange={({ currentTarget }) =>
              onChange({ ...row, kind: currentTarget.value as ParameterRow['kind'] })
            }
          >
            <option value="list">{text.hows.list}</option>
            <option value="range">{text.hows.range}</option>
          </select>
        </label>
      )}
      {isList ? (
        textField('values', text.valuesHint)
      ) : (
        <>
          {textField('min')}
          {textField('max')}
          <label for={id('scale')}>
            {text.scale}
            <select
              id={id('scale')}
              value={row.scale}
              onChange={({ currentTarget }) =>
                onChange({ ...row, scale: currentTarget.value as ParameterRow['scale'] })
              }
            >
              <option value="log">{text.scales.log}</option>
              <option value="linear">{text.scales.linear}</option>
            </select>
          </label>
          <label for={id('integer')} class="tick">
            <input
              id={id('integer')}
              type="checkbox"
              checked={row.integer}
              onChange={({ currentTarget }) => onChange({ ...row, integer: currentTarget.checked })}
            />
            {text.integer}
          </label>
        </>
      )}
      {onRemove !== null && (
        <button
          type="button"
          class="plain"
          aria-label={text.removeOf(row.key === '' ? text.key : row.key)}
          onClick={onRemove}
        >
          {text.remove}
        </button>
      )}
      {fault !== null && (
        <small id={id('fault')} class="trouble" role="alert">
          {fault}
        </small>
      )}
    </fieldset>
  );
}
