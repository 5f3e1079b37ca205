/**
 * Real tabs of a real browser. Tabs that train together want every core, so their specs come one after another; beside
 * them runs one of the others, which mostly wait: for the one GPU process, for a page, for a limit to pass. No retries: a
 * test that sometimes fails is a bug here or in the grid.
 *
 * The browser is found once, in the global setup; tests start it through the cluster room, as the demo does.
 */
import { defineConfig } from '@playwright/test';

const TOGETHER = ['e2e/{churn,grid,routes}.spec.ts', 'chaos/**/*.spec.ts'];

export default defineConfig({
  testDir: 'tests',
  outputDir: '.murmuration/test-results',
  globalSetup: './tests/e2e/global-setup.ts',
  workers: 2,
  retries: 0,
  // Guards against hanging, not bounds on speed: a machine five times slower than ours must still come to the end of every
  // test, and of all of them. What bounds CI is the time limit of its job.
  timeout: 10 * 60_000,
  globalTimeout: 75 * 60_000,
  forbidOnly: true,
  expect: { timeout: 90_000 },
  reporter: 'list',
  projects: [
    { name: 'together', testMatch: TOGETHER, workers: 1 },
    { name: 'apart', testMatch: 'e2e/**/*.spec.ts', testIgnore: TOGETHER },
    { name: 'screens', testMatch: 'accessibility/**/*.spec.ts' },
  ],
});
