/**
 * Builds the volunteer page. What a stranger downloads before the click is the entry with its style; the worker, tfjs
 * and PeerJS are chunks of their own (initial-bytes.test.ts holds the budget).
 *
 * Nothing is inlined into the HTML or as a data: address, so that the strict Content-Security-Policy holds. What the page
 * says of itself (commit, bytes that come later, licences) is written by building/self-description.ts.
 */
import { defineConfig } from 'vite';
import { buildConstants, selfDescription } from './building/self-description.ts';

/** Where `npm run dev` finds the coordinator. */
const COORDINATOR = process.env['MURMURATION_COORDINATOR'] ?? 'http://localhost:8080';
const socket = { target: COORDINATOR, ws: true };
const description = selfDescription();

export default defineConfig({
  base: '/',
  define: buildConstants(),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  plugins: [description.page],
  worker: { format: 'es', plugins: () => [description.worker] },
  build: {
    outDir: 'dist',
    target: 'es2022',
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': COORDINATOR, '/blobs': COORDINATOR, '/ws': socket, '/signal': socket } },
});
