#!/usr/bin/env node
/**
 * The `murmur` command: what every npm script calls. It must run on a bare checkout, so it is plain JavaScript and
 * imports nothing but Node's own modules: it checks Node's version, installs the dependencies when they are missing or
 * differ from package-lock.json, and hands over to the TypeScript command through tsx.
 *
 * It knows nothing of what a command does; each command parses its own flags.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const NODE_MIN = [20, 19];
/** Two installs of one checkout at once destroy each other's node_modules; a lock older than this is a dead one. */
const INSTALL_MAX_MS = 15 * 60_000;
const INSTALL_TRIES = 2;

/** Command -> module of the workspace that exports `run(argv): Promise<exit code>`, and its line in the help. */
const COMMANDS = {
  demo: [
    'packages/cluster/src/demo.ts',
    'coordinator and headless tabs train the example model (npm run demo)',
  ],
  cluster: [
    'packages/cluster/src/cluster.ts',
    'a run from a file on real tabs, faults from a seed, a verdict (npm run cluster)',
  ],
  soak: [
    'packages/cluster/src/soak.ts',
    'the cluster over many seeds of chaos, and a table of what became of each (npm run soak)',
  ],
  ways: [
    'packages/cluster/src/ways.ts',
    'every kind of network under several ways of training, in real tabs, each with a killed tab (npm run ways)',
  ],
  start: ['packages/cluster/src/start.ts', 'coordinator and both pages on http://localhost:8080 (npm start)'],
  doctor: [
    'packages/cluster/src/doctor.ts',
    'what this machine has: Node, browser, WebGPU, data channel, ports',
  ],
  simulate: [
    'packages/cluster/src/simulate.ts',
    'thousands of imaginary tabs in virtual time (npm run simulate)',
  ],
  plan: [
    'packages/cluster/src/plan.ts',
    'which way of training fits a crowd, what it takes, how many tabs are worth having (npx murmur plan)',
  ],
  bench: [
    'packages/cluster/src/bench.ts',
    'the project against what people would use instead, side by side (npm run bench)',
  ],
  'bench-grid': [
    'packages/cluster/src/bench-grid.ts',
    'the grid against one tab and a bare loop (npm run bench:grid)',
  ],
  'bench-codec': [
    'packages/cluster/src/bench-codec.ts',
    'every way of making an update small, in Node and in a tab (npm run bench:codec)',
  ],
  'bench-swarm': [
    'packages/cluster/src/bench-swarm.ts',
    "the swarm's numbers: wire, quality, churn, consensus (npm run bench:swarm)",
  ],
  'bench-strategies': [
    'packages/cluster/src/bench-strategies.ts',
    'every way of training on three crowds, and how near auto comes to the best (npm run bench:strategies)',
  ],
  'bench-upload': [
    'packages/cluster/src/bench-upload.ts',
    "a large CSV against the coordinator's memory (npm run bench:upload)",
  ],
  'bench-watch': [
    'packages/cluster/src/bench-watch.ts',
    'the admin page before fifty runs of a hundred thousand points (npm run bench:watch)',
  ],
  visit: [
    'packages/cluster/src/visit.ts',
    'a visit to the volunteer page, measured: duty, redraws, tasks, pause (npm run visit)',
  ],
  'visit-memory': [
    'packages/cluster/src/visit-memory.ts',
    'half an hour of training: is what a tab holds flat? (npm run visit:memory)',
  ],
  screenshots: [
    'packages/cluster/src/screenshots.ts',
    'every screen of the volunteer page as a picture (npm run screenshots)',
  ],
  receipt: [
    'packages/cluster/src/receipt.ts',
    "verify FILE --key KEY: whether a volunteer's receipt is genuine",
  ],
  runs: [
    'packages/cluster/src/runs-command.ts',
    'runs of a coordinator: create, watch, steer, compare, take away',
  ],
  data: ['packages/cluster/src/data-command.ts', 'datasets of a coordinator'],
  models: ['packages/cluster/src/models-command.ts', 'what a model from elsewhere becomes here'],
  sweeps: ['packages/cluster/src/sweeps-command.ts', 'many runs that differ in some keys'],
  fuzz: [
    'packages/cluster/src/fuzz.ts',
    'hostile bytes for the wire, hostile requests for the API (npm run fuzz)',
  ],
  test: ['packages/cluster/src/test.ts', 'everything that CI runs (npm test)'],
  check: ['packages/cluster/src/check.ts', 'format, lint, types, architecture (npm run check)'],
};

const fail = (sentence, exitCode = 1) => {
  process.stderr.write(`${sentence}\n`);
  process.exit(exitCode);
};

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1])) return;
  fail(
    `Murmuration needs Node ${NODE_MIN.join('.')} or newer and this is ${process.versions.node}; install a current one from https://nodejs.org and run the command again.`,
  );
}

/**
 * True when node_modules holds exactly what package-lock.json names. npm writes what it installed to
 * node_modules/.package-lock.json as its last act, so an interrupted install counts as none; comparing versions
 * instead of file times survives a git checkout that touches everything. Packages for other systems are left out.
 */
async function isInstalled() {
  const readPackages = async (path) => JSON.parse(await readFile(path, 'utf8')).packages;
  const wanted = await readPackages(join(ROOT, 'package-lock.json'));
  let installed;
  try {
    installed = await readPackages(join(ROOT, 'node_modules', '.package-lock.json'));
  } catch {
    return false;
  }
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true;
    const present = installed[path];
    if (!present) return Boolean(entry.optional || entry.devOptional || entry.peer);
    return present.version === entry.version && Boolean(present.link) === Boolean(entry.link);
  });
}

async function install() {
  if (await isInstalled()) return;
  const stateDirectory = join(ROOT, '.murmuration');
  await mkdir(join(stateDirectory, 'logs'), { recursive: true });
  const lock = join(stateDirectory, 'install.lock');
  await takeLock(lock);
  try {
    if (await isInstalled()) return;
    const log = join(stateDirectory, 'logs', 'install.log');
    for (let attempt = 1; ; attempt++) {
      process.stdout.write(`Installing dependencies${attempt > 1 ? ` (try ${attempt})` : ''} ...\n`);
      const startedAtMs = Date.now();
      const exitCode = await npm(['ci', '--include=dev', '--no-audit', '--no-fund'], log);
      if (exitCode === 0) {
        process.stdout.write(
          `Dependencies installed in ${Math.round((Date.now() - startedAtMs) / 1000)} s.\n`,
        );
        return;
      }
      if (attempt === INSTALL_TRIES)
        throw new Error(
          `npm ci failed ${INSTALL_TRIES} times (exit code ${exitCode}); the reason is at the end of ${log}. Check the network and run the command again.`,
        );
    }
  } finally {
    await rm(lock, { force: true });
  }
}

/** Waits for another install of this checkout to end; a lock whose process is gone or that is too old is taken over. */
async function takeLock(lock) {
  let said = false;
  for (;;) {
    try {
      await writeFile(lock, JSON.stringify({ pid: process.pid, atMs: Date.now() }), { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = await readFile(lock, 'utf8')
      .then(JSON.parse)
      .catch(() => null);
    // A holder that is null was just created and not yet written, or just removed: look again.
    if (holder && (!isAlive(holder.pid) || Date.now() - holder.atMs > INSTALL_MAX_MS)) {
      await rm(lock, { force: true });
      continue;
    }
    if (!said) process.stdout.write('Another command is installing the dependencies; waiting for it ...\n');
    said = true;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function npm(args, log) {
  return new Promise((resolve) => {
    const out = createWriteStream(log, { flags: 'a' });
    // Inside `npm run`, npm_execpath is npm's own script; run it with this very Node. Otherwise npm is on the PATH.
    const script = process.env.npm_execpath;
    const child =
      script && /\.c?js$/.test(script) && /npm/.test(script)
        ? spawn(process.execPath, [script, ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
        : spawn('npm', args, {
            cwd: ROOT,
            stdio: ['ignore', 'pipe', 'pipe'],
            shell: process.platform === 'win32',
          });
    child.stdout.pipe(out, { end: false });
    child.stderr.pipe(out, { end: false });
    const finish = (exitCode) => out.end(() => resolve(exitCode));
    child.on('error', (error) => {
      out.write(`${error.message}\n`);
      finish(1);
    });
    child.on('close', (code) => finish(code ?? 1));
  });
}

function help() {
  const lines = Object.entries(COMMANDS).map(([name, [, text]]) => `  ${name.padEnd(11)} ${text}`);
  return [
    'murmur <command> [flags]',
    '',
    ...lines,
    '',
    'Each command explains its flags: murmur <command> --help',
  ].join('\n');
}

checkNode();
const [name, ...argv] = process.argv.slice(2);
if (name === undefined || name === 'help' || name === '--help') {
  process.stdout.write(`${help()}\n`);
  process.exit(0);
}
if (!Object.hasOwn(COMMANDS, name)) fail(`murmur: there is no command "${name}".\n\n${help()}`, 2);

try {
  await install();
  const { register } = await import('tsx/esm/api');
  register();
  const { run } = await import(pathToFileURL(join(ROOT, COMMANDS[name][0])).href);
  const exitCode = await run(argv);
  // Leave only after the last line is out: output on its way into a pipe would be cut off by a bare exit.
  process.stdout.write('', () => process.exit(exitCode));
} catch (error) {
  // A sentence for people (errors that carry one say so by name), a stack for everything unforeseen.
  fail(error?.name === 'Sentence' ? error.message : (error?.stack ?? String(error)));
}
