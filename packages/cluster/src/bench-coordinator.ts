/**
 * `npm run bench -- coordinator`: 10,000 volunteers on one coordinator process, and the same crowd on a bare `ws` server
 * that echoes. Memory a volunteer is what the process grew by while they came; processor time, leases a second and the
 * latency of a wish for a lease are taken over the same window, at the pace that the coordinator asks of so many.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchSettings } from './bench.ts';
import { Crowd, type CrowdCounts } from './bench-crowd.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { Sentence } from './places.ts';
import { count } from './timed-run.ts';

const VOLUNTEERS = 10_000;
const QUICK_VOLUNTEERS = 1_000;
/** What the coordinator asks of 10,000 (SPEC C3): a report and a wish for a lease in 20 s. */
const EVERY_MS = 20_000;
const SETTLE_MS = 20_000;
const WINDOW_MS = 40_000;
/** Of the dataset: shards enough that nobody waits for one. */
const SAMPLES = 50_000;
/** Open files of a process besides its sockets of the crowd. */
const FILES_BESIDE = 500;
const BOUNDS = { bytesMax: 32 * 1024, latencyP99MaxMs: 100, processorRatioMax: 1.5 } as const;
/** Linux counts a process's time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

interface Measured {
  readonly bytesEach: number;
  readonly processorSeconds: number;
  readonly windowSeconds: number;
  readonly counts: Omit<CrowdCounts, 'latenciesMs'>;
  readonly answers: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly openAtEnd: number;
  /** Sockets that the server ended, by code and reason. */
  readonly closed: Readonly<Record<string, number>>;
}

export async function measureCoordinator({ isQuick, say }: BenchSettings): Promise<SwarmSubject> {
  if (process.platform !== 'linux')
    throw new Sentence('bench coordinator reads /proc, which only Linux has; run it there.');
  const volunteers = isQuick ? QUICK_VOLUNTEERS : VOLUNTEERS;
  await expectOpenFiles(volunteers + FILES_BESIDE);
  const echo = await withEcho((url, pid) =>
    measure({ url, pid, volunteers, runId: NO_RUN, server: 'echo', say }),
  );
  const grid = await withCoordinator((url, pid, runId) =>
    measure({ url, pid, volunteers, runId, server: 'coordinator', say }),
  );
  const ratio = grid.processorSeconds / echo.processorSeconds;
  const text = (ms: number) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
  const leases = grid.counts.leases / grid.windowSeconds;
  const isWhole = grid.openAtEnd === volunteers && echo.openAtEnd === volunteers && grid.counts.leases > 0;
  return {
    rows: [
      {
        what: `${count(volunteers)} volunteers on one coordinator: memory each`,
        target: `at most ${BOUNDS.bytesMax / 1024} KiB`,
        measured: `${(grid.bytesEach / 1024).toFixed(1)} KiB (a bare ws server: ${(echo.bytesEach / 1024).toFixed(1)})`,
        isMet: isWhole && grid.bytesEach <= BOUNDS.bytesMax,
      },
      {
        what: `wish for a lease to its answer, p99, at ${count(Math.round(leases))} leases a second`,
        target: `at most ${BOUNDS.latencyP99MaxMs} ms`,
        measured: `${text(grid.latencyMs.p99)}, middle ${text(grid.latencyMs.p50)} (a bare ws server's echo: ${text(echo.latencyMs.p99)}, middle ${text(echo.latencyMs.p50)})`,
        isMet: isWhole && grid.latencyMs.p99 <= BOUNDS.latencyP99MaxMs,
      },
      {
        what: 'processor time of the coordinator against a bare ws server that echoes, same sockets and words',
        target: `at most ${BOUNDS.processorRatioMax}x`,
        measured: `${ratio.toFixed(2)}x (${grid.processorSeconds.toFixed(1)} s against ${echo.processorSeconds.toFixed(1)} s in ${grid.windowSeconds.toFixed(0)} s)`,
        isMet: isWhole && ratio <= BOUNDS.processorRatioMax,
      },
    ],
    details: { volunteers, everyMs: EVERY_MS, grid, echo },
  };
}

/**
 * Node raises its soft limit to the hard one by itself, and children inherit that.
 * @throws Sentence when the system allows fewer.
 */
async function expectOpenFiles(needed: number): Promise<void> {
  const [, allowed] = /^Max open files\s+\S+\s+(\S+)/m.exec(await readFile('/proc/self/limits', 'utf8'))!;
  if (allowed === 'unlimited' || Number(allowed) >= needed) return;
  throw new Sentence(
    `bench coordinator needs ${needed} open files a process, and this system allows ${allowed}; raise it first (as root: ulimit -n ${needed}; in Docker: --ulimit nofile=${needed}), or take --quick.`,
  );
}

const NO_RUN = `run_${'a'.repeat(26)}`;

async function measure(parts: {
  url: string;
  pid: number;
  volunteers: number;
  runId: string;
  server: 'coordinator' | 'echo';
  say: (line: string) => void;
}): Promise<Measured> {
  const { url, pid, volunteers, runId, server, say } = parts;
  const crowd = new Crowd({ url, count: volunteers, runId, everyMs: EVERY_MS, server });
  const before = await residentBytes(pid);
  try {
    await crowd.gather(say);
    await pass(SETTLE_MS);
    const bytesEach = ((await residentBytes(pid)) - before) / volunteers;
    crowd.take();
    const [startSeconds, startMs] = [await processorSeconds(pid), performance.now()];
    await pass(WINDOW_MS);
    const { latenciesMs, ...counts } = crowd.take();
    const measured: Measured = {
      bytesEach,
      processorSeconds: (await processorSeconds(pid)) - startSeconds,
      windowSeconds: (performance.now() - startMs) / 1_000,
      counts,
      answers: latenciesMs.length,
      latencyMs: spreadOf(latenciesMs),
      openAtEnd: crowd.openCount,
      closed: crowd.closed,
    };
    say(`coordinator: ${server}: ${JSON.stringify(measured)}`);
    return measured;
  } finally {
    await crowd.disperse();
  }
}

/** The crowd's own timers have the floor meanwhile. */
const pass = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function spreadOf(values: readonly number[]): Measured['latencyMs'] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Infinity;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]);
}

async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold anything: state is the first field, user and system time the 12th and 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function withEcho<T>(work: (url: string, pid: number) => Promise<T>): Promise<T> {
  const child = fork(new URL('./bench-echo-server.ts', import.meta.url), [], {
    execArgv: ['--import', 'tsx'],
  });
  try {
    const [port] = (await once(child, 'message')) as [number];
    return await work(`ws://127.0.0.1:${port}/`, child.pid!);
  } finally {
    child.kill('SIGKILL');
  }
}

async function withCoordinator<T>(work: (url: string, pid: number, runId: string) => Promise<T>): Promise<T> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-bench-'));
  const coordinator = new CoordinatorProcess({ port: 0, dataDirectory, logName: 'bench/crowd.log' });
  try {
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    const { id: datasetId } = await client.createDataset({ kind: 'digits', trainSampleCount: SAMPLES });
    const { manifest } = await client.createRun({
      ...{ name: 'a crowd', datasetId, model: 'mlp' },
      training: { targetAccuracy: null, roundsMax: 1_000_000, evaluateEveryRounds: 10_000 },
    });
    // A process of its own for the crowd: what the dataset and the run cost is not part of what a volunteer costs.
    await coordinator.stop();
    await coordinator.start();
    const url = `${coordinator.address.url.replace('http', 'ws').replace('localhost', '127.0.0.1')}/ws/volunteer`;
    return await work(url, coordinator.pid!, manifest.id);
  } finally {
    await coordinator.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}
