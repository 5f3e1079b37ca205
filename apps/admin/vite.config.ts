/**
 * Builds the admin page, served below /admin/. Nothing is inlined into the HTML or as a data: address, so that the
 * strict Content-Security-Policy holds.
 */
import { defineConfig } from 'vite';

/** Where `npm run dev` finds the coordinator. */
const COORDINATOR = process.env['MURMURATION_COORDINATOR'] ?? 'http://localhost:8080';

export default defineConfig({
  base: '/admin/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: 'dist',
    target: 'es2022',
    // The admin page, and the public page of a run.
    rolldownOptions: { input: ['index.html', 'run.html'] },
    manifest: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': COORDINATOR } },
});
