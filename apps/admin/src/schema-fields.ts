/**
 * The fields of a form, read from a JSON Schema (protocol's `runFileJsonSchema`, which GET /schemas/run.json publishes):
 * title, description, default and bounds are the schema's words. Which branch of a union is shown follows from the value
 * as it stands. Pure.
 */

/** What is read of a schema. */
export interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

export type FieldInput =
  | { readonly kind: 'text'; readonly charactersMax: number | undefined }
  | {
      readonly kind: 'number';
      readonly isInteger: boolean;
      readonly minimum?: number | undefined;
      /** Not the minimum itself. */
      readonly isOpen: boolean;
      readonly maximum?: number | undefined;
    }
  | {
      readonly kind: 'choice';
      /** Of a choice over an object, the last one is `BY_HAND`. */
      readonly choices: readonly (string | number)[];
      /** What `BY_HAND` writes at first: an object, whose keys are fields of their own then. */
      readonly byHand?: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'tick' }
  /** Texts, one a line. */
  | { readonly kind: 'names' }
  /** `first = second`, one a line. */
  | { readonly kind: 'pairs' }
  /** It is more than a field holds, and is edited as YAML. */
  | { readonly kind: 'elsewhere' };

/** The choice of an object where words may be, too. No word of a schema reads like this. */
export const BY_HAND = '{}';

export interface FormField {
  readonly path: readonly string[];
  /** Dotted, as errors name it. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly isNullable: boolean;
  readonly default: unknown;
  readonly input: FieldInput;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const valueAt = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), value);

/** Every field of an object's schema, depth first, in the schema's order. */
export function fieldsOf(schema: Schema, value: unknown, path: readonly string[] = []): FormField[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([key, inner]) =>
    fieldsAt(inner, isRecord(value) ? value[key] : undefined, [...path, key], required.includes(key)),
  );
}

function fieldsAt(schema: Schema, value: unknown, path: readonly string[], isRequired: boolean): FormField[] {
  const field = (input: FieldInput, isNullable = false): FormField => ({
    path,
    name: path.join('.'),
    title: schema.title ?? path.at(-1)!,
    description: schema.description ?? '',
    isRequired,
    isNullable,
    default: schema.default,
    input,
  });
  if (schema.anyOf === undefined) {
    if (schema.properties !== undefined) return fieldsOf(schema, value, path);
    const input = inputOf(schema);
    return input === null ? [] : [field(input)];
  }
  const members = schema.anyOf.filter(({ type }) => type !== 'null');
  const isNullable = members.length < schema.anyOf.length;
  const kinds = members.map(({ properties }) => properties?.['kind']?.const);
  if (kinds.every((kind) => typeof kind === 'string')) {
    const kind = isRecord(value) ? value['kind'] : undefined;
    const branch = members[kinds.indexOf(kind as string)];
    const choice = field({ kind: 'choice', choices: kinds });
    const of: FormField = {
      ...choice,
      path: [...path, 'kind'],
      name: `${choice.name}.kind`,
      isRequired: true,
    };
    return branch === undefined ? [of] : [of, ...fieldsOf(branch, value, path)];
  }
  const [words, object] = [members.find((member) => member.enum), members.find(isFilledIn)];
  if (members.length === 2 && words !== undefined && object !== undefined) {
    const choices = [...(words.enum as readonly string[]), BY_HAND];
    const choice = field({ kind: 'choice', choices, byHand: defaultsOf(object) }, isNullable);
    return isRecord(value) ? [choice, ...fieldsOf(object, value, path)] : [choice];
  }
  const fitting = members.find((member) => inputOf(member) !== null && fits(member, value));
  return [field((fitting && inputOf(fitting)) ?? { kind: 'elsewhere' }, isNullable)];
}

/** An object each key of which is one field, with something that works. */
const isFilledIn = ({ properties }: Schema): boolean =>
  properties !== undefined &&
  Object.values(properties).every((inner) => inner.default !== undefined && inputOf(inner) !== null);

const defaultsOf = ({ properties = {} }: Schema): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(properties).map(([key, inner]) => [key, inner.default]));

/** Whether a value of this type is shown by the field of this member; nothing and nonsense are shown by the first. */
function fits({ type }: Schema, value: unknown): boolean {
  if (Array.isArray(value)) return type === 'array';
  return isRecord(value) ? type === 'object' : type !== 'array' && type !== 'object';
}

/** null: nothing to fill in. */
function inputOf(schema: Schema): FieldInput | null {
  if (schema.enum !== undefined) return { kind: 'choice', choices: schema.enum as readonly string[] };
  if (schema.const !== undefined) return schema.const === true ? { kind: 'tick' } : null;
  switch (schema.type) {
    case 'string':
      return { kind: 'text', charactersMax: schema.maxLength };
    case 'integer':
    case 'number':
      return {
        kind: 'number',
        isInteger: schema.type === 'integer',
        minimum: schema.minimum ?? schema.exclusiveMinimum,
        isOpen: schema.minimum === undefined,
        maximum: schema.maximum,
      };
    case 'array':
      return { kind: 'names' };
    case 'object':
      return schema.patternProperties === undefined ? null : { kind: 'pairs' };
    default:
      return null;
  }
}

/** The value as a field's text. */
export function shownIn({ input, isNullable }: FormField, value: unknown): string {
  if (value === undefined || (value === null && isNullable)) return '';
  if (input.kind === 'choice' && input.byHand !== undefined && isRecord(value)) return BY_HAND;
  if (input.kind === 'names' && Array.isArray(value)) return value.map(String).join('\n');
  if (input.kind === 'pairs' && isRecord(value))
    return Object.entries(value)
      .map(([from, to]) => `${from} = ${String(to)}`)
      .join('\n');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/**
 * What a field's text means; undefined: left out, so the default holds. Nonsense stays as it is written, so that the
 * schema's sentence about it is shown where it stands.
 */
export function writtenIn({ input, isNullable, default: otherwise }: FormField, text: string): unknown {
  const trimmed = text.trim();
  // Null is something else than the default where there is one.
  if (trimmed === '') return isNullable && otherwise !== undefined ? null : undefined;
  const lines = () => text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
  switch (input.kind) {
    case 'number': {
      const number = Number(trimmed.replace(',', '.'));
      return Number.isFinite(number) ? number : trimmed;
    }
    case 'choice':
      if (trimmed === BY_HAND && input.byHand !== undefined) return input.byHand;
      return input.choices.find((choice) => String(choice) === trimmed) ?? trimmed;
    case 'tick':
      return true;
    case 'names':
      return lines();
    case 'pairs':
      return Object.fromEntries(
        lines().map((line) => {
          const at = line.indexOf('=');
          return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
        }),
      );
    case 'text':
      return text;
    case 'elsewhere':
      return undefined;
    default:
      return input satisfies never;
  }
}
