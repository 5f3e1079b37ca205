/**
 * A real TURN relay for tests: coturn on loopback, with a secret that it shares with the coordinator. It is installed
 * when it is missing and this process may do that; else the test that wants it says why it cannot run.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { logFile } from '@murmuration/cluster';

const run = promisify(execFile);
const INSTALL_MAX_MS = 180_000;
const READY_MAX_MS = 30_000;

export class TurnServer {
  readonly url: string;
  readonly secret: string;
  readonly #child: ChildProcess;
  readonly #directory: string;

  private constructor(child: ChildProcess, port: number, secret: string, directory: string) {
    this.#child = child;
    this.url = `turn:127.0.0.1:${port}`;
    this.secret = secret;
    this.#directory = directory;
  }

  /** A running relay, or in words why there is none. */
  static async start(): Promise<TurnServer | string> {
    const missing = await installed();
    if (missing !== null) return missing;
    const secret = randomBytes(16).toString('hex');
    const port = await freePort();
    const directory = await mkdtemp(join(tmpdir(), 'murmuration-turn-'));
    const child = spawn(
      'turnserver',
      [
        ...['-n', '--no-cli', '--no-tls', '--no-dtls', '--simple-log', '--log-file', 'stdout'],
        ...['--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1', '--listening-port', String(port)],
        ...['--realm', 'murmuration.test', '--use-auth-secret', '--static-auth-secret', secret],
        // Both ends are on this machine.
        ...['--allow-loopback-peers', '--pidfile', join(directory, 'pid'), '--userdb', join(directory, 'db')],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const log = createWriteStream(logFile('e2e/turnserver.log'), { flags: 'a' });
    child.stdout!.pipe(log, { end: false });
    child.stderr!.pipe(log, { end: false });
    const server = new TurnServer(child, port, secret, directory);
    const giveUp = AbortSignal.timeout(READY_MAX_MS);
    while (!(await answers(port))) {
      if (child.exitCode === null && !giveUp.aborted) continue;
      await server.stop();
      throw new Error(`turnserver did not answer on port ${port}; see e2e/turnserver.log`);
    }
    return server;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await gone;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** null: it is there. */
async function installed(): Promise<string | null> {
  const isThere = () =>
    run('turnserver', ['--version']).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    );
  if (await isThere()) return null;
  if (process.getuid?.() !== 0)
    return 'coturn is not installed, and only root may install it (apt-get install coturn)';
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = { timeout: INSTALL_MAX_MS, env: environment };
  try {
    await run('apt-get', ['update'], options);
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'coturn'], options);
  } catch (error) {
    return `coturn is not installed, and could not be: ${(error as Error).message.split('\n')[0]}`;
  }
  return (await isThere()) ? null : 'the package coturn brought no turnserver';
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setTimeout(() => resolve(false), 50));
  });
