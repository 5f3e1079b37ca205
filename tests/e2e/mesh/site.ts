/** What the mesh test's pages need around them: a server for the two bundles, and a signalling server that can die. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'vite';

const HERE = import.meta.dirname;

async function bundle(entry: string): Promise<string> {
  const built = await build({
    configFile: false,
    root: HERE,
    logLevel: 'warn',
    build: {
      write: false,
      minify: false,
      target: 'es2024',
      rolldownOptions: { input: join(HERE, entry), output: { format: 'es', codeSplitting: false } },
    },
  });
  if (Array.isArray(built) || !('output' in built)) throw new Error(`${entry} was not built into one bundle`);
  return built.output[0].code;
}

export class Site {
  readonly origin: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async open(): Promise<Site> {
    const files = new Map([
      ['/', '<!doctype html><title>mesh</title><script type="module" src="/page.js"></script>'],
      ['/page.js', await bundle('page.ts')],
      ['/worker.js', await bundle('worker.ts')],
    ]);
    const server = createServer((request, response) => {
      const body = files.get(request.url ?? '');
      const type = request.url?.endsWith('.js') ? 'text/javascript' : 'text/html';
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': type }).end(body);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Site(server);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export class Signalling {
  port = 0;
  #child: ChildProcess | null = null;

  /** Starts, the second time on the port of the first. */
  async start(): Promise<void> {
    this.#child = fork(join(HERE, 'oracle.mjs'), [String(this.port)], { stdio: 'inherit' });
    const [port] = (await once(this.#child, 'message')) as [number];
    this.port = port;
  }

  async kill(): Promise<void> {
    if (this.#child === null || this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    this.#child = null;
  }
}
