/**
 * Every screen of the volunteer page, drawn by its own components from states that stand still (the gallery): nothing
 * serious for axe in both themes, no horizontal scroll at 320 px (which is 1280 px at 400 % zoom), also from right to left
 * and in German, and a slider that speaks.
 */
import { buildGallery, Gallery } from '@murmuration/cluster';
import { expect, test as base } from '@playwright/test';
import type { Page } from '@playwright/test';
import { expectNothingGrave, overflowOf, withPage } from './looks.ts';

/** UX.md's list of screens, by the names that the gallery gives them. */
const EXPECTED = [
  'consent',
  'loading',
  'training',
  'paused-user',
  'waiting-need-peers',
  'gpu-no-webgpu',
  'gpu-no-adapter',
  'gpu-too-small',
  'gpu-insecure',
  'recovering-device-lost',
  'finished',
  'settings',
];

const test = base.extend<{ page: Page; gallery: Gallery }, { opened: [Page, Gallery] }>({
  opened: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures this one needs: none.
    async ({}, use) => {
      await buildGallery();
      await withPage(async (page) => use([page, await Gallery.open(page)]));
    },
    { scope: 'worker', timeout: 240_000 },
  ],
  page: async ({ opened }, use) => {
    await opened[0].setViewportSize({ width: 1280, height: 720 });
    await opened[0].emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await use(opened[0]);
  },
  gallery: async ({ opened }, use) => use(opened[1]),
});

test('no screen of the volunteer page has anything serious for axe, in both themes', async ({
  page,
  gallery,
}) => {
  const screens = await gallery.screens();
  expect(screens).toEqual(expect.arrayContaining(EXPECTED));
  for (const screen of screens) await expectNothingGrave(page, screen, () => gallery.show(screen));
});

test('at 320 px nothing scrolls sideways, in English, in German and from right to left, where 360 px are a mirror too', async ({
  page,
  gallery,
}) => {
  for (const screen of await gallery.screens()) {
    await page.setViewportSize({ width: 320, height: 640 });
    for (const options of [{}, { lang: 'de' }, { dir: 'rtl' }]) {
      await gallery.show(screen, options);
      expect(await overflowOf(page), `${screen} ${JSON.stringify(options)}`).toBe(0);
    }
    // On a phone, from right to left.
    await page.setViewportSize({ width: 360, height: 740 });
    expect(await overflowOf(page), screen).toBe(0);
    const direction = await page.locator('main').evaluate((main) => getComputedStyle(main).direction);
    expect(direction, screen).toBe('rtl');
  }
});

test('from right to left the page is a mirror: the reading edge is the right one', async ({
  page,
  gallery,
}) => {
  const iconLeft = async () => (await page.locator('.banner .icon').boundingBox())!.x;
  await gallery.show('training');
  const leftToRight = await iconLeft();
  await gallery.show('training', { dir: 'rtl' });
  expect(await iconLeft()).toBeGreaterThan(leftToRight + 300);
  const heading = await page.locator('#state-word').boundingBox();
  expect(heading!.x + heading!.width).toBeLessThan(await iconLeft());
});

test('the slider speaks the promised and the measured share, and steps by arrow keys', async ({
  page,
  gallery,
}) => {
  await gallery.show('settings');
  await page.getByRole('radio', { name: /^Custom/ }).check();
  const slider = page.getByRole('slider');
  await expect(slider).toHaveAttribute('aria-valuetext', '35 percent, measured 25');
  await slider.press('ArrowRight');
  await expect(slider).toHaveAttribute('aria-valuetext', '36 percent, measured 25');
});

test('a chart is a figure with a sentence and a table, and arrow keys read its values', async ({
  page,
  gallery,
}) => {
  await gallery.show('training');
  const chart = page.getByRole('figure', { name: 'Right answers' });
  await expect(chart).toHaveAccessibleDescription(/Right answers went from 31\.0 % to \d+\.\d %/);
  await chart.focus();
  await chart.press('ArrowLeft');
  await expect(chart).toContainText(/round \d+: \d+\.\d %/);
});
