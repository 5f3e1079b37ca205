/**
 * What a stranger's browser loads before the click, measured on a fresh build that is never written to disk: no stale
 * `dist` can make it pass.
 */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';

const INITIAL_MAX_BYTES = 60_000;

type Chunk = Rolldown.OutputChunk;
let output: readonly (Chunk | Rolldown.OutputAsset)[] = [];
let initial: readonly Chunk[] = [];

const isChunk = (file: Chunk | Rolldown.OutputAsset): file is Chunk => file.type === 'chunk';

beforeAll(async () => {
  const built = await build({
    root: fileURLToPath(new URL('..', import.meta.url)),
    logLevel: 'error',
    build: { write: false },
  });
  if (Array.isArray(built) || !('output' in built)) throw new Error('vite build did not answer one output');
  output = built.output;
  const chunks = new Map(output.filter(isChunk).map((chunk) => [chunk.fileName, chunk]));
  const found = new Set<Chunk>();
  const visit = (chunk: Chunk) => {
    if (found.has(chunk)) return;
    found.add(chunk);
    for (const name of chunk.imports) {
      const imported = chunks.get(name);
      if (imported === undefined) throw new Error(`${chunk.fileName} imports ${name}, which was not built`);
      visit(imported);
    }
  };
  for (const chunk of chunks.values()) if (chunk.isEntry) visit(chunk);
  initial = [...found];
}, 120_000);

const hasModule = (chunk: Chunk, pattern: RegExp) => chunk.moduleIds.some((id) => pattern.test(id));
/** The rooms that hold tfjs and PeerJS, and those packages themselves. */
const HEAVY = /@tensorflow|peerjs|packages\/(trainer|mesh|swarm|codec)\//;

describe('before the click', () => {
  it('script and style together are at most 60 kB gzip', () => {
    const styles = output.filter((file) => !isChunk(file) && file.fileName.endsWith('.css'));
    const sizes = [
      ...initial.map((chunk) => [chunk.fileName, gzipSync(chunk.code).length] as const),
      ...styles.map(
        (file) => [file.fileName, gzipSync((file as Rolldown.OutputAsset).source).length] as const,
      ),
    ];
    expect(initial.length).toBeGreaterThan(0);
    expect(styles.length).toBeGreaterThan(0);
    const totalBytes = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
    expect(totalBytes, JSON.stringify(Object.fromEntries(sizes))).toBeLessThanOrEqual(INITIAL_MAX_BYTES);
  });

  it('nothing of tfjs, PeerJS or the rooms that hold them is loaded', () => {
    expect(initial.filter((chunk) => hasModule(chunk, HEAVY)).map((chunk) => chunk.moduleIds)).toEqual([]);
    // The check can see them where they are: PeerJS stands in a chunk that is imported after the click.
    expect(
      output.filter(isChunk).some((chunk) => !initial.includes(chunk) && hasModule(chunk, /peerjs/)),
    ).toBe(true);
  });

  it('the bytes that are said to come after the click are those of a WebGPU volunteer', () => {
    const html = String(
      (output.find(({ fileName }) => fileName === 'index.html') as Rolldown.OutputAsset).source,
    );
    const said = Number(/name="later-script-bytes" content="(\d+)"/.exec(html)![1]);
    const later = output.filter(
      ({ fileName }) => fileName.endsWith('.js') && !initial.some((chunk) => chunk.fileName === fileName),
    );
    const code = (file: Chunk | Rolldown.OutputAsset) => String(isChunk(file) ? file.code : file.source);
    const kernels = /backendName:[`'"](?:cpu|wasm)[`'"]/g;
    const processor = later.filter((file) => [...code(file).matchAll(kernels)].length > 50);
    expect(processor).toHaveLength(2);
    const size = (files: typeof later) => files.reduce((sum, file) => sum + gzipSync(code(file)).length, 0);
    expect(said).toBeLessThanOrEqual(size(later) - size(processor));
    expect(said).toBeGreaterThan(size(later.filter(({ fileName }) => /worker-|page-/.test(fileName))));
    expect(output.filter(({ fileName }) => fileName.endsWith('.wasm'))).toHaveLength(1);
    expect(html).not.toContain('.wasm');
  });

  it('the HTML loads the entry and its style and nothing else', () => {
    const html = output.find((file) => file.fileName === 'index.html');
    if (html === undefined || isChunk(html)) throw new Error('no index.html was built');
    const loaded = [...String(html.source).matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(
      (match) => match[1],
    );
    const allowed = initial.map((chunk) => `/${chunk.fileName}`);
    expect(loaded.filter((name) => !allowed.includes(name!) && !name!.endsWith('.css'))).toEqual([]);
    expect(loaded).toContain(allowed[0]);
    expect(String(html.source)).not.toMatch(/<script(?![^>]*\bsrc=)/);
  });
});
