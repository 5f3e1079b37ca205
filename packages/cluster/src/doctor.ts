/**
 * `npm run doctor`: what this machine has, one line a thing, each tried for real: a device is made on the adapter, and
 * bytes cross a data channel between two browsers. Exit code 0 when the demo would run here, else 1.
 */
import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { answerChannel, offerChannel, receiveEcho } from '../page/probes.ts';
import {
  adapterText,
  findBrowser,
  launchBrowser,
  openSecurePage,
  probeBrowser,
  type GpuBrowser,
} from './browser.ts';
import { isPortFree } from './coordinator-process.ts';
import { parseFlags } from './flags.ts';
import { ROOT_DIRECTORY, Sentence } from './places.ts';

const FLAGS = {
  port: { kind: 'integer', min: 1, max: 65_535, placeholder: 'N', help: 'port to look at (default 8080)' },
} as const;

const CHANNEL_BYTES = 60_000;
const CHANNEL_MAX_MS = 20_000;
/** A checkout with its dependencies, one browser download and a run's blobs. */
const DISK_MIN_BYTES = 2e9;

/** What one look found. `wrong` says what to do about it. */
type Finding = { readonly kind: 'ok' | 'wrong'; readonly text: string };
const ok = (text: string): Finding => ({ kind: 'ok', text });
const wrong = (text: string): Finding => ({ kind: 'wrong', text });

export async function run(argv: readonly string[]): Promise<number> {
  const parsed = parseFlags('npm run doctor --', FLAGS, argv);
  if (parsed.kind === 'help') return print(parsed.text, 0);
  if (parsed.kind === 'wrong') return print(parsed.message, 2);
  let wrongCount = 0;
  const report = (name: string, finding: Finding) => {
    if (finding.kind === 'wrong') wrongCount++;
    process.stdout.write(`${finding.kind === 'ok' ? 'ok' : '!!'}  ${name.padEnd(13)} ${finding.text}\n`);
  };
  const tryTo = async (name: string, look: () => Promise<Finding>) =>
    report(
      name,
      await look().catch((error: unknown) =>
        wrong(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)),
      ),
    );

  report('Node', ok(`${process.versions.node} on ${process.platform} ${process.arch}`));
  await tryTo('npm', npmVersion);
  report('Machine', ok(`${cpus().length} cores, ${(totalmem() / 1e9).toFixed(0)} GB memory`));
  await tryTo('Disk', diskSpace);
  let browser: GpuBrowser | null = null;
  await tryTo('Browser', async () => {
    const found = await findBrowser({
      say: (line) => process.stdout.write(`    ${line}\n`),
      mayInstall: false,
    });
    report('Browser path', ok(`${found.executablePath} (${found.source})`));
    browser = await probeBrowser(found);
    return ok(browser.version);
  });
  // Assigned in the callback above, which the compiler does not see.
  const usable = browser as GpuBrowser | null;
  if (usable === null) report('WebGPU', wrong('not looked at: there is no usable browser'));
  else report('WebGPU', ok(adapterText(usable.adapter)));
  if (usable === null) report('Data channel', wrong('not looked at: there is no usable browser'));
  else await tryTo('Data channel', () => dataChannel(usable));
  await tryTo('Port', () => portFree(parsed.flags.port ?? 8080));
  return print(
    wrongCount === 0
      ? 'This machine can run the grid: npm run demo'
      : `${wrongCount} of these must be mended before the grid can run here.`,
    wrongCount === 0 ? 0 : 1,
  );
}

function print(text: string, exitCode: number): number {
  process.stdout.write(`${text}\n`);
  return exitCode;
}

function npmVersion(): Promise<Finding> {
  return new Promise((resolve) => {
    execFile('npm', ['--version'], { shell: process.platform === 'win32' }, (error, stdout) =>
      resolve(
        error === null
          ? ok(stdout.trim())
          : wrong('npm does not start; it comes with Node from https://nodejs.org'),
      ),
    );
  });
}

async function diskSpace(): Promise<Finding> {
  const { bavail, bsize } = await statfs(ROOT_DIRECTORY);
  const freeBytes = bavail * bsize;
  const text = `${(freeBytes / 1e9).toFixed(1)} GB free`;
  return freeBytes >= DISK_MIN_BYTES
    ? ok(text)
    : wrong(`${text}; make room for at least ${DISK_MIN_BYTES / 1e9} GB`);
}

/** Two browsers, because a fleet's tabs live in several. */
async function dataChannel(browser: GpuBrowser): Promise<Finding> {
  const running = await Promise.all([
    launchBrowser(browser, browser.wish),
    launchBrowser(browser, browser.wish),
  ]);
  try {
    const [dialling, answering] = [await openSecurePage(running[0]), await openSecurePage(running[1])];
    const startedAtMs = Date.now();
    const bytes = await Promise.race([
      (async () => {
        const offer = await dialling.evaluate(offerChannel, CHANNEL_BYTES);
        if (!offer.includes('a=candidate'))
          throw new Sentence(
            'no network address to connect from: WebRTC does not use loopback, so some other interface must be up',
          );
        return dialling.evaluate(receiveEcho, await answering.evaluate(answerChannel, offer));
      })(),
      new Promise<null>((resolve) => setTimeout(() => resolve(null), CHANNEL_MAX_MS).unref()),
    ]);
    if (bytes !== CHANNEL_BYTES)
      return wrong(
        `two pages could not exchange bytes within ${CHANNEL_MAX_MS / 1000} s; a firewall may block UDP on this machine`,
      );
    return ok(
      `${bytes} bytes there and back between two browsers, ${Date.now() - startedAtMs} ms with connecting`,
    );
  } finally {
    await Promise.all(running.map((each) => each.close()));
  }
}

async function portFree(port: number): Promise<Finding> {
  return (await isPortFree(port))
    ? ok(`${port} is free`)
    : wrong(`${port} is in use or not allowed; the demo takes another by itself, npm start with --port N`);
}
