/**
 * The admin page's screens that launch runs and show data, on a real coordinator (the gallery): nothing serious for axe in
 * both themes, nothing that scrolls sideways at 320 px, and a run that is launched without a mouse.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminGallery, CoordinatorProcess } from '@murmuration/cluster';
import { expect, test as base, type Page } from '@playwright/test';
import { expectNothingGrave, overflowOf, withPage } from './looks.ts';

/** `new-run` and `data` are parts of others. */
const EXPECTED = [
  'new-run-file',
  'new-run-everything',
  'new-run-wrong',
  'new-run-model',
  'models',
  'models-refused',
  'model',
  'data-wrong',
  'dataset-table',
  'dataset-pictures',
  'dataset-text',
];
const TABS_MAX = 60;

const test = base.extend<{ page: Page; gallery: AdminGallery }, { opened: [Page, AdminGallery] }>({
  opened: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures this one needs: none.
    async ({}, use) => {
      const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-admin-screens-'));
      const coordinator = new CoordinatorProcess({ port: 0, dataDirectory, logName: 'admin-screens.log' });
      try {
        await coordinator.start();
        await withPage(async (page) => use([page, await AdminGallery.open(page, coordinator.address)]));
      } finally {
        await coordinator.stop();
        await rm(dataDirectory, { recursive: true, force: true });
      }
    },
    { scope: 'worker', timeout: 240_000 },
  ],
  page: async ({ opened }, use) => use(opened[0]),
  gallery: async ({ opened }, use) => use(opened[1]),
});

test('launching and data have nothing serious for axe in both themes, and fit into 320 px', async ({
  page,
  gallery,
}) => {
  expect(gallery.screens).toEqual(expect.arrayContaining(EXPECTED));
  for (const screen of EXPECTED) {
    await page.setViewportSize({ width: 1280, height: 900 });
    await expectNothingGrave(page, screen, () => gallery.show(screen));
    await page.setViewportSize({ width: 320, height: 800 });
    expect(await overflowOf(page), screen).toBe(0);
  }
});

test('a model is kept and a run is launched with it, by the keyboard alone', async ({ page, gallery }) => {
  await page.setViewportSize({ width: 1280, height: 900 });
  // Files are chosen in the system's own window; from there on by keys.
  await gallery.show('models-refused');
  await expect(page.locator(':focus')).toHaveText('2 layers are refused, so the model is.');
  await expect(page.getByRole('row', { name: /^lstm LSTM refused ./ })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Keep the model' })).toHaveCount(0);
  await gallery.show('models');
  await expect(page.locator(':focus')).toHaveText(/layers can be trained here/);
  await page.keyboard.press('Tab');
  await page.keyboard.type('two by hand');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'two by hand', level: 1 })).toBeVisible();
  await page.getByRole('button', { name: 'New run with it' }).press('Enter');
  await expect(page.locator('#model option:checked')).toHaveText(/^two by hand \(/);
  await expect(page.getByText('It would be created as it stands.')).toBeVisible();
  const focused: string[] = [];
  await page.locator('h1').click();
  const button = page.getByRole('button', { name: 'Create the run' });
  for (let tabs = 0; tabs < TABS_MAX; tabs++) {
    await page.keyboard.press('Tab');
    focused.push(await page.evaluate(() => document.activeElement?.id ?? ''));
    if (await button.evaluate((element) => element === document.activeElement)) break;
  }
  expect(focused).toEqual(
    expect.arrayContaining(['model', 'training.targetAccuracy', 'training.roundsMax', 'name']),
  );
  await expect(button).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('main[data-screen="run"]')).toBeVisible();
});
