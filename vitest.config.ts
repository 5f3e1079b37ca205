/** Unit tests lie beside their files; the specs of tests/e2e belong to Playwright (*.spec.ts). */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{packages,apps,tests}/**/*.test.{ts,tsx}', 'coordinator/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // A test that asserts nothing proves nothing.
    expect: { requireAssertions: true },
    passWithNoTests: false,
    // A guard against hanging, not a bound on speed: CI has two cores and other work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
