/** Bundles the saboteur into one script without imports, to be put before another. */
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    lib: {
      entry: 'armed-worker.ts',
      formats: ['iife'],
      name: 'armedWorker',
      fileName: () => 'armed-worker.js',
    },
    outDir: 'dist',
    target: 'es2022',
    minify: false,
  },
});
