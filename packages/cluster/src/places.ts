/**
 * Where things lie in a checkout, and the kind of error that is a sentence for people. Everything that a command
 * writes goes under `.murmuration/`, which git ignores.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT_DIRECTORY = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
export const STATE_DIRECTORY = join(ROOT_DIRECTORY, '.murmuration');

/** Path of a log file under `.murmuration/logs`; its directory exists afterwards. */
export function logFile(...parts: string[]): string {
  const path = join(STATE_DIRECTORY, 'logs', ...parts);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/**
 * What went wrong in the world, said in one sentence with the fix in it. The command prints it without a stack;
 * every other error is a bug and keeps its stack.
 */
export class Sentence extends Error {
  override readonly name = 'Sentence';
}
