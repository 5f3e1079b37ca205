/**
 * `npm run bench:strategies`: every sensible way of training on three crowds and three sizes of model, in imaginary time, and
 * how far what `strategy: auto` picks is from the best. A cell is written down as soon as it is known, so a bench that was
 * interrupted goes on where it was. After a change of the code begin afresh.
 *
 * This file owns the threads, the clock and the files; what is tried and what follows is in strategies-grid.ts.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { StrategyCell, StrategyRow } from '@murmuration/simulator';
import { parseFlags, type FlagTable } from './flags.ts';
import { runJobs } from './job-pool.ts';
import {
  autoVerdicts,
  cellsWanted,
  FULL,
  keyOf,
  QUICK_SCOPE,
  type Known,
  type Scope,
} from './strategies-grid.ts';
import { strategiesPicture } from './strategies-picture.ts';
import { isMet, ratioOf, STRATEGIES_START, strategiesTable, strategyText } from './strategies-table.ts';
import type { StrategyJob, StrategyResult } from './strategies-worker.ts';
import { withTable } from './swarm-table.ts';

const FLAGS = {
  quick: { kind: 'switch', help: 'two crowds, the small model, a few strategies; not for quoting' },
  jobs: {
    kind: 'integer',
    min: 1,
    max: 64,
    placeholder: 'N',
    help: 'threads (default: as many as the machine has cores)',
  },
  out: {
    kind: 'text',
    placeholder: 'FILE.json',
    help: 'where the numbers go, and are taken up from (default bench/strategies-grid.json)',
  },
  table: {
    kind: 'text',
    placeholder: 'FILE.md',
    help: 'put the tables between the markers of this file (docs/strategies.md)',
  },
  picture: { kind: 'text', placeholder: 'FILE.svg', help: 'draw them (docs/strategies.svg)' },
  afresh: { kind: 'switch', help: 'begin anew instead of going on with what the file has' },
  'only-show': { kind: 'switch', help: 'play nothing; tables and picture of what the file has' },
} as const satisfies FlagTable;

interface Kept {
  readonly cell: StrategyCell;
  readonly row: StrategyRow;
  readonly wallMs: number;
}

const WORKER = new URL('./strategies-worker.ts', import.meta.url);

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run bench:strategies --', FLAGS, argv);
  if (parsed.kind !== 'flags') {
    const isHelp = parsed.kind === 'help';
    (isHelp ? process.stdout : process.stderr).write(`${isHelp ? parsed.text : parsed.message}\n`);
    return isHelp ? 0 : 2;
  }
  const { flags } = parsed;
  const scope = flags.quick ? QUICK_SCOPE : FULL;
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const out = resolve(
    flags.out ?? (flags.quick ? 'bench/strategies-quick.json' : 'bench/strategies-grid.json'),
  );
  const kept = flags.afresh ? new Map<string, Kept>() : await readKept(out);
  if (kept.size > 0) say(`${kept.size} cells are known from ${out}`);
  const crashes = flags['only-show']
    ? 0
    : await play(kept, scope, flags.jobs ?? availableParallelism(), out, say);
  const known = rowsOf(kept);
  if (flags.table !== undefined) {
    const file = resolve(flags.table);
    const document = await readFile(file, 'utf8');
    await writeFile(file, withTable(document, strategiesTable(known, scope), STRATEGIES_START));
  }
  if (flags.picture !== undefined) await writeFile(resolve(flags.picture), strategiesPicture(known, scope));
  const verdicts = autoVerdicts(known, scope);
  for (const verdict of verdicts)
    say(
      `${isMet(verdict) ? 'met   ' : 'missed'}  auto on ${verdict.crowd}, ${verdict.model}: ${strategyText(verdict.auto)} takes ${ratioOf(verdict)?.toFixed(2) ?? 'for ever, against'} times the best, ${strategyText(verdict.best)}`,
    );
  const isWhole = verdicts.length === scope.crowds.length * scope.models.length;
  return crashes === 0 && isWhole && verdicts.every(isMet) ? 0 : 1;
}

/** Round after round, until nothing follows from what is known. @returns how many cells crashed */
async function play(
  kept: Map<string, Kept>,
  scope: Scope,
  threads: number,
  out: string,
  say: (line: string) => void,
): Promise<number> {
  const crashed = new Set<string>();
  let writing = Promise.resolve();
  for (;;) {
    const wanted = cellsWanted(rowsOf(kept), scope).filter((cell) => !crashed.has(keyOf(cell)));
    if (wanted.length === 0) break;
    say(`${wanted.length} cells to play`);
    let done = 0;
    const jobs = wanted.map((cell): StrategyJob => ({ cell }));
    await runJobs(WORKER, jobs, threads, (result: StrategyResult) => {
      done += 1;
      const key = keyOf(result.cell);
      if ('crash' in result) {
        crashed.add(key);
        return say(`${done}/${wanted.length} ${key}: crashed: ${result.crash}`);
      }
      const { cell, row, wallMs } = result;
      kept.set(key, { cell, row, wallMs: Math.round(wallMs) });
      // In turn, so that an older state never replaces a newer one.
      writing = writing.then(() => writeKept(out, kept));
      const time = row.ms === null ? 'never' : `${(row.ms / 1_000).toFixed(1)} s`;
      say(`${done}/${wanted.length} ${key}: ${time} (${(wallMs / 1_000).toFixed(1)} s to play)`);
    });
    await writing;
  }
  return crashed.size;
}

const rowsOf = (kept: ReadonlyMap<string, Kept>): Known =>
  new Map([...kept].map(([key, { row }]) => [key, row]));

async function readKept(path: string): Promise<Map<string, Kept>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return new Map();
  }
  const { cells } = JSON.parse(text) as { readonly cells: readonly Kept[] };
  return new Map(cells.map((each) => [keyOf(each.cell), each]));
}

/** Whole or not at all: a bench may be ended at any moment. */
async function writeKept(path: string, kept: ReadonlyMap<string, Kept>): Promise<void> {
  const machine = { cores: availableParallelism(), node: process.versions.node };
  await mkdir(dirname(path), { recursive: true });
  // A line a cell, so that a diff is read.
  const cells = [...kept.values()].map((each) => JSON.stringify(each)).join(',\n');
  await writeFile(`${path}.new`, `{"machine": ${JSON.stringify(machine)}, "cells": [\n${cells}\n]}\n`);
  await rename(`${path}.new`, path);
}
