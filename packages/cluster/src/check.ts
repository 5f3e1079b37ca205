/**
 * `npm run check`: format, lint, types of every room, and the architecture test; seconds, no browser. All steps run
 * even when one fails, so that one look shows everything. What was found is kept under `.murmuration/check`, by content
 * and not by time, so that the second look reads only what changed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseFlags } from './flags.ts';
import { ROOT_DIRECTORY, STATE_DIRECTORY } from './places.ts';

/** Every tool keeps its own kind of notes here; removing the directory costs one slow check. */
const NOTES_DIRECTORY = join(STATE_DIRECTORY, 'check');

export interface StepResult {
  readonly name: string;
  readonly isPassed: boolean;
  readonly seconds: number;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run check --', {}, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const results = await staticChecks();
  results.push(
    await step('architecture', () => runTool('vitest', 'vitest.mjs', ['run', 'tests/architecture'])),
  );
  const failed = results.filter(({ isPassed }) => !isPassed);
  process.stdout.write(
    failed.length === 0
      ? 'check: all well\n'
      : `check: ${failed.map(({ name }) => name).join(', ')} failed\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

/** Format, lint and types: what `npm test` runs before its tests. Prettier knows one core, so it has the other's company. */
export async function staticChecks(): Promise<StepResult[]> {
  await mkdir(NOTES_DIRECTORY, { recursive: true });
  const format = step('format', () =>
    runTool('prettier', 'bin/prettier.cjs', [
      ...['--check', '--log-level', 'warn', '--cache', '--cache-strategy', 'content'],
      ...['--cache-location', join(NOTES_DIRECTORY, 'prettier'), '.'],
    ]),
  );
  const lint = await step('lint', () => runTool('oxlint', 'bin/oxlint', ['--deny-warnings']));
  const types = await step('types', allTypes);
  return [await format, lint, types];
}

async function step(name: string, work: () => Promise<boolean>): Promise<StepResult> {
  const startedAtMs = Date.now();
  const isPassed = await work();
  const seconds = (Date.now() - startedAtMs) / 1000;
  process.stdout.write(`${isPassed ? 'ok' : '!!'}  ${name} (${seconds.toFixed(1)} s)\n`);
  return { name, isPassed, seconds };
}

/** tsc over every tsconfig of the tree, as many at once as there are cores. */
async function allTypes(): Promise<boolean> {
  const projects = [join(ROOT_DIRECTORY, 'tsconfig.json')];
  for (const folder of ['packages', 'coordinator', 'apps'])
    projects.push(...(await configsBelow(join(ROOT_DIRECTORY, folder))));
  let isPassed = true;
  const next = projects.values();
  // tsc keeps what it found about a package that was missing then, so other packages are other notes.
  const installed = await readFile(join(ROOT_DIRECTORY, 'node_modules', '.package-lock.json'));
  const edition = createHash('sha256').update(installed).digest('hex').slice(0, 12);
  const worker = async () => {
    for (const project of next) {
      const path = relative(ROOT_DIRECTORY, project);
      const notes = join(NOTES_DIRECTORY, edition, `${path.replaceAll(/[/\\]/g, '.')}.tsbuildinfo`);
      // Threads of one tsc work out the same types anew, each for itself; our cores have other projects to check.
      const flags = ['--singleThreaded', '--incremental', '--tsBuildInfoFile', notes];
      if (!(await runTool('typescript', 'bin/tsc', ['-p', path, ...flags]))) isPassed = false;
    }
  };
  await Promise.all(cpus().map(worker));
  return isPassed;
}

async function configsBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isFile() && /^tsconfig(\.[a-z]+)?\.json$/.test(entry.name))
      found.push(join(folder, entry.name));
    if (entry.isDirectory() && entry.name !== 'node_modules' && entry.name !== 'dist')
      found.push(...(await configsBelow(join(folder, entry.name))));
  }
  return found;
}

/** Runs a script of an installed package with this Node, its output on our terminal. True when it ended with 0. */
export function runTool(
  packageName: string,
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<boolean> {
  const home = dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(home, script), ...args], {
      cwd: ROOT_DIRECTORY,
      stdio: 'inherit',
      env,
    });
    child.on('close', (code) => resolve(code === 0));
  });
}
