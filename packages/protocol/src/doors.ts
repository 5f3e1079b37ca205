/**
 * Parse at the door: a value of a stranger becomes a typed one, or faults that name field and fix. The same door stands
 * before the API, the run file and the form, so that one mistake has one sentence everywhere.
 *
 * A schema's checker says yes or no; only after a no the value is walked to find out where. Unions are told apart on
 * the way (by `kind`, `type` or `encoding`, else by the fields that are there), so that a fault is about a field and not about the union.
 */
import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

export interface Fault {
  /** Dotted path, e.g. `training.learningRate`; empty: the whole value. */
  readonly field: string;
  readonly message: string;
}
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  /** `faults` begins with `fault`; at most 20. */
  | { readonly ok: false; readonly fault: Fault; readonly faults: readonly Fault[] };
export type Door<T> = (value: unknown) => Parsed<T>;

const FAULTS_MAX = 20;
const TEXT_MAX_CHARACTERS = 200;
const KEYS_NAMED_MAX = 3;
const TAGS = ['kind', 'type', 'encoding'] as const;

/** What a JSON Schema calls `integer` is a whole number to who reads it. */
const TYPE_MESSAGES: Readonly<Record<string, string>> = {
  integer: 'must be a whole number',
  number: 'must be a number',
  string: 'must be a text',
  boolean: 'must be true or false',
};

/** What is read of a schema. */
interface Shape {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly patternProperties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly items?: Shape | readonly Shape[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** @param isValid the schema's checker; left out: the schema is interpreted, which needs no `eval` */
export function door<S extends TSchema>(
  schema: S,
  isValid: (value: unknown) => boolean = (value) => Value.Check(schema, value),
): Door<Static<S>> {
  return (value) => {
    if (isValid(value)) return { ok: true, value: value as Static<S> };
    const faults = [...faultsAt(schema as Shape, value, '')].slice(0, FAULTS_MAX);
    return refusal(faults.length > 0 ? faults : [fault('', 'is not as it must be')]);
  };
}

export const refusal = (faults: readonly Fault[]): Parsed<never> => ({
  ok: false,
  fault: faults[0]!,
  faults,
});

export const fault = (field: string, message: string): Fault => ({
  field: field.slice(0, TEXT_MAX_CHARACTERS),
  message: message.slice(0, TEXT_MAX_CHARACTERS),
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const below = (path: string, key: string | number) => (path === '' ? String(key) : `${path}.${key}`);

function* faultsAt(shape: Shape, value: unknown, path: string): Generator<Fault, void, void> {
  if (Value.Check(shape as TSchema, value)) return;
  if (shape.anyOf !== undefined) yield* faultsOfUnion(shape.anyOf, value, path);
  else if (shape.type === 'object') yield* faultsOfObject(shape, value, path);
  else if (shape.type === 'array') yield* faultsOfList(shape, value, path);
  else yield fault(path, leafMessage(shape, value));
}

function* faultsOfUnion(
  members: readonly Shape[],
  value: unknown,
  path: string,
): Generator<Fault, void, void> {
  const objects = members.filter(({ type }) => type === 'object');
  if (isRecord(value) && objects.length > 0) {
    if (objects.length === 1) return yield* faultsAt(objects[0]!, value, path);
    for (const tag of TAGS) {
      const names = objects.map((member) => member.properties?.[tag]?.const);
      if (names.includes(undefined)) continue;
      const chosen = objects[names.indexOf(value[tag])];
      if (chosen !== undefined) return yield* faultsAt(chosen, value, path);
      return yield fault(below(path, tag), `must be one of ${names.join(', ')}`);
    }
    return yield* faultsAt(nearest(objects, value), value, path);
  }
  const lists = members.filter(({ type }) => type === 'array');
  if (Array.isArray(value) && lists.length === 1) return yield* faultsAt(lists[0]!, value, path);
  const simple = members.filter(({ type }) => type !== 'object' && type !== 'null');
  const names = simple.flatMap((member) => member.enum ?? (member.const === undefined ? [] : [member.const]));
  if (simple.length === 1 && names.length === 0) return yield fault(path, leafMessage(simple[0]!, value));
  if (names.length === 0)
    return yield fault(path, objects.length > 0 ? 'must be an object' : 'is none of what it may be');
  // A number that is out of bounds is told the bounds, where a number may be.
  const numeric = simple.find(({ type }) => type === 'integer' || type === 'number');
  if (typeof value === 'number' && numeric !== undefined)
    return yield fault(path, `${leafMessage(numeric, value)}, or ${names.join(', ')}`);
  const orOther =
    objects.length > 0
      ? `, or ${describedBy(objects)}`
      : numeric !== undefined
        ? `, or ${numeric.type === 'integer' ? 'a whole number' : 'a number'}`
        : '';
  yield fault(path, `must be one of ${names.join(', ')}${orOther}`);
}

/** A single object with few keys is told by them; what is more is the documentation's. */
function describedBy([object, ...others]: readonly Shape[]): string {
  const keys = Object.keys(object?.properties ?? {});
  return others.length > 0 || keys.length > KEYS_NAMED_MAX
    ? 'a full description'
    : `an object with ${keys.join(' and ')}`;
}

/** The object that knows most of the value's fields; the first of several. */
function nearest(objects: readonly Shape[], value: Record<string, unknown>): Shape {
  const known = ({ properties = {} }: Shape) =>
    Object.keys(value).filter((key) => Object.hasOwn(properties, key)).length;
  return objects.reduce((best, next) => (known(next) > known(best) ? next : best));
}

function* faultsOfObject(shape: Shape, value: unknown, path: string): Generator<Fault, void, void> {
  if (!isRecord(value)) return yield fault(path, 'must be an object');
  const { properties = {}, patternProperties = {}, required = [] } = shape;
  let found = 0;
  for (const key of Object.keys(value)) {
    const patterns = Object.entries(patternProperties).filter(([pattern]) =>
      new RegExp(pattern, 'u').test(key),
    );
    const known = Object.hasOwn(properties, key) ? properties[key] : patterns[0]?.[1];
    if (known === undefined) {
      if (shape.additionalProperties !== false) continue;
      found++;
      yield fault(below(path, key), 'unknown field; remove it');
    } else
      for (const each of faultsAt(known, value[key], below(path, key))) {
        found++;
        yield each;
      }
  }
  for (const key of required)
    if (!Object.hasOwn(value, key)) {
      found++;
      yield fault(below(path, key), 'is missing');
    }
  if (found === 0) yield fault(path, leafMessage(shape, value));
}

function* faultsOfList(shape: Shape, value: unknown, path: string): Generator<Fault, void, void> {
  if (!Array.isArray(value)) return yield fault(path, 'must be a list');
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items } = shape;
  if (value.length < minItems || value.length > maxItems) return yield fault(path, leafMessage(shape, value));
  let found = 0;
  for (const [index, item] of value.entries()) {
    const inner = Array.isArray(items) ? (items as readonly Shape[])[index] : (items as Shape | undefined);
    if (inner === undefined) continue;
    for (const each of faultsAt(inner, item, below(path, index))) {
      found++;
      yield each;
    }
  }
  if (found === 0) yield fault(path, leafMessage(shape, value));
}

function leafMessage(shape: Shape, value: unknown): string {
  if (shape.enum !== undefined) return `must be one of ${shape.enum.join(', ')}`;
  if (shape.const !== undefined) return `must be ${String(shape.const)}`;
  const [first] = Value.Errors(shape as TSchema, value) as { keyword?: string; message?: string }[];
  if (first?.keyword === 'type' && shape.type !== undefined && Object.hasOwn(TYPE_MESSAGES, shape.type))
    return TYPE_MESSAGES[shape.type]!;
  return first?.message ?? 'is not as it must be';
}
