/**
 * Hostile requests against a whole coordinator: its application on a data directory of its own, asked by injection. An answer
 * of 500 or more, or one that shows a stack, a path or SQL, is a failure; so is a crash.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mulberry, streamSeed } from '@murmuration/codec';
import { buildApp, DEFAULT_SETTINGS } from '@murmuration/coordinator';
import type { DatasetManifest, RunPage, RunView, SweepView } from '@murmuration/protocol';
import { hostileRequest, type ApiDocument, type HostileRequest, type KnownIds } from './hostile-requests.ts';

type FastifyApp = Awaited<ReturnType<typeof buildApp>>['app'];

const TOKEN = 'a-token-for-hostile-requests';
const AUTHORISED = { authorization: `Bearer ${TOKEN}` };
/** Nothing that an answer may hold. */
const LEAK = /\n\s+at |node_modules|\.ts:\d+|SQLITE|sqlite3|coordinator\/src/;
/** Requests are a second apart, so that no rate limit answers for the code behind it. */
const STEP_MS = 1_000;
const REFRESH_EVERY = 50;
const ANSWER_MAX_MS = 60_000;

export interface ApiFuzzReport {
  /** Requests by status. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly run: number; readonly why: string; readonly request: string }[];
}

export async function fuzzApi({
  seed,
  runs,
}: {
  readonly seed: number;
  readonly runs: number;
}): Promise<ApiFuzzReport> {
  const directory = await mkdtemp(join(tmpdir(), 'murmuration-fuzz-'));
  // An address such as /blobs/.. is the page's: there is one.
  for (const page of ['volunteer', 'admin']) {
    await mkdir(join(directory, 'pages', page, 'dist'), { recursive: true });
    await writeFile(
      join(directory, 'pages', page, 'dist', 'index.html'),
      '<!doctype html><title>page</title>',
    );
  }
  let nowMs = 1_700_000_000_000;
  let fatal: Error | null = null;
  const { app } = await buildApp(
    {
      ...DEFAULT_SETTINGS,
      dataDirectory: directory,
      pagesDirectory: join(directory, 'pages'),
      adminToken: TOKEN,
    },
    { nowMs: () => nowMs, onFatal: (error) => (fatal = error) },
  );
  const outcomes: Record<string, number> = {};
  const failures: { run: number; why: string; request: string }[] = [];
  try {
    let known = await thingsThatAreThere(app);
    const document = (await app.inject({ method: 'GET', url: '/openapi.json' })).json() as ApiDocument;
    for (let index = 0; index < runs; index++) {
      nowMs += STEP_MS;
      // Hostile requests delete and stop; what they meet next is there again.
      if (index % REFRESH_EVERY === REFRESH_EVERY - 1) known = await thingsThatAreThere(app);
      const request = hostileRequest(document, known, mulberry(streamSeed(seed, 'request', index)));
      const answer = await answerTo(request, index);
      outcomes[answer.outcome] = (outcomes[answer.outcome] ?? 0) + 1;
      const why = fatal === null ? answer.why : `the store broke: ${String(fatal)}`;
      if (why !== null) failures.push({ run: index, why, request: textOf(request) });
      if (fatal !== null) break;
    }
  } finally {
    await app.close();
    await rm(directory, { recursive: true, force: true });
  }
  return { outcomes, failures };

  async function answerTo(
    request: HostileRequest,
    index: number,
  ): Promise<{ outcome: string; why: string | null }> {
    try {
      const answer = await app.inject({
        method: request.method as 'GET',
        url: request.url,
        headers: { ...AUTHORISED, ...request.headers },
        // Nobody's failures are another's.
        remoteAddress: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
        signal: AbortSignal.timeout(ANSWER_MAX_MS),
        ...(request.body === null ? {} : { payload: Buffer.from(request.body) }),
      });
      const { statusCode, payload } = answer;
      const leak = statusCode >= 400 ? LEAK.exec(payload)?.[0] : undefined;
      const why =
        statusCode >= 500
          ? `answered ${statusCode}: ${payload.slice(0, 200)}`
          : leak === undefined
            ? null
            : `the answer shows ${JSON.stringify(leak)}`;
      return { outcome: String(statusCode), why };
    } catch (error) {
      return { outcome: 'threw', why: String(error) };
    }
  }
}

const textOf = ({ method, url, headers, body }: HostileRequest): string =>
  `${method} ${url} ${JSON.stringify(headers)} ${body === null ? '' : new TextDecoder().decode(body)}`.slice(
    0,
    500,
  );

/** A data set, an open run, one that is over, a sweep that runs: made if they are not there. Answers their ids. */
async function thingsThatAreThere(app: FastifyApp): Promise<KnownIds> {
  const ask = async <T>(method: 'GET' | 'POST', url: string, payload?: object): Promise<T> =>
    (
      await app.inject({ method, url, headers: AUTHORISED, ...(payload === undefined ? {} : { payload }) })
    ).json();
  const dataset = await ask<DatasetManifest>('POST', '/api/datasets', {
    kind: 'digits',
    trainSampleCount: 100,
    validationSampleCount: 100,
  });
  const firstOf = async (state: 'open' | 'over') =>
    (await ask<RunPage>('GET', `/api/runs?state=${state}&limit=1`)).items[0]?.id;
  const made = async () =>
    (await ask<RunView>('POST', '/api/runs', { name: 'run', datasetId: dataset.id, model: 'mlp' })).manifest
      .id;
  const open = (await firstOf('open')) ?? (await made());
  let over = await firstOf('over');
  if (over === undefined) {
    over = await made();
    await ask('POST', `/api/runs/${over}/stop`);
  }
  const sweeps = await ask<SweepView[]>('GET', '/api/sweeps');
  const sweep =
    sweeps.find(({ state }) => state === 'running') ??
    (await ask<SweepView>('POST', '/api/sweeps', {
      name: 'sweep',
      base: { name: 'base', datasetId: dataset.id, model: 'mlp' },
      search: { kind: 'grid', parameters: [{ key: 'seed', values: [1, 2] }] },
      metric: 'accuracy',
    }));
  return { run_: [open, over], data_: [dataset.id], sweep_: [sweep.id], sha256: [dataset.validation.sha256] };
}
