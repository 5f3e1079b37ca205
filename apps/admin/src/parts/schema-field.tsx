/** One field of a form that is made of a schema: label, control, and under it what it means or what is wrong with it. */
import { useState } from 'preact/hooks';
import type { Codec } from '@murmuration/protocol';
import { countText } from '../format.ts';
import { BY_HAND, shownIn, writtenIn, type FormField } from '../schema-fields.ts';
import { launch } from '../strings-launch.ts';

interface Props {
  readonly field: FormField;
  readonly value: unknown;
  /** What is wrong with it; undefined: nothing. */
  readonly fault: string | undefined;
  readonly onWrite: (field: FormField, value: unknown) => void;
  readonly hint?: string | undefined;
  /** Offered while typing. */
  readonly suggestions?: readonly string[];
  readonly placeholder?: string | undefined;
  /** The heading above says the title already. */
  readonly isNamedAbove?: boolean;
}

export function SchemaField(props: Props) {
  const { field, fault, hint, isNamedAbove = false } = props;
  const note = fault ?? hint ?? hintOf(field);
  const noteId = `${field.name}-note`;
  const wiring = {
    id: field.name,
    name: field.name,
    'aria-invalid': fault === undefined ? undefined : ('true' as const),
    'aria-describedby': note === '' ? undefined : noteId,
  };
  return (
    <div class="field">
      {field.input.kind === 'tick' ? (
        <Tick {...props} wiring={wiring} />
      ) : (
        <>
          <label for={field.name} class={isNamedAbove ? 'unseen' : undefined}>
            {field.title}
          </label>
          <Control {...props} wiring={wiring} />
        </>
      )}
      {note !== '' && (
        <small id={noteId} class={fault === undefined ? '' : 'trouble'}>
          {note}
        </small>
      )}
    </div>
  );
}

interface Wiring {
  readonly id: string;
  readonly name: string;
  readonly 'aria-invalid': 'true' | undefined;
  readonly 'aria-describedby': string | undefined;
}

const Tick = ({ field, value, onWrite, wiring }: Props & { readonly wiring: Wiring }) => (
  <label class="tick">
    <input
      {...wiring}
      type="checkbox"
      checked={value === true}
      onChange={({ currentTarget }) => onWrite(field, currentTarget.checked ? true : undefined)}
    />
    {field.title}
  </label>
);

function Control({
  field,
  value,
  onWrite,
  suggestions = [],
  placeholder,
  wiring,
}: Props & { readonly wiring: Wiring }) {
  // While somebody types, the field shows what was typed: "0." is a number already, and not yet the one that is meant.
  const [typed, setTyped] = useState<string | null>(null);
  const { input } = field;
  const shown = typed ?? shownIn(field, value);
  const writing = {
    ...wiring,
    value: shown,
    onInput: ({ currentTarget }: { readonly currentTarget: { readonly value: string } }) => {
      setTyped(currentTarget.value);
      onWrite(field, writtenIn(field, currentTarget.value));
    },
    onBlur: () => setTyped(null),
  };
  switch (input.kind) {
    case 'elsewhere':
      return <input {...wiring} type="text" value={launch.elsewhere} readOnly />;
    case 'names':
    case 'pairs':
      return <textarea {...writing} rows={3} spellcheck={false} />;
    case 'choice': {
      const isKnown = shown === '' || input.choices.some((choice) => String(choice) === shown);
      return (
        <select
          {...wiring}
          value={shown}
          onChange={({ currentTarget }) => onWrite(field, writtenIn(field, currentTarget.value))}
        >
          {!field.isRequired && <option value="">{defaultOf(field)}</option>}
          {!isKnown && <option value={shown}>{shown}</option>}
          {input.choices.map((choice) => (
            <option key={choice} value={String(choice)}>
              {choiceText(field, String(choice))}
            </option>
          ))}
        </select>
      );
    }
    case 'number':
    case 'text': {
      const listId = suggestions.length > 0 ? `${field.name}-list` : undefined;
      return (
        <>
          <input
            {...writing}
            type="text"
            autocomplete="off"
            list={listId}
            placeholder={placeholder ?? (field.default == null ? '' : String(field.default))}
            {...(input.kind === 'number'
              ? { inputMode: input.isInteger ? ('numeric' as const) : ('decimal' as const) }
              : {})}
          />
          {listId !== undefined && (
            <datalist id={listId}>
              {suggestions.map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          )}
        </>
      );
    }
    default:
      return null;
  }
}

const choiceText = ({ name }: FormField, choice: string): string =>
  name === 'training.codec'
    ? launch.codec(choice as Codec)
    : (launch.choices[name]?.[choice] ?? (choice === BY_HAND ? launch.asBelow : choice));

const defaultOf = (field: FormField): string =>
  field.default === undefined
    ? field.name === 'training.strategy'
      ? launch.byHand
      : launch.byItself
    : launch.byDefault(choiceText(field, String(field.default)));

/** The schema's description, and the bounds. */
function hintOf({ description, input, isNullable, default: otherwise }: FormField): string {
  const words = description === '' ? [] : [/[.!?]$/.test(description) ? description : `${description}.`];
  if (input.kind === 'names') words.push(launch.oneALine);
  if (input.kind === 'pairs') words.push(launch.pairsALine);
  if (input.kind === 'number') {
    const { minimum, maximum, isOpen } = input;
    const { between, above, atLeast } = launch.bounds;
    if (minimum !== undefined && maximum !== undefined)
      words.push((isOpen ? above : between)(numberText(minimum), numberText(maximum)));
    else if (minimum !== undefined) words.push(atLeast(numberText(minimum)));
    if (isNullable && otherwise !== undefined) words.push(launch.emptyIsNever);
  }
  return words.join(' ');
}

const numberText = (value: number): string => (Number.isInteger(value) ? countText(value) : String(value));
