/** The cluster command, run again and again, each time as a process of its own: for soaks and for ways of training. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterReportSchema, type ClusterReport } from '@murmuration/protocol';
import { Value } from 'typebox/value';
import { ROOT_DIRECTORY } from './places.ts';

/** Of the cluster command: wrong use, and an environment that lacks something. No further run would fare better. */
export const CODES_OF_NO_RUN: readonly number[] = [2, 3];
export const CODE_INTERRUPTED = 130;

export interface ClusterOutcome {
  /** The command's exit code. */
  readonly code: number;
  /** Null: it wrote none. */
  readonly report: ClusterReport | null;
}

/** An interruption ends the run at hand and is remembered. */
export class ClusterSeries {
  readonly #common: readonly string[];
  readonly #interrupt = (signal: NodeJS.Signals) => {
    this.isInterrupted = true;
    this.#child?.kill(signal);
  };
  #child: ReturnType<typeof spawn> | null = null;
  isInterrupted = false;

  /** @param common flags of every run */
  constructor(common: readonly string[]) {
    this.#common = common;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, this.#interrupt);
  }

  close(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, this.#interrupt);
  }

  async play(flags: readonly string[], out: string): Promise<ClusterOutcome> {
    const command = join(ROOT_DIRECTORY, 'packages/cluster/bin/murmur.mjs');
    const words = [command, 'cluster', ...this.#common, ...flags, '--out', out];
    const code = await new Promise<number>((settle) => {
      const child = spawn(process.execPath, words, { cwd: ROOT_DIRECTORY, stdio: 'inherit' });
      this.#child = child;
      child.on('close', (exitCode) => settle(exitCode ?? 1));
    });
    this.#child = null;
    const text = await readFile(join(out, 'report.json'), 'utf8').catch(() => null);
    const report =
      text === null ? null : (Value.Parse(ClusterReportSchema, JSON.parse(text)) as ClusterReport);
    return { code, report };
  }
}
