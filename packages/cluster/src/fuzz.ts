/**
 * `npm run fuzz -- --target frame --runs N`: hostile bytes for the wire (simulator, fuzz-frames.ts), or `--target api`:
 * hostile requests for the coordinator (fuzz-api.ts), with the clock that
 * the pure room does not have: runs a second, and the slowest batch, in which a hang would show. Exit code 1 when
 * anything failed; a failure names its run, and `--from` runs it again.
 */
import { fuzzFrames } from '@murmuration/simulator';
import { parseFlags } from './flags.ts';
import { fuzzApi } from './fuzz-api.ts';

const FLAGS = {
  target: { kind: 'choice', choices: ['frame', 'api'], help: 'what is given hostile bytes (default frame)' },
  runs: {
    kind: 'integer',
    min: 1,
    max: 1_000_000_000,
    placeholder: 'N',
    help: 'frames or requests (default 100000; api: 10000)',
  },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of all chance (default 1)',
  },
  from: {
    kind: 'integer',
    min: 0,
    max: 1_000_000_000,
    placeholder: 'N',
    help: 'first run (default 0; frames only)',
  },
} as const;

const BATCH_RUNS = 1_000;
const FAILURES_SHOWN_MAX = 20;

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run fuzz --', FLAGS, argv);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (parsed.kind !== 'flags') {
    say(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  if (parsed.flags.target === 'api')
    return requests(parsed.flags.seed ?? 1, parsed.flags.runs ?? 10_000, say);
  const { runs = 100_000, seed = 1, from = 0 } = parsed.flags;
  const outcomes = new Map<string, number>();
  const failures: { run: number; why: string }[] = [];
  let slowestMs = 0;
  const startedMs = performance.now();
  for (let done = 0; done < runs; done += BATCH_RUNS) {
    const batchMs = performance.now();
    const report = fuzzFrames({ seed, from: from + done, runs: Math.min(BATCH_RUNS, runs - done) });
    slowestMs = Math.max(slowestMs, performance.now() - batchMs);
    for (const [outcome, count] of Object.entries(report.outcomes))
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    failures.push(...report.failures);
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const [outcome, count] of [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1)))
    say(`  ${outcome.padEnd(34)} ${count}`);
  for (const { run: failed, why } of failures.slice(0, FAILURES_SHOWN_MAX))
    say(`FAILED  run ${failed}: ${why}; again: npm run fuzz -- --seed ${seed} --from ${failed} --runs 1`);
  say(
    `${runs} runs in ${seconds.toFixed(1)} s, ${Math.round(runs / seconds)} runs/s, slowest ${BATCH_RUNS} took ${slowestMs.toFixed(0)} ms, ${failures.length} failures`,
  );
  return failures.length === 0 ? 0 : 1;
}

async function requests(seed: number, runs: number, say: (line: string) => void): Promise<number> {
  const startedMs = performance.now();
  const { outcomes, failures } = await fuzzApi({ seed, runs });
  const seconds = (performance.now() - startedMs) / 1_000;
  for (const [status, count] of Object.entries(outcomes)) say(`  ${status.padEnd(34)} ${count}`);
  for (const { run: failed, why, request } of failures.slice(0, FAILURES_SHOWN_MAX))
    say(`FAILED  request ${failed}: ${why}\n        ${request}`);
  say(
    `${runs} requests in ${seconds.toFixed(1)} s, ${Math.round(runs / seconds)} a second, ${failures.length} failures`,
  );
  return failures.length === 0 ? 0 : 1;
}
