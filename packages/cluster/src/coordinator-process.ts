/**
 * The coordinator as a child process: started, waited for, stopped, and killed as a power cut would. Its port, data
 * directory and admin token outlive the process, so that `start` after `kill` is the same coordinator again.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CoordinatorAddress } from './coordinator-client.ts';
import { PAGES_DIRECTORY } from './pages.ts';
import { logFile, ROOT_DIRECTORY, Sentence } from './places.ts';

export interface CoordinatorOptions {
  /** 0: any free port, kept from then on. */
  readonly port: number;
  readonly dataDirectory: string;
  /** Name of the log file below `.murmuration/logs`. */
  readonly logName: string;
  /** Further settings (`MURMURATION_...`). */
  readonly environment?: Readonly<Record<string, string>>;
  /** How long a start may take; longer where it reads back far more than a run makes in a day. */
  readonly readyMaxMs?: number;
}

/** A cold start compiles TypeScript; a machine busy with other browsers takes its time. */
const READY_MAX_MS = 60_000;
const STOP_MAX_MS = 10_000;

export class CoordinatorProcess {
  readonly #options: CoordinatorOptions;
  readonly adminToken = randomBytes(24).toString('base64url');
  #port: number;
  #child: ChildProcess | null = null;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get address(): CoordinatorAddress {
    return { url: `http://localhost:${this.#port}`, adminToken: this.adminToken };
  }
  get logPath(): string {
    return logFile(this.#options.logName);
  }
  /** Resolves when the process ends, whoever ended it. */
  get exited(): Promise<void> {
    const child = this.#child;
    return child === null || child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve()
      : once(child, 'exit').then(() => undefined);
  }

  /** @throws Sentence with the last words of the process when it ends or stays silent instead of becoming ready. */
  async start(): Promise<void> {
    const { dataDirectory, environment = {}, readyMaxMs = READY_MAX_MS } = this.#options;
    const log = createWriteStream(this.logPath, { flags: 'a' });
    const child = spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        join(ROOT_DIRECTORY, 'coordinator', 'src', 'server.ts'),
        '--json',
        ...['--port', String(this.#port)],
        ...['--data', dataDirectory],
        ...['--pages', PAGES_DIRECTORY],
      ],
      // A process group of its own: Ctrl-C at the terminal reaches the command, which then stops things in order.
      {
        cwd: ROOT_DIRECTORY,
        // The token travels in the environment: arguments are seen by every user of the machine.
        env: { ...process.env, ...environment, MURMURATION_ADMIN_TOKEN: this.adminToken },
        // The fourth is the line that tells the coordinator when this command is gone, however it went.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        detached: process.platform !== 'win32',
      },
    );
    this.#child = child;
    // Whatever ends this command, the coordinator does not outlive it.
    const follow = () => child.kill('SIGKILL');
    process.once('exit', follow);
    child.once('exit', () => process.off('exit', follow));
    const lastLines: string[] = [];
    child.stderr!.on('data', (piece: Buffer) => {
      log.write(piece);
      lastLines.push(...piece.toString().trim().split('\n'));
      lastLines.splice(0, lastLines.length - 5);
    });
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (why: string) =>
        reject(
          new Sentence(
            `The coordinator ${why}. Its last words (all in ${this.logPath}):\n${lastLines.join('\n')}`,
          ),
        );
      const timer = setTimeout(() => fail(`was not ready within ${readyMaxMs / 1000} s`), readyMaxMs);
      child.once('error', (error) => fail(`did not start (${error.message})`));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended at its start (${signal ?? `exit code ${code}`})`);
      });
      createInterface({ input: child.stdout! }).on('line', (line) => {
        log.write(`${line}\n`);
        const readyPort = readyPortOf(line);
        if (readyPort === null) return;
        clearTimeout(timer);
        resolve(readyPort);
      });
    }).catch(async (error: unknown) => {
      await this.kill();
      throw error;
    });
    this.#port = port;
  }

  /** SIGKILL: nothing of it runs any more when this resolves. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to end, and insists after a while. */
  async stop(): Promise<void> {
    const insist = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_MAX_MS);
    await this.#end('SIGTERM');
    clearTimeout(insist);
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }
  get isRunning(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** It stands still, and goes on: its clock seems to jump. */
  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }
  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { exited } = this;
    this.#child?.kill(signal);
    await exited;
    this.#child = null;
  }
}

/** The port in the line by which the coordinator says that it listens; null for every other line. */
function readyPortOf(line: string): number | null {
  if (!line.startsWith('{')) return null;
  try {
    const said = JSON.parse(line) as { ready?: unknown; url?: unknown };
    return said.ready === true && typeof said.url === 'string' ? Number(new URL(said.url).port) : null;
  } catch {
    return null;
  }
}

/** Whether a server could listen there on this machine's own address, as the coordinator does. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
