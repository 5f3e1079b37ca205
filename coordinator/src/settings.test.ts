import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, readSettings, SettingsError } from './settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'murmuration-settings-'));
const file = join(directory, 'pem');
writeFileSync(file, 'pem');
afterAll(() => rmSync(directory, { recursive: true }));

const read = (args: string[], environment = {}) => readSettings(args, environment).settings;

describe('settings', () => {
  it('without arguments are the defaults: this machine only', () => {
    expect(read([])).toEqual(DEFAULT_SETTINGS);
    expect(DEFAULT_SETTINGS).toMatchObject({
      port: 8080,
      host: '127.0.0.1',
      dataDirectory: '.murmuration/data',
    });
  });

  it('[C12] an argument wins over the environment', () => {
    expect(read(['--port', '1'], { MURMURATION_PORT: '2' }).port).toBe(1);
    expect(read([], { MURMURATION_PORT: '2' }).port).toBe(2);
    const token = { MURMURATION_ADMIN_TOKEN: 'x'.repeat(16) };
    expect(read([], token).adminToken).toBe('x'.repeat(16));
    expect(read([], { MURMURATION_TRUSTED_PROXY: '10.0.0.1,10.0.0.2' }).trustedProxies).toHaveLength(2);
  });

  it('beyond this machine with TLS, behind a TLS proxy, or when the operator insists', () => {
    expect(read(['--host', '0.0.0.0', '--tls-cert', file, '--tls-key', file]).tls).not.toBeNull();
    const proxied = read(['--host', '0.0.0.0', '--public-url', 'https://grid.example/']);
    expect(proxied.publicUrl).toBe('https://grid.example');
    expect(read(['--host', '0.0.0.0', '--insecure-lan']).host).toBe('0.0.0.0');
  });

  it('who asks is a name, alone or with a mail or https address', () => {
    const operator = (text: string) => read(['--operator', text]).operator;
    expect(operator('Ada Lovelace')).toEqual({ name: 'Ada Lovelace', contact: null });
    expect(operator('Ada <ada@example.org>')).toEqual({ name: 'Ada', contact: 'ada@example.org' });
    expect(operator('Ada <https://example.org/grid>')?.contact).toBe('https://example.org/grid');
    for (const wrong of [
      'Ada <javascript:alert(1)>',
      'Ada <http://example.org>',
      '<ada@example.org>',
      'x'.repeat(81),
    ])
      expect(() => operator(wrong), wrong).toThrow(/--operator \(MURMURATION_OPERATOR\)/);
  });

  it('ICE servers and a relay are taken as given', () => {
    const settings = read([
      '--ice-servers',
      '[{"urls":["stun:stun.example"]}]',
      '--turn-url',
      'turn:relay.example:3478',
      '--turn-secret',
      's',
    ]);
    expect(settings.iceServers).toEqual([{ urls: ['stun:stun.example'] }]);
    expect(settings.turn).toEqual({ url: 'turn:relay.example:3478', secret: 's' });
  });

  it.each([
    ['C2', ['--prot', '8080'], /--prot/],
    ['C3', ['--port', '10m'], /--port \(MURMURATION_PORT\).*whole number/],
    ['C3', ['--port', '1.5'], /--port/],
    ['C4', ['--port', '70000'], /--port/],
    ['C5', ['--host', '0.0.0.0'], /--host.*--tls-cert.*--public-url.*--insecure-lan/],
    ['C5', ['--host', '0.0.0.0', '--public-url', 'http://grid.example'], /--host/],
    ['C1', ['--tls-cert', '/nowhere/cert.pem', '--tls-key', file], /--tls-cert.*cannot be read/],
    ['C7', ['--tls-cert', file], /--tls-key.*is missing/],
    ['C8', ['--turn-url', 'turn:x:1'], /--turn-secret.*is missing/],
    ['C8', ['--turn-secret', 'x'], /--turn-url.*is missing/],
    ['C8', ['--turn-url', 'http://x', '--turn-secret', 'x'], /--turn-url.*turn:host/],
    ['C6', ['--admin-token', 'short'], /--admin-token.*16/],
    ['C15', ['--trusted-proxy', '0.0.0.0/0'], /--trusted-proxy.*ranges/],
    ['C3', ['--ice-servers', '{'], /--ice-servers.*JSON/],
    ['C3', ['--ice-servers', '[{"url":"stun:x"}]'], /--ice-servers/],
    ['C3', ['--public-url', 'grid.example'], /--public-url.*https/],
    ['CL1', ['surprise'], /surprise/],
    ['CL2', ['--port'], /--port/],
  ])('[%s] %j is refused by name with the fix', (_id, args, message) => {
    expect(() => read(args)).toThrow(SettingsError);
    expect(() => read(args)).toThrow(message);
  });
});
