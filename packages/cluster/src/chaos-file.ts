/**
 * Chaos from a YAML file: `kind: faults a minute`, a line each, and under `script` faults at fixed times, which name
 * their tabs:
 *
 *   cut: 2
 *   script:
 *     - { fault: cut-pair, at: 10s, tab: 1, with: 3, for: 5s }
 *     - { fault: clog, at: 20s, tab: 2, strength: 0.5, for: 8s }
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import {
  CHAOS_PROFILES,
  FAULT_KINDS,
  isOfCoordinator,
  type ChaosProfile,
  type Fault,
  type FaultKind,
} from './chaos.ts';
import { Sentence } from './places.ts';

const PER_MINUTE_MAX = 60;
const SCRIPT_MAX = 1_000;
const STRENGTH_MAX = 1_000;
const SECONDS_MAX = 36_000;
const SCRIPT_FIELDS = ['fault', 'at', 'tab', 'with', 'for', 'strength'];

export interface ChaosFile {
  readonly profile: ChaosProfile;
  readonly script: readonly Fault[];
}

/** @throws Sentence */
export async function parseChaosFile(path: string, tabs: number): Promise<ChaosFile> {
  const text = await readFile(resolve(path), 'utf8').catch(() => {
    throw new Sentence(
      `--chaos: "${path}" is neither a profile (${Object.keys(CHAOS_PROFILES).join(', ')}) nor a file that can be read.`,
    );
  });
  return parseChaos(text, path, tabs);
}

/** @throws Sentence that begins with `place` and names the field. */
export function parseChaos(text: string, place: string, tabs: number): ChaosFile {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Sentence(`${place}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!isMapping(value))
    throw new Sentence(`${place}: must be lines of "kind: faults a minute", for example "kill: 0.5"`);
  const { script, ...rates } = value;
  for (const [kind, perMinute] of Object.entries(rates)) {
    expectKind(kind, `${place}: ${kind}`);
    if (typeof perMinute !== 'number' || !(perMinute >= 0 && perMinute <= PER_MINUTE_MAX))
      throw new Sentence(`${place}: ${kind}: must be a number from 0 to ${PER_MINUTE_MAX}, faults a minute`);
  }
  if (script !== undefined && (!Array.isArray(script) || script.length > SCRIPT_MAX))
    throw new Sentence(`${place}: script: must be a list of at most ${SCRIPT_MAX} faults`);
  return {
    profile: { ...CHAOS_PROFILES.none, ...(rates as Partial<Record<FaultKind, number>>) },
    script: ((script ?? []) as unknown[]).map((entry, index) =>
      scripted(entry, `${place}: script.${index}`, tabs),
    ),
  };
}

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function expectKind(kind: unknown, place: string): asserts kind is FaultKind {
  if (typeof kind !== 'string' || !Object.hasOwn(FAULT_KINDS, kind))
    throw new Sentence(`${place}: there is no such fault; there are ${Object.keys(FAULT_KINDS).join(', ')}`);
}

function scripted(entry: unknown, place: string, tabs: number): Fault {
  if (!isMapping(entry))
    throw new Sentence(`${place}: must be a mapping, for example { fault: kill, at: 10s, tab: 1, for: 2s }`);
  for (const field of Object.keys(entry))
    if (!SCRIPT_FIELDS.includes(field))
      throw new Sentence(`${place}.${field}: there is no such field; there are ${SCRIPT_FIELDS.join(', ')}`);
  const { fault: kind } = entry;
  expectKind(kind, `${place}.fault`);
  const milliseconds = (field: string, otherwise?: string): number => {
    const match = /^(\d+(?:\.\d+)?)s$/.exec(String(entry[field] ?? otherwise));
    if (match === null || Number(match[1]) > SECONDS_MAX)
      throw new Sentence(`${place}.${field}: must read seconds, for example 10s`);
    return Math.round(1_000 * Number(match[1]));
  };
  const seat = (field: string): number => {
    const number = entry[field];
    if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > tabs)
      throw new Sentence(`${place}.${field}: must be a tab from 1 to ${tabs}`);
    return number;
  };
  const strength = (): number => {
    const number = entry['strength'] ?? 1;
    if (typeof number !== 'number' || !(number > 0 && number <= STRENGTH_MAX))
      throw new Sentence(`${place}.strength: must be a number over 0, at most ${STRENGTH_MAX}`);
    return number;
  };
  return {
    kind,
    atMs: milliseconds('at'),
    seat: isOfCoordinator(kind) ? 0 : seat('tab'),
    durationMs: milliseconds('for', '0s'),
    strength: kind === 'cut-pair' ? seat('with') : strength(),
  };
}
