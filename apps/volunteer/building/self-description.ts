/**
 * What the built page says of itself: the commit it was built from, how many bytes of script come after the click (a
 * meta tag that the consent screen reads), and the licences of everything that was bundled (licences.txt). All of it is
 * read from what the bundler really put in, so it cannot fall behind.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export function buildConstants(): Record<string, string> {
  const sourceUrl = process.env['MURMURATION_SOURCE_URL'] ?? '';
  return { BUILD_FACTS: JSON.stringify({ commit: commitHere(), sourceUrl }) };
}

function commitHere(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  try {
    const commit = git('rev-parse', '--short=12', 'HEAD').trim();
    return git('status', '--porcelain').trim() === '' ? commit : `${commit} and changes`;
  } catch {
    return 'unknown';
  }
}

/** `node_modules/@scope/name` or `node_modules/name`, the innermost of a path. */
const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/** What the bundler made, as far as it is looked at here. */
type Built =
  | {
      readonly type: 'chunk';
      readonly fileName: string;
      readonly isEntry: boolean;
      readonly imports: readonly string[];
      readonly dynamicImports: readonly string[];
      /** The module that the chunk stands for. */
      readonly facadeModuleId: string | null;
      readonly code: string;
    }
  | { readonly type: 'asset'; readonly fileName: string; readonly source: string | Uint8Array };
type Bundle = Readonly<Record<string, Built>>;
interface Emitting {
  emitFile(file: { type: 'asset'; fileName: string; source: string }): unknown;
}

/** tfjs on the processor: loaded by who asked for it by name, and by nobody else. */
const ONLY_ASKED_FOR = /\/tfjs-backend-(?:cpu|wasm)\/dist\/index\.js$/;

/** Two Vite plugins: one of the page and one of its worker, which is bundled on its own and counts with it. */
export function selfDescription() {
  const packages = new Set<string>();
  const seldom = new Set<string>();
  const moduleParsed = ({ id }: { readonly id: string }): void => {
    const found = PACKAGE.exec(id.replaceAll('\\', '/').replace(/^\0/, ''));
    if (found !== null) packages.add(found[1]!);
  };
  const page = {
    name: 'self-description',
    moduleParsed,
    generateBundle(this: Emitting): void {
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: licences([...packages].sort()) });
    },
    transformIndexHtml: {
      order: 'post' as const,
      handler: (_html: string, { bundle }: { readonly bundle?: Bundle }) => {
        if (bundle === undefined) return;
        const content = String(laterScriptBytes(bundle, seldom));
        const attrs = { name: 'later-script-bytes', content };
        return [{ tag: 'meta', attrs, injectTo: 'head' as const }];
      },
    },
  };
  const worker = {
    name: 'self-description-worker',
    moduleParsed,
    generateBundle(_options: unknown, bundle: Bundle): void {
      const usual = reached(bundle, (chunk) => [...chunk.imports, ...chunk.dynamicImports]);
      for (const name of Object.keys(bundle)) if (!usual.has(name)) seldom.add(name);
    },
  };
  return { page, worker };
}

/** Chunks that the entries lead to by what `next` names, as long as nobody asked for the processor. */
function reached(bundle: Bundle, next: (chunk: Built & { type: 'chunk' }) => readonly string[]) {
  const found = new Set<string>();
  const visit = (name: string): void => {
    const file = bundle[name];
    if (found.has(name) || file?.type !== 'chunk' || ONLY_ASKED_FOR.test(file.facadeModuleId ?? '')) return;
    found.add(name);
    next(file).forEach(visit);
  };
  for (const file of Object.values(bundle)) if (file.type === 'chunk' && file.isEntry) visit(file.fileName);
  return found;
}

/** Compressed bytes of the scripts that the entry does not import, so that they come after the click. */
function laterScriptBytes(bundle: Bundle, seldom: ReadonlySet<string>): number {
  const first = reached(bundle, ({ imports }) => imports);
  return Object.values(bundle)
    .filter(({ fileName }) => fileName.endsWith('.js') && !first.has(fileName) && !seldom.has(fileName))
    .reduce((sum, file) => sum + gzipSync(file.type === 'chunk' ? file.code : file.source).length, 0);
}

function licences(folders: readonly string[]): string {
  const parts = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as {
      name: string;
      version: string;
      license?: string;
    };
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const words = file === undefined ? '' : readFileSync(`${folder}/${file}`, 'utf8').trim();
    return `${name} ${version}: ${license ?? 'no licence stated'}\n\n${words}`.trim();
  });
  const own = 'Murmuration: Apache-2.0\nhttps://www.apache.org/licenses/LICENSE-2.0';
  return `${[own, ...parts].join(`\n\n${'-'.repeat(72)}\n\n`)}\n`;
}
