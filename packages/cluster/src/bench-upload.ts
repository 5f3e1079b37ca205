/**
 * `npm run bench:upload`: what a large CSV costs the coordinator's memory, from the first part of its upload to the finished
 * dataset. A real coordinator process, a file made from a seed, a small one first, so that everything is loaded; then the
 * resident memory is read again and again from the kernel (Linux only). Leaves with 1 when it grew beyond the bound.
 */
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { mulberry } from '@murmuration/codec';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { parseFlags } from './flags.ts';
import { createDataset } from './run-data.ts';

const FLAGS = {
  megabytes: { kind: 'integer', min: 1, max: 1_000, placeholder: 'N', help: 'size of the CSV; default 500' },
} as const;
const MEGABYTES = 500;
const WARM_UP_MEGABYTES = 5;
const GROWTH_MAX_MB = 64;
const SAMPLE_EVERY_MS = 50;
const ROWS_AT_ONCE = 1_000;

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run bench:upload --', FLAGS, argv);
  if (parsed.kind !== 'flags') {
    console.log(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const directory = await mkdtemp(join(tmpdir(), 'murmuration-upload-'));
  const coordinator = new CoordinatorProcess({
    port: 0,
    dataDirectory: join(directory, 'data'),
    logName: 'bench-upload',
  });
  try {
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    const small = await writeCsv(join(directory, 'small.csv'), WARM_UP_MEGABYTES);
    await createDataset(client, wishOf(small), 'warm-up');
    const large = await writeCsv(join(directory, 'large.csv'), parsed.flags.megabytes ?? MEGABYTES);
    const { size } = await stat(large);

    const memory = new Memory(coordinator.pid!);
    const before = await memory.megabytes();
    memory.watch();
    const startedMs = performance.now();
    const id = await client.upload(large);
    const uploadMs = performance.now() - startedMs;
    const afterUpload = memory.peak;
    const request = { ...wishOf(id), name: 'large' } as Parameters<typeof client.createDataset>[0];
    const made = await client.createDataset(request);
    const makeMs = performance.now() - startedMs - uploadMs;
    await memory.stop();

    const growth = memory.peak - before;
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    console.log(`file          ${(size / 1e6).toFixed(0)} MB of CSV`);
    console.log(
      `upload        ${seconds(uploadMs)}, memory +${(afterUpload - before).toFixed(0)} MB at most`,
    );
    console.log(
      `dataset       ${seconds(makeMs)}, ${made.trainSampleCount} + ${made.validation.sampleCount} rows, ${made.shardCount} shards`,
    );
    console.log(`memory        ${before.toFixed(0)} MB before, ${memory.peak.toFixed(0)} MB at most`);
    console.log(`growth        ${growth.toFixed(0)} MB (bound ${GROWTH_MAX_MB} MB)`);
    return growth <= GROWTH_MAX_MB ? 0 : 1;
  } finally {
    await coordinator.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const wishOf = (file: string) =>
  ({ kind: 'csv', file, licence: 'CC0-1.0, drawn here', sharedWithVolunteers: true }) as const;

/** Six numbers, a category of eight, a class of three. */
async function writeCsv(path: string, megabytes: number): Promise<string> {
  const random = mulberry(7);
  let left = megabytes * 1e6;
  function* pieces() {
    yield 'a,b,c,d,e,f,colour,kind\n';
    while (left > 0) {
      let text = '';
      for (let row = 0; row < ROWS_AT_ONCE; row++) {
        for (let column = 0; column < 6; column++) text += `${(random() * 2_000 - 1_000).toFixed(5)},`;
        text += `colour${Math.floor(random() * 8)},kind${Math.floor(random() * 3)}\n`;
      }
      left -= text.length;
      yield text;
    }
  }
  await pipeline(Readable.from(pieces()), createWriteStream(path));
  return path;
}

/** Resident memory of a process, in megabytes (2^20 bytes), as the kernel counts it. */
class Memory {
  readonly #pid: number;
  #timer: NodeJS.Timeout | null = null;
  peak = 0;

  constructor(pid: number) {
    this.#pid = pid;
  }

  async megabytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
  }

  watch(): void {
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_EVERY_MS);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#sample();
  }

  async #sample(): Promise<void> {
    this.peak = Math.max(this.peak, await this.megabytes().catch(() => 0));
  }
}
