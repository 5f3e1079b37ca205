/**
 * The connection check of a page against a real relay: what it finds as ways are cut off one after another, and that
 * nobody joins by it.
 */
import type { Page } from '@playwright/test';
import { expect } from './fixtures.ts';
import { test } from './turn-fixture.ts';

test.use({ browsers: 1 });

/** What the connection check of a page says, and what it lists for whoever helps. */
async function checkConnection(page: Page): Promise<{ way: string | null; report: string }> {
  const doctor = page.locator('.connectivity');
  if ((await doctor.getAttribute('open')) === null)
    await page.getByText('Check my connection', { exact: true }).click();
  // What an earlier check said is drawn anew by the next one.
  await doctor.locator('[data-way]').evaluateAll((old) => old.forEach((each) => each.classList.add('old')));
  await doctor.getByRole('button', { name: /^Check (now|again)$/ }).click();
  const verdict = doctor.locator('[data-way]:not(.old)');
  await expect(verdict).toBeVisible();
  return {
    way: await verdict.getAttribute('data-way'),
    report: (await doctor.locator('pre').textContent())!,
  };
}

test('the connection check finds the way that there is, against a real relay, and nobody joins by it', async ({
  grid,
  turn,
}) => {
  const { manifest } = await grid.createRun(
    { kind: 'digits', trainSampleCount: 400, validationSampleCount: 100 },
    { name: 'check', model: 'mlp', training: { targetAccuracy: null } },
  );
  const { page } = await grid.openPage();
  const open = await checkConnection(page);
  expect(open.report).toContain('coordinator by WebSocket: ok');
  expect(open.report).toMatch(/^data channel: ok$/m);
  expect(open.report).toMatch(/^data channel by relay: ok$/m);
  expect(open.report).toMatch(/^data channel by relay candidates: host 0, srflx 0, relayUdp [1-9]/m);
  expect(open.report).toContain(turn.url);
  // Facts for a stranger: no address of this browser.
  expect(open.report).not.toMatch(/candidate:/);
  expect(open.way).toBe('direct');

  // The relay is gone.
  await turn.stop();
  const without = await checkConnection(page);
  expect(without.report).toMatch(/^data channel: ok$/m);
  expect(without.report).toMatch(/^data channel by relay: (?!ok)/m);
  await expect(page.getByText(/^The relay of this coordinator does not answer/)).toBeVisible();

  // WebSockets are cut off, as a proxy may do; then the coordinator altogether.
  await page.evaluate(() => {
    globalThis.WebSocket = class extends WebSocket {
      constructor() {
        super(`ws://${location.hostname}:1`);
      }
    };
  });
  expect((await checkConnection(page)).way).toBe('blocked');
  await expect(page.getByText(/WebSocket\) is refused/)).toBeVisible();
  await grid.coordinator.kill();
  expect((await checkConnection(page)).way).toBe('blocked');
  await expect(page.getByText(/^The coordinator does not answer. Check/)).toBeVisible();
  await grid.coordinator.start();
  expect((await grid.client.snapshot(manifest.id)).volunteers).toEqual([]);
});
