import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { findBrowser } from './browser.ts';
import { ROOT_DIRECTORY } from './places.ts';

const MURMUR = join(ROOT_DIRECTORY, 'packages', 'cluster', 'bin', 'murmur.mjs');
const murmur = (argv: string[], nodeFlags: string[] = []) =>
  spawnSync(process.execPath, [...nodeFlags, MURMUR, ...argv], { encoding: 'utf8', timeout: 60_000 });
/** This Node, but it says that it is another. */
const asNode = (version: string) => [
  '--import',
  `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"${version}"}})`,
];

describe('the murmur command', () => {
  it('imports nothing but Node before the dependencies are there', () => {
    const text = readFileSync(MURMUR, 'utf8');
    const imported = [...text.matchAll(/^import .* from '([^']+)'/gm)].map((match) => match[1]);
    expect(imported.length).toBeGreaterThan(0);
    expect(imported.filter((specifier) => !specifier!.startsWith('node:'))).toEqual([]);
  });
  it('an old Node is answered with one sentence that says what to do', () => {
    for (const version of ['18.20.4', '20.18.3']) {
      const { status, stderr } = murmur(['doctor'], asNode(version));
      expect([status, stderr.trim().split('\n').length]).toEqual([1, 1]);
      expect(stderr).toContain(`needs Node 20.19 or newer and this is ${version}; install`);
    }
    expect(murmur(['help'], asNode('22.0.0')).status).toBe(0);
  });
  it('an unknown command is answered with all commands and exit code 2', () => {
    const { status, stderr } = murmur(['dmo']);
    expect(status).toBe(2);
    expect(stderr).toContain('there is no command "dmo"');
    expect(stderr).toContain('npm run demo');
    expect(murmur(['constructor']).status).toBe(2);
  });
  it('every command takes its flags from the npm script, and a wrong flag leaves with 2', () => {
    for (const command of ['demo', 'doctor', 'check', 'test', 'bench-grid', 'simulate']) {
      const { status, stdout, stderr } = murmur([command, '--no-such-flag', '1']);
      expect([command, status]).toEqual([command, 2]);
      expect(stdout + stderr).toContain('--no-such-flag: there is no such flag');
    }
  }, 60_000);
});

describe('finding a browser', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  it('a MURMURATION_BROWSER that is no browser is refused by name, not silently replaced', async () => {
    vi.stubEnv('MURMURATION_BROWSER', MURMUR);
    await expect(findBrowser({ say: () => {}, mayInstall: false })).rejects.toThrow(
      `MURMURATION_BROWSER names ${MURMUR}, which is no browser that starts; set it`,
    );
  });
});
