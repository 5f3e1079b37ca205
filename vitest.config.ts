/** Unit tests lie beside their files; the specs of tests/e2e belong to Playwright (*.spec.ts). */
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** They take longest, and the first has threads of its own: begun last, they would leave cores idle at the end. */
const FIRST = ['simulate-gate.test.ts', 'simulate.test.ts'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) =>
      FIRST.findIndex((name) => moduleId.endsWith(`/${name}`)) + 1 || FIRST.length + 1;
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ['{packages,apps,tests}/**/*.test.{ts,tsx}', 'coordinator/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    // Vitest would leave one core to somebody who works beside it; here nobody does.
    maxWorkers: availableParallelism(),
    // A process for each of two hundred files would read the same modules two hundred times, a quarter of the whole time.
    // A file must leave nothing behind: no server, no timer, no stubbed variable.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    // A test that asserts nothing proves nothing.
    expect: { requireAssertions: true },
    passWithNoTests: false,
    // A guard against hanging, not a bound on speed: CI has two cores and other work.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
