/**
 * Every screen of the volunteer page, drawn by its own components from states that stand still (the gallery): nothing
 * serious for axe in both themes, no horizontal scroll at 320 px (which is 1280 px at 400 % zoom), also from right to left
 * and in German, and a slider that speaks.
 */
import AxeBuilder from '@axe-core/playwright';
import { buildGallery, Gallery, launchBrowser, type GpuBrowser } from '@murmuration/cluster';
import { expect, test as base } from '@playwright/test';
import type { Page } from '@playwright/test';
import { BROWSER_VARIABLE } from '../e2e/global-setup.ts';

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
const GRAVE = new Set(['serious', 'critical']);
/** What a theme can change; everything else is the same in both. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

const test = base.extend<{ page: Page; gallery: Gallery }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads from the pattern which fixtures this one needs: none.
  page: async ({}, use) => {
    const found = JSON.parse(process.env[BROWSER_VARIABLE]!) as GpuBrowser;
    const browser = await launchBrowser(found, found.wish);
    const context = await browser.newContext({ reducedMotion: 'reduce' });
    await use(await context.newPage());
    await browser.close();
  },
  gallery: async ({ page }, use) => {
    await buildGallery();
    await use(await Gallery.open(page));
  },
});

async function graveFor(page: Page, rules?: string[]): Promise<{ grave: string[]; looked: number }> {
  const axe = new AxeBuilder({ page });
  const { violations, passes } = await (rules === undefined ? axe : axe.withRules(rules)).analyze();
  const grave = violations
    .filter(({ impact }) => GRAVE.has(impact ?? ''))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  return { grave, looked: passes.length };
}

/** CSS pixels by which the page is wider than its window. */
const overflowOf = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test('no screen of the volunteer page has anything serious for axe, in both themes', async ({
  page,
  gallery,
}) => {
  const screens = await gallery.screens();
  expect(screens).toEqual(expect.arrayContaining(EXPECTED));
  for (const screen of screens) {
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await gallery.show(screen);
    const light = await graveFor(page);
    // A page on which no rule applied was not looked at.
    expect(light.looked, screen).toBeGreaterThan(10);
    expect(light.grave, `${screen}, light`).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    const dark = await graveFor(page, COLOUR_RULES);
    expect(dark.looked, screen).toBeGreaterThan(0);
    expect(dark.grave, `${screen}, dark`).toEqual([]);
  }
});

test('at 320 px nothing scrolls sideways, in English, in German and from right to left', async ({
  page,
  gallery,
}) => {
  await page.setViewportSize({ width: 320, height: 640 });
  for (const screen of await gallery.screens())
    for (const options of [{}, { lang: 'de' }, { dir: 'rtl' }]) {
      await gallery.show(screen, options);
      expect(await overflowOf(page), `${screen} ${JSON.stringify(options)}`).toBe(0);
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

  // On a phone, every screen.
  await page.setViewportSize({ width: 360, height: 740 });
  for (const screen of await gallery.screens()) {
    await gallery.show(screen, { dir: 'rtl' });
    expect(await overflowOf(page), screen).toBe(0);
    const direction = await page.locator('main').evaluate((main) => getComputedStyle(main).direction);
    expect(direction, screen).toBe('rtl');
  }
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
