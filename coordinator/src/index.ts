/** The coordinator as other rooms use it: started, addressed, stopped. */
import type { AddressInfo } from 'node:net';
import { buildApp } from './app.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import type { CoordinatorSettings } from './settings.ts';

export { buildApp } from './app.ts';
export { DEFAULT_SETTINGS, readSettings, SettingsError } from './settings.ts';
export type { CoordinatorSettings } from './settings.ts';
export { Store, StoreError } from './store.ts';
export type { LedgerRecord } from './ledger-records.ts';

export interface Coordinator {
  /** Where this machine reaches it, e.g. http://localhost:8080 (no slash at the end). */
  readonly url: string;
  /** In clear only at the first start on a data directory, or when it was given. */
  readonly adminToken: string | null;
  /** With the token when it is known. */
  readonly adminUrl: string;
  readonly volunteerUrl: string;
  stop(): Promise<void>;
}

/**
 * @param overrides settings that differ from the defaults; port 0 picks a free one
 * @throws StoreError, or the listen error of Node
 */
export async function startCoordinator(
  overrides: Partial<CoordinatorSettings>,
  { onFatal = endProcess }: { onFatal?: (error: Error) => void } = {},
): Promise<Coordinator> {
  const settings = { ...DEFAULT_SETTINGS, ...overrides };
  const { app, adminToken } = await buildApp(settings, { onFatal });
  try {
    await app.listen({ port: settings.port, host: settings.host });
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.server.address() as AddressInfo;
  const scheme = settings.tls === null ? 'http' : 'https';
  const url = `${scheme}://${nameOf(settings.host)}:${port}`;
  const publicUrl = settings.publicUrl ?? url;
  return {
    url,
    adminToken,
    adminUrl: `${publicUrl}/admin${adminToken === null ? '' : `#token=${adminToken}`}`,
    volunteerUrl: `${publicUrl}/`,
    stop: () => app.close(),
  };
}

/** Loopback and wildcard addresses are shown as localhost, which browsers hold for secure. */
function nameOf(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '::1' || host.startsWith('127.')) return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

function endProcess(error: Error): void {
  console.error(`the coordinator's store cannot be written any more: ${error.message}`);
  process.exit(1);
}
