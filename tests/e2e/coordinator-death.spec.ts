/**
 * The coordinator is killed with SIGKILL in the middle of a run and started again on the same data: the same run goes
 * on, nothing that it had acknowledged is lost, and the tabs trained and exchanged in the meantime. One tab could not
 * load its links' program at first, as when the coordinator dies while a page opens.
 */
import type { Page } from '@playwright/test';
import { expect, test, volunteerOf } from './fixtures.ts';

const TABS = 2;
/** More than any machine can do while this test looks: nothing but the coordinator, come back, can end the run. */
const ROUNDS_MAX = 100_000;
const ACCURACY_MIN = 0.9;
const START_MAX_MS = 240_000;
const GO_ON_MAX_MS = 240_000;
/** Closed after the coordinator is back. */
const ROUNDS_AFTER_MIN = 10;
/** Samples trained and rounds exchanged by each tab while nobody coordinates. */
const SAMPLES_ALONE_MIN = 400;
const ROUNDS_ALONE_MIN = 2;

/** One of the numbers that the volunteer page shows, by its label. */
async function shown(page: Page, label: string | RegExp): Promise<number> {
  const figure = page.locator('dl.numbers > div').filter({ has: page.locator('dt', { hasText: label }) });
  const text = await figure.locator('dd strong').innerText();
  return Number(text.replaceAll(/[^\d]/g, ''));
}
const samplesHere = (page: Page) => shown(page, 'Samples, counted here');
const confirmed = (page: Page) => shown(page, 'Samples, confirmed');
const rounds = (page: Page) => shown(page, /^Rounds/);

test('kill -9 of the coordinator: tabs train on, the same run goes on from its store, no acknowledged result is lost', async ({
  grid,
}) => {
  const { manifest } = await grid.createRun(
    { kind: 'digits', trainSampleCount: 8_000, validationSampleCount: 500 },
    {
      name: 'coordinator death',
      model: 'mlp',
      seed: 7,
      training: { targetAccuracy: null, roundsMax: ROUNDS_MAX, evaluateEveryRounds: 5, peersMin: TABS },
    },
  );
  const runId = manifest.id;
  const opened = await grid.openVolunteers(runId, TABS - 1);
  opened.push(
    await grid.openVolunteer(runId, ({ page }) =>
      page.route('**/assets/page-*.js', (route) => route.abort('connectionreset'), { times: 1 }),
    ),
  );
  const before = await grid.until(
    runId,
    'results are acknowledged, a checkpoint is stored and both tabs exchange',
    START_MAX_MS,
    ({ run, volunteers }) =>
      run.latest !== null &&
      volunteers.every(
        ({ totals, confirmedSamples }) => totals.rounds >= 2 && totals.peersNow === 1 && confirmedSamples > 0,
      ),
  );
  // What the pages show as confirmed was acknowledged to them: the promise that must survive.
  const promised = await Promise.all(opened.map(({ tab }) => confirmed(tab.page)));
  // The browser remembers that failure: the tab was linked by asking under another address.
  expect(opened[1]!.tab.consoleErrors.join()).toContain('no links with peers');
  await grid.coordinator.kill();

  for (const { tab } of opened) {
    const [samples, round] = [await samplesHere(tab.page), await rounds(tab.page)];
    await expect
      .poll(() => samplesHere(tab.page), { timeout: GO_ON_MAX_MS })
      .toBeGreaterThan(samples + SAMPLES_ALONE_MIN);
    await expect
      .poll(() => rounds(tab.page), { timeout: GO_ON_MAX_MS })
      .toBeGreaterThanOrEqual(round + ROUNDS_ALONE_MIN);
  }

  // The page says what is going on, and stops saying it.
  const away = opened[0]!.tab.page.getByText(/^The coordinator is away/);
  await expect(away).toBeVisible();
  await grid.coordinator.start();
  const back = await grid.until(
    runId,
    'both tabs are back by themselves',
    GO_ON_MAX_MS,
    ({ volunteers }) => volunteers.length === TABS && volunteers.every(({ connected }) => connected),
  );
  for (const [index, { id }] of opened.entries()) {
    expect(volunteerOf(back, id).confirmedSamples).toBeGreaterThanOrEqual(promised[index]!);
    expect(volunteerOf(back, id).confirmedSamples).toBeGreaterThanOrEqual(
      volunteerOf(before, id).confirmedSamples,
    );
  }
  await expect(away).toBeHidden();
  expect(back.run.manifest).toEqual(manifest);
  // The same term: nobody had to start again from a checkpoint, the tabs kept the state.
  expect(back.run.term).toBe(before.run.term);
  expect(back.run.best!.accuracy!).toBeGreaterThanOrEqual(before.run.best!.accuracy!);

  const later = await grid.until(
    runId,
    'both go on with it, and the model is good',
    GO_ON_MAX_MS,
    ({ run, volunteers }) =>
      run.round >= back.run.round + ROUNDS_AFTER_MIN &&
      run.best!.accuracy! >= ACCURACY_MIN &&
      volunteers.every(
        ({ id, confirmedSamples }) => confirmedSamples > volunteerOf(back, id).confirmedSamples,
      ),
  );
  expect(later.run.term).toBe(before.run.term);
  await grid.client.order(runId, 'finish');
  const end = await grid.until(runId, 'the run ends', GO_ON_MAX_MS, ({ run }) => run.state === 'finished');
  // [R6] A machine that stalls for longer than a link may be silent parts the two: one fork, which heals.
  expect(end.run.divergences).toBeLessThanOrEqual(1);
  expect(end.run.round).toBeGreaterThan(before.run.round + ROUNDS_ALONE_MIN);
});
