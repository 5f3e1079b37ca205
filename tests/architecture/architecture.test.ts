import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOMS } from './arrows.ts';
import { roomsWithoutRow, violations, type SourceFile } from './tidy.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const READ = /\.(ts|tsx|mts|mjs|js|css|html|md|sh|ya?ml)$|(^|\/)(package|tsconfig)\.json$/;

/** Everything that git has or would take, so that nothing built or installed is read. */
function realTree(): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return [...new Set(listed.split('\n'))]
    .filter((path) => READ.test(path) && existsSync(join(ROOT, path)))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

describe('the house, as it stands', () => {
  const files = realTree();
  const architecture = files.find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '';

  it('is read at all', () => {
    expect(files.length).toBeGreaterThan(50);
  });
  it('every package has a row in the table of arrows', () => {
    expect(roomsWithoutRow(ROOMS, files)).toEqual([]);
  });
  it('every import follows an arrow, and every house rule holds', () => {
    expect(violations(ROOMS, files, architecture)).toEqual([]);
  });
});

describe('each rule bites', () => {
  const manifest = (name: string, ...dependencies: string[]) =>
    JSON.stringify({
      name: `@murmuration/${name}`,
      dependencies: Object.fromEntries(dependencies.map((each) => [each, '*'])),
    });
  const PURE_CONFIG = JSON.stringify({ compilerOptions: { lib: ['ES2024'], types: [] } });
  const house: Record<string, string> = {
    'package.json': JSON.stringify({ name: 'murmuration', devDependencies: { vitest: '*' } }),
    'packages/swarm/package.json': manifest('swarm', '@murmuration/protocol'),
    'packages/swarm/tsconfig.json': PURE_CONFIG,
    'packages/mesh/package.json': manifest(
      'mesh',
      '@murmuration/swarm',
      'peerjs',
      '@tensorflow/tfjs-core',
      'fastify',
    ),
    'packages/trainer/package.json': manifest(
      'trainer',
      '@tensorflow/tfjs-core',
      '@murmuration/mesh',
      'peerjs',
    ),
    'packages/cluster/package.json': manifest('cluster', 'playwright'),
    'packages/simulator/package.json': manifest('simulator', '@murmuration/coordinator'),
    'packages/simulator/tsconfig.json': PURE_CONFIG,
    'coordinator/package.json': manifest('coordinator', 'fastify', '@murmuration/swarm'),
    'coordinator/src/ledger.ts': "import './lease.ts';",
    'coordinator/src/introductions.ts': 'export {};',
    'coordinator/src/lease.ts': 'export const due = (nowMs: number) => nowMs > 1;',
  };
  const ARCHITECTURE = ROOMS.map(({ folder }) => `\`${folder}/\``).join('\n');
  const withFiles = (planted: Record<string, string>, architecture = ARCHITECTURE) =>
    violations(
      ROOMS,
      Object.entries({ ...house, ...planted }).map(([path, text]) => ({ path, text })),
      architecture,
    );
  const bites = (path: string, text: string, words: string) => {
    const found = withFiles({ [path]: text });
    expect(found, text).toHaveLength(1);
    expect(found[0]).toContain(path);
    expect(found[0]).toContain(words);
  };

  it('a clean house has no violation', () => {
    expect(withFiles({})).toEqual([]);
    expect(
      withFiles({
        'packages/mesh/src/a.ts':
          "import type { Effect } from '@murmuration/swarm'; import { Peer } from 'peerjs'; new Peer(); document.title;",
        'packages/swarm/src/a.ts':
          "// Math.random and Date.now are banned\nexport const text = 'new Date()'; export const at = (ms: number) => new Date(ms); export const plan = { setTimeout: 1, fetch: 2 }; plan.fetch;",
        'packages/swarm/src/a.test.ts':
          "import { it } from 'vitest'; import { readFileSync } from 'node:fs'; it('a', () => {}); Date.now(); readFileSync('a');",
        'packages/cluster/src/a.ts':
          "import { chromium } from 'playwright'; import { join } from 'node:path'; process.exit(join('a') ? 0 : chromium ? 1 : 2);",
      }),
    ).toEqual([]);
  });
  it('an arrow that is not in the table', () => {
    bites('packages/trainer/src/a.ts', "import '@murmuration/mesh';", 'no arrow from packages/trainer');
    bites(
      'coordinator/src/a.ts',
      "import type { Effect } from '@murmuration/swarm';",
      'no arrow from coordinator',
    );
    bites(
      'packages/simulator/src/a.ts',
      "import '@murmuration/coordinator';",
      'no arrow from packages/simulator',
    );
    expect(withFiles({ 'packages/simulator/src/a.ts': "import '@murmuration/coordinator/ledger';" })).toEqual(
      [],
    );
  });
  it('values where only types may be taken', () => {
    bites(
      'packages/mesh/src/a.ts',
      "import { Volunteer } from '@murmuration/swarm'; new Volunteer();",
      'types only',
    );
    bites('packages/mesh/src/a.ts', "export { Volunteer } from '@murmuration/swarm';", 'types only');
    bites('packages/mesh/src/a.ts', "await import('@murmuration/swarm');", 'types only');
    bites(
      'packages/mesh/src/a.ts',
      "import { type Effect } from '@murmuration/swarm'; export type E = Effect;",
      'types only',
    );
  });
  it('tfjs outside the trainer, peerjs outside the mesh, fastify and node outside coordinator and cluster', () => {
    bites('packages/mesh/src/a.ts', "import '@tensorflow/tfjs-core';", 'not a package of packages/mesh');
    bites(
      'packages/mesh/src/a.ts',
      "import fastify from 'fastify'; fastify();",
      'not a package of packages/mesh',
    );
    bites(
      'packages/trainer/src/a.ts',
      "import { Peer } from 'peerjs'; new Peer();",
      'not a package of packages/trainer',
    );
    bites('packages/trainer/src/a.ts', "import { join } from 'node:path'; join('a');", 'node:* belongs to');
  });
  it('a path into another room', () => {
    bites('packages/mesh/src/a.ts', "import '../../swarm/src/volunteer.ts';", 'another room');
    bites('packages/mesh/src/a.ts', "import '../../../tests/e2e/fixtures.ts';", 'another room');
  });
  it('time and chance in a pure room, and in what a pure entry reaches', () => {
    bites('packages/swarm/src/a.ts', 'export const at = Date.now();', 'Date.now');
    bites('packages/swarm/src/a.ts', 'export const at = new Date();', 'new Date()');
    bites('packages/swarm/src/a.ts', 'export const at = Math.random() * 2;', 'Math.random');
    bites('packages/swarm/src/a.ts', 'setTimeout(() => {}, 1);', 'setTimeout');
    bites('packages/swarm/src/a.ts', 'export const f = async () => (await fetch("a")).ok;', 'fetch');
    bites('packages/swarm/src/a.ts', 'export const f = { at: performance.now() };', 'performance');
    bites('coordinator/src/lease.ts', 'export const at = Date.now();', 'Date.now');
    expect(withFiles({ 'coordinator/src/clock.ts': 'export const at = Date.now();' })).toEqual([]);
  });
  it('page globals outside apps, mesh and trainer', () => {
    bites('packages/cluster/src/a.ts', 'export const f = () => document.title;', 'document');
    bites('packages/swarm/src/a.ts', 'export const gpu = navigator.gpu;', 'navigator');
    expect(withFiles({ 'packages/cluster/page/a.ts': 'export const f = () => document.title;' })).toEqual([]);
  });
  it('a package that package.json does not declare', () => {
    bites('packages/trainer/src/a.ts', "import '@tensorflow/tfjs-layers';", 'does not declare');
  });
  it('a file that is too long, unfinished, or a drawer', () => {
    bites('packages/swarm/src/a.ts', '// a\n'.repeat(401), '401 lines');
    bites('packages/swarm/src/a.test.ts', '// a\n'.repeat(601), '601 lines');
    bites('packages/swarm/src/a.ts', `// ${'TO' + 'DO'}: later`, 'finish it');
    bites('packages/swarm/src/utils.ts', 'export const a = 1;', 'drawer');
    bites('packages/swarm/src/helpers/a.ts', 'export const a = 1;', 'drawer');
  });
  it('a file that cannot be parsed', () => {
    bites('packages/swarm/src/a.ts', 'export const = 1;', 'cannot be parsed');
  });
  it('a pure room that compiles with more than ES2024', () => {
    bites(
      'packages/swarm/tsconfig.json',
      JSON.stringify({ compilerOptions: { lib: ['ES2024', 'DOM'], types: [] } }),
      'lib ["ES2024"]',
    );
    bites(
      'packages/swarm/tsconfig.json',
      JSON.stringify({ compilerOptions: { lib: ['ES2024'] } }),
      'types []',
    );
  });
  it('a room that ARCHITECTURE.md does not name, a package without a row', () => {
    const found = withFiles({}, ARCHITECTURE.replace('`packages/mesh/`', ''));
    expect(found).toEqual([expect.stringContaining('`packages/mesh/`')]);
    expect(roomsWithoutRow(ROOMS, [{ path: 'packages/new/package.json', text: '{}' }])).toEqual([
      'packages/new',
    ]);
  });
});
