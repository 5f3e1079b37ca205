/**
 * `npm start`: the coordinator with both pages, alone; volunteers come with their own browsers. The settings are the
 * coordinator's own, as flags or environment (`npm start -- --help`); here only the pages are built first.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildPages } from './pages.ts';
import { ROOT_DIRECTORY } from './places.ts';

export async function run(argv: readonly string[]): Promise<number> {
  if (!argv.includes('--help') && !argv.includes('--json'))
    await buildPages({ say: (line) => process.stdout.write(`${line}\n`) });
  const server = join(ROOT_DIRECTORY, 'coordinator', 'src', 'server.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', server, ...argv], { stdio: 'inherit' });
  // Ctrl-C reaches the child by itself (same terminal); what only this process is told is passed on.
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  process.on('SIGTERM', pass);
  process.on('SIGINT', () => {});
  return new Promise((resolve) => child.on('close', (code) => resolve(code ?? 1)));
}
