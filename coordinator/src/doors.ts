/**
 * Parse at the door: bytes and values of strangers become typed values here, or a fault that names the field and what
 * it must be. Used for REST bodies, WebSocket messages and signalling alike.
 */
import { LIMITS } from '@murmuration/protocol';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

export interface Fault {
  /** Dotted path, e.g. `training.learningRate`; empty: the whole value. */
  readonly field: string;
  readonly message: string;
}
export type Parsed<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

const fault = (field: string, message: string): { ok: false; fault: Fault } => ({
  ok: false,
  fault: { field: field.slice(0, 200), message: message.slice(0, 200) },
});

/** Brackets deeper than this are not even parsed: JSON.parse and every walk after it would recurse. */
export function isTooDeep(text: string, depthMax: number = LIMITS.jsonDepthMax): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inString) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inString = false;
    } else if (c === 0x22) inString = true;
    else if (c === 0x5b || c === 0x7b) {
      if (++depth > depthMax) return true;
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return false;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON of a stranger: well-formed UTF-8 without a byte order mark, not too deep, no `__proto__` or `constructor`. */
export function parseJson(bytes: Uint8Array): Parsed<unknown> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return fault('', 'the text is not valid UTF-8');
  }
  if (text.charCodeAt(0) === 0xfeff)
    return fault('', 'the text begins with a byte order mark; send it without one');
  if (isTooDeep(text)) return fault('', `the JSON is nested deeper than ${LIMITS.jsonDepthMax}`);
  let poisoned = false;
  try {
    const value: unknown = JSON.parse(text, (key, inner: unknown) => {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype') poisoned = true;
      return inner;
    });
    return poisoned ? fault('', 'a key is named __proto__, constructor or prototype') : { ok: true, value };
  } catch {
    return fault('', 'the text is not one JSON value');
  }
}

export type Door<T> = (value: unknown) => Parsed<T>;

/**
 * A checker for one schema. A union whose members are told apart by `type` or `kind` is checked against the member
 * that the value names, so that the fault is about the field and not about the union.
 */
export function door<S extends TSchema>(schema: S): Door<Static<S>> {
  const members = (schema as { anyOf?: TSchema[] }).anyOf;
  for (const tag of ['type', 'kind']) {
    const names = members?.map((member) => memberName(member, tag));
    if (members === undefined || names === undefined || names.some((name) => name === undefined)) continue;
    const doors = new Map(members.map((member, i) => [names[i], door(member) as Door<Static<S>>]));
    return (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return fault('', 'must be an object');
      const chosen = doors.get((value as Record<string, unknown>)[tag] as string);
      return chosen === undefined ? fault(tag, `must be one of ${names.join(', ')}`) : chosen(value);
    };
  }
  const compiled = Compile(schema);
  return (value) => {
    if (compiled.Check(value)) return { ok: true, value: value as Static<S> };
    return faultOf(compiled.Errors(value) as SchemaError[]);
  };
}

const memberName = (member: TSchema, tag: string): string | undefined =>
  (member as { properties?: Record<string, { const?: string }> }).properties?.[tag]?.const;

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: { readonly allowedValue?: unknown; readonly requiredProperties?: readonly string[] };
}

function faultOf(errors: readonly SchemaError[]): { ok: false; fault: Fault } {
  const telling = errors.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'additionalProperties');
  const first = telling[0] ?? errors[0];
  if (first === undefined) return fault('', 'is not as it must be');
  const field = first.instancePath.replace(/^\//, '').replaceAll('/', '.');
  if (first.keyword === 'boolean') return fault(field, 'unknown field; remove it');
  if (first.keyword === 'required') {
    const missing = first.params.requiredProperties?.[0] ?? '';
    return fault(field === '' ? missing : `${field}.${missing}`, 'is missing');
  }
  if (first.keyword !== 'const') return fault(field, first.message);
  const allowed = telling
    .filter(({ keyword, instancePath }) => keyword === 'const' && instancePath === first.instancePath)
    .map(({ params }) => String(params.allowedValue));
  const orOther = telling.some(
    ({ keyword, instancePath }) => keyword === 'type' && instancePath === first.instancePath,
  );
  return fault(field, `must be one of ${allowed.join(', ')}${orOther ? ', or a full description' : ''}`);
}
