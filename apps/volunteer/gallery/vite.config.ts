/** Builds the gallery: every screen of the volunteer page from a state that stands still. For tests and pictures; never shipped. */
import { defineConfig } from 'vite';
import { buildConstants } from '../building/self-description.ts';

export default defineConfig({
  base: './',
  define: buildConstants(),
  publicDir: '../public',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { outDir: 'dist', target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
