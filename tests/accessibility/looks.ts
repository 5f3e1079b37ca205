/** How every screen is looked at: axe in both themes, and whether it fits into its window. */
import AxeBuilder from '@axe-core/playwright';
import { launchBrowser, type GpuBrowser } from '@murmuration/cluster';
import { expect } from '@playwright/test';
import type { Page } from '@playwright/test';
import { BROWSER_VARIABLE } from '../e2e/global-setup.ts';

const GRAVE = new Set(['serious', 'critical']);
/** What a theme can change; everything else is the same in both. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];
/** A page on which hardly a rule applied was not looked at. */
const RULES_MIN = 10;

export async function withPage(use: (page: Page) => Promise<void>): Promise<void> {
  const found = JSON.parse(process.env[BROWSER_VARIABLE]!) as GpuBrowser;
  const browser = await launchBrowser(found, found.wish);
  await use(await (await browser.newContext({ reducedMotion: 'reduce' })).newPage());
  await browser.close();
}

/** No page of ours has frames; without them axe need not open another page to add up what it found in each. */
const axeOf = (page: Page): AxeBuilder => new AxeBuilder({ page }).setLegacyMode();

/** @param show draws the screen; it may need to be drawn in the light theme first. */
export async function expectNothingGrave(
  page: Page,
  screen: string,
  show: () => Promise<void> = async () => {},
): Promise<void> {
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await show();
  await expectNothingNow(axeOf(page), `${screen}, light`, RULES_MIN);
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await expectNothingNow(axeOf(page).withRules(COLOUR_RULES), `${screen}, dark`, 1);
}

async function expectNothingNow(axe: AxeBuilder, name: string, rulesMin: number): Promise<void> {
  const { violations, passes } = await axe.analyze();
  expect(passes.length, name).toBeGreaterThanOrEqual(rulesMin);
  const grave = violations
    .filter(({ impact }) => GRAVE.has(impact ?? ''))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  expect(grave, name).toEqual([]);
}

/** CSS pixels by which the page is wider than its window. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
