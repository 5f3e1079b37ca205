/**
 * Settings of a coordinator, from arguments and environment; an argument wins. A wrong one is refused with the name of
 * the setting and the way to mend it, before anything is opened.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { IceServerSchema } from '@murmuration/protocol';
import type { IceServer, Operator } from '@murmuration/protocol';
import Type from 'typebox';
import { door } from './doors.ts';
import type { AveragingLimits } from './averaging.ts';
import type { RelayLimits } from './relay.ts';
import { ADMIN_TOKEN_MIN_CHARACTERS } from './secrets.ts';

export interface CoordinatorSettings {
  readonly port: number;
  readonly host: string;
  readonly dataDirectory: string;
  /** Built pages: `<directory>/volunteer/dist` and `<directory>/admin/dist`. */
  readonly pagesDirectory: string;
  /** What people type, when a proxy stands before us; null: the address that we listen on. */
  readonly publicUrl: string | null;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  readonly iceServers: readonly IceServer[];
  readonly turn: { readonly url: string; readonly secret: string } | null;
  /** Who asks for help, as volunteers see it before they agree; null: only the host is shown. */
  readonly operator: Operator | null;
  /** For volunteers without a way to their peers. */
  readonly relay: RelayLimits;
  /** For central runs. */
  readonly averaging: AveragingLimits;
  /** Sets the admin token; null: keep the stored one or draw the first. */
  readonly adminToken: string | null;
  /** Further web origins whose pages may open WebSockets. */
  readonly allowedOrigins: readonly string[];
  /** Addresses of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Webhooks may point into private networks, such as to a chat server beside the coordinator. */
  readonly arePrivateWebhooksAllowed: boolean;
}

const MEBIBYTE = 1024 * 1024;
const megabits = (perSecond: number) => (perSecond * 1_000_000) / 8;

export const DEFAULT_SETTINGS: CoordinatorSettings = {
  port: 8080,
  host: '127.0.0.1',
  dataDirectory: '.murmuration/data',
  pagesDirectory: fileURLToPath(new URL('../../apps', import.meta.url)),
  publicUrl: null,
  tls: null,
  iceServers: [],
  turn: null,
  operator: null,
  // Guesses: one volunteer's home uplink; a fifth of a 1 Gbit/s machine; and, beside 20,000 sockets, memory of one tab.
  relay: {
    volunteerBytesPerSecond: megabits(20),
    totalBytesPerSecond: megabits(200),
    volunteerInFlightMaxBytes: 4 * MEBIBYTE,
    totalInFlightMaxBytes: 64 * MEBIBYTE,
  },
  // A guess: 64 tabs of a model of 5 M parameters in int8.
  averaging: { memoryMaxBytes: 1024 * MEBIBYTE },
  adminToken: null,
  allowedOrigins: [],
  trustedProxies: [],
  arePrivateWebhooksAllowed: false,
};

/** A setting is wrong; the message names it and the fix. */
export class SettingsError extends Error {}

export const USAGE = `usage: server [options]            (each option also as MURMURATION_<NAME>, e.g. MURMURATION_PORT)
  --port N              port to listen on; 0 picks a free one         (8080)
  --host ADDRESS        address to listen on                          (127.0.0.1)
  --data DIR            data directory                                (.murmuration/data)
  --pages DIR           directory with volunteer/dist and admin/dist  (apps)
  --public-url URL      what people type, when a proxy does TLS
  --tls-cert FILE --tls-key FILE    serve https
  --ice-servers JSON    e.g. [{"urls":["stun:stun.example.org"]}]
  --turn-url URL --turn-secret TEXT coturn with use-auth-secret
  --relay-volunteer-mbit N   what the coordinator may send on for one volunteer; 0: nothing  (20)
  --relay-total-mbit N       and all together                         (200)
  --relay-volunteer-mib N    bytes of one volunteer that wait here    (4)
  --relay-total-mib N        and of all together                      (64)
  --averaging-mib N          memory of all averaging servers of central runs; 0: none  (1024)
  --operator TEXT       who asks for help: "NAME", "NAME <mail address>" or "NAME <https://...>"
  --admin-token TEXT    set the admin token (better: the environment, arguments are seen by others)
  --allowed-origin URL  a further web origin for WebSockets; may be given again
  --trusted-proxy IP    a proxy whose X-Forwarded-For is believed; may be given again
  --private-webhooks    webhooks may point into private networks
  --insecure-lan        listen beyond this machine without TLS (browsers will refuse WebGPU there)
  --json                one line of JSON on stdout when ready
  --help`;

const OPTIONS = {
  port: { type: 'string' },
  host: { type: 'string' },
  data: { type: 'string' },
  pages: { type: 'string' },
  'public-url': { type: 'string' },
  'tls-cert': { type: 'string' },
  'tls-key': { type: 'string' },
  'ice-servers': { type: 'string' },
  'turn-url': { type: 'string' },
  'turn-secret': { type: 'string' },
  'relay-volunteer-mbit': { type: 'string' },
  'relay-total-mbit': { type: 'string' },
  'relay-volunteer-mib': { type: 'string' },
  'relay-total-mib': { type: 'string' },
  'averaging-mib': { type: 'string' },
  operator: { type: 'string' },
  'admin-token': { type: 'string' },
  'allowed-origin': { type: 'string', multiple: true },
  'trusted-proxy': { type: 'string', multiple: true },
  'private-webhooks': { type: 'boolean' },
  'insecure-lan': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;
type OptionName = keyof typeof OPTIONS;

const iceServerList = door(Type.Array(IceServerSchema, { maxItems: 8 }));

export interface CommandLine {
  readonly settings: CoordinatorSettings;
  readonly json: boolean;
  readonly help: boolean;
}

/** @throws SettingsError */
export function readSettings(args: readonly string[], environment: NodeJS.ProcessEnv): CommandLine {
  let values: Partial<Record<OptionName, string | boolean | string[]>>;
  try {
    values = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false }).values;
  } catch (error) {
    throw new SettingsError(`${(error as Error).message.split('. ')[0]}; --help lists the options`);
  }
  const text = (name: OptionName): string | null => {
    const value = values[name] ?? environment[environmentName(name)];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const list = (name: OptionName): string[] => {
    const value = values[name];
    return Array.isArray(value)
      ? value
      : (environment[environmentName(name)] ?? '').split(',').filter((s) => s !== '');
  };
  const fail = (name: OptionName, problem: string): never => {
    throw new SettingsError(`--${name} (${environmentName(name)}): ${problem}`);
  };
  const file = (name: OptionName): Buffer | null => {
    const path = text(name);
    if (path === null) return null;
    try {
      return readFileSync(path);
    } catch (error) {
      return fail(name, `cannot be read: ${(error as Error).message}`);
    }
  };
  const url = (name: OptionName, value: string): string => {
    const parsed = URL.canParse(value) ? new URL(value) : null;
    if (parsed === null || !/^https?:$/.test(parsed.protocol))
      return fail(name, 'must be a URL like https://host');
    return parsed.origin;
  };

  const port = text('port') ?? String(DEFAULT_SETTINGS.port);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    fail('port', 'must be a whole number from 0 to 65535');
  const host = text('host') ?? DEFAULT_SETTINGS.host;
  const cert = file('tls-cert');
  const key = file('tls-key');
  if ((cert === null) !== (key === null))
    fail(cert === null ? 'tls-cert' : 'tls-key', 'is missing; certificate and key are given together');
  const publicUrlText = text('public-url');
  const publicUrl = publicUrlText === null ? null : url('public-url', publicUrlText);
  const isLocal = host === 'localhost' || host === '::1' || host.startsWith('127.');
  const isOn = (name: OptionName) => values[name] === true || environment[environmentName(name)] === '1';
  const isInsecureLan = isOn('insecure-lan');
  if (!isLocal && cert === null && !publicUrl?.startsWith('https:') && !isInsecureLan)
    fail(
      'host',
      `${host} is reachable from other machines without TLS; give --tls-cert and --tls-key, or --public-url https://... ` +
        'when a proxy does TLS, or --insecure-lan',
    );

  const iceText = text('ice-servers');
  let iceServers: IceServer[] = [];
  if (iceText !== null) {
    let json: unknown;
    try {
      json = JSON.parse(iceText);
    } catch {
      fail('ice-servers', 'must be JSON like [{"urls":["stun:stun.example.org"]}]');
    }
    const parsed = iceServerList(json);
    if (parsed.ok) iceServers = parsed.value;
    else fail('ice-servers', `${parsed.fault.field} ${parsed.fault.message}`);
  }
  const turnUrl = text('turn-url');
  const turnSecret = text('turn-secret');
  if ((turnUrl === null) !== (turnSecret === null))
    fail(turnUrl === null ? 'turn-url' : 'turn-secret', 'is missing; URL and secret are given together');
  if (turnUrl !== null && !/^turns?:\S{1,250}$/.test(turnUrl))
    fail('turn-url', 'must be like turn:host:3478 or turns:host:5349');

  const operatorText = text('operator');
  const operator = operatorText === null ? null : operatorFrom(operatorText);
  if (operator === 'wrong')
    return fail(
      'operator',
      'must be a name of at most 80 characters, alone or with a contact: "Ada <ada@example.org>", "Ada <https://example.org>"',
    );

  const number = (name: OptionName, unit: number, byDefault: number, min: number): number => {
    const value = text(name);
    if (value === null) return byDefault;
    if (!/^\d{1,6}(\.\d{1,3})?$/.test(value) || Number(value) < min)
      fail(name, `must be a number from ${min} to 999999`);
    return Number(value) * unit;
  };
  const { relay } = DEFAULT_SETTINGS;
  const adminToken = text('admin-token');
  if (adminToken !== null && !/^[\x21-\x7e]{16,256}$/.test(adminToken))
    fail('admin-token', `must be ${ADMIN_TOKEN_MIN_CHARACTERS} to 256 printable characters without spaces`);
  const trustedProxies = list('trusted-proxy');
  for (const proxy of trustedProxies)
    if (isIP(proxy) === 0)
      fail('trusted-proxy', 'must be the IP address of the proxy itself; ranges can be forged');

  return {
    settings: {
      port: Number(port),
      host,
      dataDirectory: text('data') ?? DEFAULT_SETTINGS.dataDirectory,
      pagesDirectory: text('pages') ?? DEFAULT_SETTINGS.pagesDirectory,
      publicUrl,
      tls: cert !== null && key !== null ? { cert, key } : null,
      iceServers,
      turn: turnUrl !== null && turnSecret !== null ? { url: turnUrl, secret: turnSecret } : null,
      operator,
      relay: {
        volunteerBytesPerSecond: number(
          'relay-volunteer-mbit',
          megabits(1),
          relay.volunteerBytesPerSecond,
          0,
        ),
        totalBytesPerSecond: number('relay-total-mbit', megabits(1), relay.totalBytesPerSecond, 0),
        volunteerInFlightMaxBytes: number(
          'relay-volunteer-mib',
          MEBIBYTE,
          relay.volunteerInFlightMaxBytes,
          1,
        ),
        totalInFlightMaxBytes: number('relay-total-mib', MEBIBYTE, relay.totalInFlightMaxBytes, 1),
      },
      averaging: {
        memoryMaxBytes: number('averaging-mib', MEBIBYTE, DEFAULT_SETTINGS.averaging.memoryMaxBytes, 0),
      },
      adminToken,
      allowedOrigins: list('allowed-origin').map((origin) => url('allowed-origin', origin)),
      trustedProxies,
      arePrivateWebhooksAllowed: isOn('private-webhooks'),
    },
    json: values.json === true,
    help: values.help === true,
  };
}

/** `NAME` or `NAME <contact>`: strangers read it, so it is short, plain, and its contact a mail or https address. */
function operatorFrom(text: string): Operator | 'wrong' {
  const parts = /^([^<>\p{C}]{1,80}?)(?:\s*<([^<>\s]{1,200})>)?$/u.exec(text.trim());
  if (parts === null) return 'wrong';
  const [, name = '', contact] = parts;
  if (contact === undefined) return { name, contact: null };
  const isMail = /^[^@:/]+@[^@:/]+\.[^@:/]+$/.test(contact);
  const isPage = URL.canParse(contact) && new URL(contact).protocol === 'https:';
  return isMail || isPage ? { name, contact } : 'wrong';
}

const environmentName = (name: OptionName): string =>
  `MURMURATION_${name.toUpperCase().replaceAll('-', '_')}`;
