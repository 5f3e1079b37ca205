/**
 * Where things lie in a checkout, and the kind of error that is a sentence for people. Everything that a command
 * writes goes under `.murmuration/`, which git ignores.
 */
import { mkdirSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT_DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const STATE_DIRECTORY = join(ROOT_DIRECTORY, '.murmuration');

/** Path of a log file under `.murmuration/logs`, or where an absolute part says; its directory exists afterwards. */
export function logFile(...parts: string[]): string {
  const path = resolve(STATE_DIRECTORY, 'logs', ...parts);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** `.murmuration/<name>-<n>` with the next free number; all but the newest `keptMax` are removed. */
export async function freshDirectory(name: string, keptMax: number): Promise<string> {
  await mkdir(STATE_DIRECTORY, { recursive: true });
  const numbers = (await readdir(STATE_DIRECTORY))
    .filter((entry) => entry.startsWith(`${name}-`))
    .map((entry) => entry.slice(name.length + 1))
    .filter((number) => /^\d+$/.test(number))
    .map(Number)
    .toSorted((a, b) => b - a);
  for (const old of numbers.slice(keptMax - 1))
    await rm(join(STATE_DIRECTORY, `${name}-${old}`), { recursive: true, force: true });
  const directory = join(STATE_DIRECTORY, `${name}-${(numbers[0] ?? 0) + 1}`);
  await mkdir(directory);
  return directory;
}

/**
 * What went wrong in the world, said in one sentence with the fix in it. The command prints it without a stack;
 * every other error is a bug and keeps its stack.
 */
export class Sentence extends Error {
  override readonly name = 'Sentence';
}
