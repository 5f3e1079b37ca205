/**
 * The screens on which runs are watched and compared, on a coordinator with a past: nothing serious for axe in both themes,
 * no horizontal scroll on a phone, and the ways through them by keyboard and pointer: comparing, a sweep, a token.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoordinatorProcess, WatchGallery } from '@murmuration/cluster';
import { expect, test as base } from '@playwright/test';
import type { Page } from '@playwright/test';
import { expectNothingGrave, overflowOf, withPage } from './looks.ts';

const test = base.extend<{ page: Page; gallery: WatchGallery }, { opened: [Page, WatchGallery] }>({
  opened: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures this one needs: none.
    async ({}, use) => {
      const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-watch-'));
      const coordinator = new CoordinatorProcess({
        ...{ port: 0, dataDirectory, logName: 'watch-screens.log' },
        environment: { MURMURATION_PRIVATE_WEBHOOKS: '1' },
      });
      await coordinator.start();
      await withPage(async (page) => use([page, await WatchGallery.open(page, coordinator, dataDirectory)]));
      await coordinator.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
    { scope: 'worker', timeout: 240_000 },
  ],
  page: async ({ opened }, use) => use(opened[0]),
  gallery: async ({ opened }, use) => use(opened[1]),
});

test('no screen has anything serious for axe in both themes, and none scrolls sideways on a phone', async ({
  page,
  gallery,
}) => {
  for (const screen of gallery.screens) {
    await page.setViewportSize({ width: 1280, height: 800 });
    await expectNothingGrave(page, screen, () => gallery.show(screen));
    await page.setViewportSize({ width: 320, height: 640 });
    await expect.poll(() => overflowOf(page), { message: screen }).toBe(0);
  }
});

test('runs are picked by keyboard and compared, and the view is the address', async ({ page, gallery }) => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await gallery.show('runs');
  for (const name of ['digits rate 0.003', 'digits rate 0.01 and sign']) {
    const box = page.getByRole('checkbox', { name: `Pick ${name} for comparison` });
    await box.focus();
    await box.press('Space');
  }
  await page.getByRole('button', { name: 'Compare 2 runs' }).press('Enter');
  const differing = page.getByRole('region', { name: 'What differs in the configuration' });
  await expect(differing.getByRole('row', { name: /^training\.codec int8 sign$/ })).toBeVisible();
  await expect(differing.getByRole('row', { name: /^seed/ })).toHaveCount(0);
  await page.getByRole('combobox', { name: /^Curve/ }).selectOption('loss');
  await page.getByRole('combobox', { name: /^Along/ }).selectOption('round');
  await page.getByRole('slider', { name: /^Smoothing/ }).press('Home');
  await expect(page).toHaveURL(/#\/compare\?runs=run_\w+,run_\w+&metric=loss&axis=round&smooth=0\.00$/);
  await page.reload();
  await expect(page.getByRole('combobox', { name: /^Curve/ })).toHaveValue('loss');
  const reader = page.getByRole('slider', { name: 'Read the curves at' });
  await reader.press('ArrowLeft');
  await expect(reader).toHaveAttribute('aria-valuetext', /^Round \d+: digits rate 0\.003 \d/);
  await page.getByRole('button', { name: 'Take digits rate 0.003 out of the comparison' }).press('Enter');
  await expect(page).toHaveURL(/runs=run_\w+&/);
});

test('a sweep is made from the form, and its table and picture come', async ({ page, gallery }) => {
  await gallery.show('sweeps');
  await page.getByRole('button', { name: 'New sweep' }).click();
  await page.getByLabel('Name', { exact: false }).first().fill('by hand');
  await page.getByRole('textbox', { name: 'Values' }).fill('0.02, 0.002');
  await expect(page.getByText('This makes 2 runs.')).toBeVisible();
  await page.getByRole('button', { name: 'Create the sweep' }).click();
  await expect(page.getByRole('heading', { name: 'by hand', level: 1 })).toBeVisible();
  await expect(page.getByRole('row')).toHaveCount(3);
  await expect(page.getByText('No trial was measured yet.')).toBeVisible();
  await gallery.show('sweep');
  await expect(
    page.getByRole('figure', { name: /^Results\. 6 trials by validation accuracy/ }),
  ).toBeVisible();
});

test('a token is shown once, works, and is refused after it was revoked', async ({ page, gallery }) => {
  await gallery.show('access');
  const token = await page.getByLabel('The token “nightly job” is made').inputValue();
  const asked = () =>
    page.evaluate(
      async (bearer) =>
        (await fetch('/api/runs', { headers: { authorization: `Bearer ${bearer}` }, credentials: 'omit' }))
          .status,
      token,
    );
  expect(await asked()).toBe(200);
  await page.reload();
  await expect(page.getByRole('row', { name: /^nightly job/ }).first()).toBeVisible();
  expect(await page.content()).not.toContain(token);
  const revoke = page.getByRole('button', { name: 'Revoke nightly job' });
  for (let left = await revoke.count(); left > 0; left--) {
    await revoke.first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke the token' }).click();
    await expect(revoke).toHaveCount(left - 1);
  }
  expect(await asked()).toBe(401);
});
