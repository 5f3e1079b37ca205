/**
 * Runs a coordinator: `tsx coordinator/src/server.ts --port 8080 --data DIR`. Settings: `--help`.
 * Exit codes: 0 stopped, 1 the store broke while running, 3 a setting or the data directory cannot be used,
 * 4 the port cannot be opened.
 */
import { startCoordinator } from './index.ts';
import { readSettings, SettingsError, USAGE } from './settings.ts';
import type { CommandLine } from './settings.ts';
import { StoreError } from './store.ts';

const EXIT_BROKEN = 1;
const EXIT_SETTINGS = 3;
const EXIT_NETWORK = 4;
/** Whatever still hangs after this is not waited for. */
const STOP_MAX_MS = 10_000;

function fail(code: number, message: string): never {
  console.error(message);
  process.exit(code);
}

function commandLine(): CommandLine {
  try {
    return readSettings(process.argv.slice(2), process.env);
  } catch (error) {
    if (error instanceof SettingsError) fail(EXIT_SETTINGS, error.message);
    throw error;
  }
}

const { settings, json, help } = commandLine();
if (help) {
  console.log(USAGE);
  process.exit(0);
}
try {
  const coordinator = await startCoordinator(settings, {
    onFatal: (error) =>
      fail(EXIT_BROKEN, `the store cannot be written any more, so the coordinator ends: ${error.message}`),
  });
  const { url, adminUrl, volunteerUrl, adminToken } = coordinator;
  if (json)
    console.log(JSON.stringify({ ready: true, pid: process.pid, url, adminUrl, volunteerUrl, adminToken }));
  else {
    console.log(`Murmuration coordinator on ${url}, data in ${settings.dataDirectory}`);
    console.log(`  volunteers: ${volunteerUrl}`);
    console.log(`  admin:      ${adminUrl}`);
    if (adminToken === null)
      console.log('  (the token was shown at the first start; --admin-token sets a new one)');
  }
  const stop = () => {
    setTimeout(() => process.exit(0), STOP_MAX_MS).unref();
    void coordinator.stop().then(() => process.exit(0));
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // Started by another program: it does not outlive it, even if that was killed.
  if (process.connected) process.once('disconnect', stop);
} catch (error) {
  if (error instanceof StoreError) fail(EXIT_SETTINGS, error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    fail(
      EXIT_NETWORK,
      `--port: ${settings.port} is in use by another program; choose another (0 picks a free one)`,
    );
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL')
    fail(EXIT_NETWORK, `--port, --host: cannot listen: ${message}`);
  throw error;
}
