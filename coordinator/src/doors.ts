/**
 * The doors of the coordinator: bytes of strangers become JSON (not too deep, no poison), and JSON becomes typed values
 * by a compiled schema. What is wrong is said by protocol's doors. Used for REST bodies, WebSocket messages and signalling alike.
 */
import { door as interpretedDoor, fault, LIMITS, refusal } from '@murmuration/protocol';
import type { Door, Parsed } from '@murmuration/protocol';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

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

const refused = (message: string) => refusal([fault('', message)]);
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** JSON of a stranger: well-formed UTF-8 without a byte order mark, not too deep, no `__proto__` or `constructor`. */
export function parseJson(bytes: Uint8Array): Parsed<unknown> {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return refused('the text is not valid UTF-8');
  }
  if (text.charCodeAt(0) === 0xfeff)
    return refused('the text begins with a byte order mark; send it without one');
  if (isTooDeep(text)) return refused(`the JSON is nested deeper than ${LIMITS.jsonDepthMax}`);
  let poisoned = false;
  try {
    // A reviver makes parsing several times slower, and only these can be a poisoned key, spelt out or with escapes.
    if (!/\\|__proto__|constructor|prototype/.test(text)) return { ok: true, value: JSON.parse(text) };
    const value: unknown = JSON.parse(text, (key, inner: unknown) => {
      if (key === '__proto__' || key === 'constructor' || key === 'prototype') poisoned = true;
      return inner;
    });
    return poisoned ? refused('a key is named __proto__, constructor or prototype') : { ok: true, value };
  } catch {
    return refused('the text is not one JSON value');
  }
}

/** A checker for one schema, compiled: strangers' messages come by the thousand. */
export function door<S extends TSchema>(schema: S): Door<Static<S>> {
  const compiled = Compile(schema);
  return interpretedDoor(schema, (value) => compiled.Check(value));
}
