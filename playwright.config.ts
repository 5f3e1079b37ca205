/**
 * Real tabs of a real browser. One test at a time: the tabs of one grid already want every core. No retries: a test
 * that sometimes fails is a bug here or in the grid.
 *
 * The browser is found once, in the global setup; tests start it through the cluster room, as the demo does.
 */
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  outputDir: '.murmuration/test-results',
  globalSetup: './tests/e2e/global-setup.ts',
  workers: 1,
  retries: 0,
  // Guards against hanging, not bounds on speed: a machine five times slower than ours must still come to the end of every
  // test, and of all of them. What bounds CI is the time limit of its job.
  timeout: 10 * 60_000,
  globalTimeout: 75 * 60_000,
  forbidOnly: true,
  expect: { timeout: 90_000 },
  reporter: 'list',
  projects: [
    { name: 'e2e', testMatch: 'e2e/**/*.spec.ts' },
    { name: 'chaos', testMatch: 'chaos/**/*.spec.ts' },
    { name: 'accessibility', testMatch: 'accessibility/**/*.spec.ts' },
  ],
});
