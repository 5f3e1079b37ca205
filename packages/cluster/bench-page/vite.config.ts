/** Builds the page of the overhead benchmark; it is never served to anybody but the benchmark's own browser. */
import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  worker: { format: 'es' },
  build: { outDir: 'dist', target: 'es2022', modulePreload: { polyfill: false } },
});
