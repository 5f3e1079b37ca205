/**
 * `npm test`: everything that CI runs, one after another on purpose (two cores; browsers and shaders want both):
 * format, lint, types, unit tests (vitest), then real tabs and every screen in a real browser (Playwright). A failing
 * stage does not hide the next. The last line is `N passed, N failed`, summed over all stages.
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { adapterText, findBrowser, probeBrowser } from './browser.ts';
import { runTool, staticChecks } from './check.ts';
import { parseFlags } from './flags.ts';
import { STATE_DIRECTORY } from './places.ts';

interface Count {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
}

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm test --', {}, argv);
  if (parsed.kind !== 'flags') {
    process.stdout.write(`${parsed.kind === 'help' ? parsed.text : parsed.message}\n`);
    return parsed.kind === 'help' ? 0 : 2;
  }
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  say(`Browser: ${browser.executablePath} ${browser.version}, ${adapterText(browser.adapter)}`);
  const reports = join(STATE_DIRECTORY, 'test-reports');
  await rm(reports, { recursive: true, force: true });
  await mkdir(reports, { recursive: true });

  const checks = await staticChecks();
  const counts: Count[] = [
    {
      name: 'checks',
      passed: checks.filter(({ isPassed }) => isPassed).length,
      failed: checks.filter(({ isPassed }) => !isPassed).length,
      seconds: checks.reduce((sum, { seconds }) => sum + seconds, 0),
    },
    await vitest(join(reports, 'vitest.json')),
    await playwright(join(reports, 'browser.json')),
  ];
  say('');
  for (const { name, passed, failed, seconds } of counts)
    say(
      `${failed === 0 ? 'ok' : '!!'}  ${name.padEnd(11)} ${passed} passed, ${failed} failed, ${seconds.toFixed(0)} s`,
    );
  const total = (key: 'passed' | 'failed') => counts.reduce((sum, count) => sum + count[key], 0);
  say(`${total('passed')} passed, ${total('failed')} failed`);
  return total('failed') === 0 ? 0 : 1;
}

function vitest(report: string): Promise<Count> {
  return stage('unit tests', report, async () => {
    const isPassed = await runTool('vitest', 'vitest.mjs', [
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ]);
    return {
      isPassed,
      read: (json: { numPassedTests: number; numFailedTests: number }) => ({
        passed: json.numPassedTests,
        failed: json.numFailedTests,
      }),
    };
  });
}

function playwright(report: string): Promise<Count> {
  return stage('browser', report, async () => {
    const isPassed = await runTool('@playwright/test', 'cli.js', ['test', '--reporter=list,json'], {
      ...process.env,
      PLAYWRIGHT_JSON_OUTPUT_FILE: report,
    });
    return {
      isPassed,
      // A test that passes at the second try is a failing test.
      read: (json: { stats: { expected: number; unexpected: number; flaky: number } }) => ({
        passed: json.stats.expected,
        failed: json.stats.unexpected + json.stats.flaky,
      }),
    };
  });
}

/** A runner that fails without a failed test (it crashed, a file did not load, nothing ran) counts as one failure. */
async function stage<Report>(
  name: string,
  report: string,
  work: () => Promise<{ isPassed: boolean; read: (json: Report) => { passed: number; failed: number } }>,
): Promise<Count> {
  const startedAtMs = Date.now();
  const { isPassed, read } = await work();
  const seconds = (Date.now() - startedAtMs) / 1000;
  const counted = await readFile(report, 'utf8').then(
    (text) => read(JSON.parse(text) as Report),
    () => ({ passed: 0, failed: 0 }),
  );
  const isUnaccounted = counted.failed === 0 && (!isPassed || counted.passed === 0);
  return { name, passed: counted.passed, failed: counted.failed + (isUnaccounted ? 1 : 0), seconds };
}
