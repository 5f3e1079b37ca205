/**
 * axe on the pages as people meet them, in both themes: nothing serious or critical. Screens of a run in progress are
 * reached the way people reach them: a coordinator, a run, a tab that trains.
 */
import AxeBuilder from '@axe-core/playwright';
import { consent } from '@murmuration/cluster';
import type { Page } from '@playwright/test';
import { expect, test } from '../e2e/fixtures.ts';

const THEMES = ['light', 'dark'] as const;
const GRAVE = new Set(['serious', 'critical']);
const START_MAX_MS = 240_000;

async function expectNothingGrave(page: Page, screen: string): Promise<void> {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations, passes } = await new AxeBuilder({ page }).analyze();
    // A page on which no rule applied was not looked at.
    expect(passes.length, `${screen}, ${colorScheme}`).toBeGreaterThan(10);
    const grave = violations
      .filter(({ impact }) => GRAVE.has(impact ?? ''))
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
    expect(grave, `${screen}, ${colorScheme}`).toEqual([]);
  }
}

test('consent, training, paused and the admin page have nothing serious for axe, in both themes', async ({
  grid,
}) => {
  const { manifest } = await grid.createRun(
    { kind: 'digits', trainSampleCount: 400, validationSampleCount: 100 },
    { name: 'accessibility', model: 'mlp', training: { targetAccuracy: null } },
  );
  const tab = await grid.openPage();
  await expect(tab.page.getByRole('button', { name: /^Contribute/ })).toBeVisible();
  await expectNothingGrave(tab.page, 'consent');

  await consent(tab.page, grid.url);
  await grid.until(manifest.id, 'the tab trains', START_MAX_MS, ({ run }) => run.localSteps > 0);
  await expectNothingGrave(tab.page, 'training');
  await tab.page.getByRole('button', { name: 'Pause' }).click();
  await expect(tab.page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await expectNothingGrave(tab.page, 'paused');

  const admin = await tab.context.newPage();
  await admin.goto(`${grid.url}admin#token=${grid.coordinator.adminToken}`);
  await expect(admin.getByText('accessibility').first()).toBeVisible();
  await expectNothingGrave(admin, 'admin');
});
