/**
 * axe on the pages as people meet them, in both themes: nothing serious or critical. Screens of a run in progress are
 * reached the way people reach them: a coordinator, a run, a tab that trains.
 */
import { consent } from '@murmuration/cluster';
import { expect, test } from '../e2e/fixtures.ts';
import { expectNothingGrave } from './looks.ts';

test.use({ browsers: 1 });

const START_MAX_MS = 240_000;

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
