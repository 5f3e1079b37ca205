/** A chaos profile from a YAML file: `kind: faults a minute`, a line each. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { CHAOS_PROFILES, FAULT_KINDS, type ChaosProfile, type FaultKind } from './chaos.ts';
import { Sentence } from './places.ts';

const PER_MINUTE_MAX = 60;

/** @throws Sentence */
export async function parseChaosFile(path: string): Promise<ChaosProfile> {
  const text = await readFile(resolve(path), 'utf8').catch(() => {
    throw new Sentence(
      `--chaos: "${path}" is neither a profile (${Object.keys(CHAOS_PROFILES).join(', ')}) nor a file that can be read.`,
    );
  });
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Sentence(`${path}: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Sentence(`${path}: must be lines of "kind: faults a minute", for example "kill: 0.5"`);
  for (const [kind, perMinute] of Object.entries(value)) {
    if (!Object.hasOwn(FAULT_KINDS, kind))
      throw new Sentence(
        `${path}: ${kind}: there is no such fault; there are ${Object.keys(FAULT_KINDS).join(', ')}`,
      );
    if (typeof perMinute !== 'number' || !(perMinute >= 0 && perMinute <= PER_MINUTE_MAX))
      throw new Sentence(`${path}: ${kind}: must be a number from 0 to ${PER_MINUTE_MAX}, faults a minute`);
  }
  return { ...CHAOS_PROFILES.none, ...(value as Partial<Record<FaultKind, number>>) };
}
