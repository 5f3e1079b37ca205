/** A real coordinator for tests: its own data directory, no port unless asked, virtual time unless asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROTOCOL_VERSION } from '@murmuration/protocol';
import type {
  CoordinatorMessage,
  CoordinatorMessageOf,
  DatasetManifest,
  RunView,
  VolunteerMessage,
} from '@murmuration/protocol';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import { buildApp } from '../src/app.ts';
import type { AppOptions, BuiltApp } from '../src/app.ts';
import { DEFAULT_SETTINGS } from '../src/settings.ts';
import type { CoordinatorSettings } from '../src/settings.ts';
import { ADAPTER } from './run.ts';

export const ADMIN_TOKEN = 'a-token-for-tests-only';
export const ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` };

export class TestCoordinator {
  readonly directory: string;
  readonly built: BuiltApp;
  url = '';

  private constructor(directory: string, built: BuiltApp) {
    this.directory = directory;
    this.built = built;
  }

  static async start(
    options: Partial<AppOptions> & {
      settings?: Partial<CoordinatorSettings>;
      directory?: string;
      listen?: boolean;
    } = {},
  ): Promise<TestCoordinator> {
    const {
      settings,
      directory = mkdtempSync(join(tmpdir(), 'murmuration-')),
      listen = false,
      ...app
    } = options;
    const built = await buildApp(
      {
        ...DEFAULT_SETTINGS,
        dataDirectory: directory,
        pagesDirectory: join(directory, 'no-pages'),
        adminToken: ADMIN_TOKEN,
        ...settings,
      },
      {
        onFatal: (error) => {
          throw error;
        },
        ...app,
      },
    );
    const coordinator = new TestCoordinator(directory, built);
    if (listen) {
      await built.app.listen({ port: 0, host: '127.0.0.1' });
      coordinator.url = `http://127.0.0.1:${(built.app.server.address() as AddressInfo).port}`;
    }
    return coordinator;
  }

  async stop({ keepData = false } = {}): Promise<void> {
    await this.built.app.close();
    if (!keepData) rmSync(this.directory, { recursive: true, force: true });
  }

  /** GET with the first-run token. */
  inject(url: string) {
    return this.built.app.inject({ method: 'GET', url, headers: ADMIN });
  }

  async createDataset(): Promise<DatasetManifest> {
    const response = await this.built.app.inject({
      method: 'POST',
      url: '/api/datasets',
      headers: ADMIN,
      payload: { kind: 'digits', trainSampleCount: 100, validationSampleCount: 100 },
    });
    return response.json();
  }

  async createRun(training: Record<string, unknown> = {}): Promise<RunView> {
    const dataset = await this.createDataset();
    const response = await this.built.app.inject({
      method: 'POST',
      url: '/api/runs',
      headers: ADMIN,
      payload: { name: 'rehearsal', datasetId: dataset.id, model: 'mlp', seed: 5, training },
    });
    return response.json();
  }

  /** A volunteer's socket with the page's origin. */
  open(path = '/ws/volunteer', origin: string | null = this.url, options: ClientOptions = {}): TestSocket {
    const address = this.url.replace('http', 'ws') + path;
    return new TestSocket(new WebSocket(address, { ...options, ...(origin === null ? {} : { origin }) }));
  }
}

/** A socket whose messages can be awaited in order of arrival. */
export class TestSocket {
  readonly ws: WebSocket;
  readonly messages: Record<string, unknown>[] = [];
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake: (() => void)[] = [];

  constructor(ws: WebSocket) {
    this.ws = ws;
    this.opened = new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('unexpected-response', (_request, response) =>
        reject(new Error(`HTTP ${response.statusCode}`)),
      );
      ws.once('error', reject);
    });
    this.opened.catch(() => {});
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wakeAll();
      });
    });
    ws.on('error', () => {});
    ws.on('message', (raw) => {
      this.messages.push(JSON.parse(String(raw)) as Record<string, unknown>);
      this.#wakeAll();
    });
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  async send(message: object | string): Promise<void> {
    await this.opened;
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }
  say(message: VolunteerMessage): Promise<void> {
    return this.send(message);
  }
  hello(extra: Partial<Extract<VolunteerMessage, { type: 'hello' }>> = {}): Promise<void> {
    return this.say({ type: 'hello', protocolVersion: PROTOCOL_VERSION, adapter: ADAPTER, ...extra });
  }

  /** The first message of this type that was not taken before. Fails when the socket closes first. */
  async next<T extends CoordinatorMessage['type']>(type: T): Promise<CoordinatorMessageOf<T>> {
    return (await this.nextOf(type)) as unknown as CoordinatorMessageOf<T>;
  }
  async nextOf(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const at = this.messages.findIndex((message) => message['type'] === type);
      if (at >= 0) return this.messages.splice(at, 1)[0]!;
      if (this.ws.readyState === WebSocket.CLOSED)
        throw new Error(`closed before "${type}" came; got ${JSON.stringify(this.messages)}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }
}
