/**
 * Nothing before the click: no GPU device, no WebRTC, no worker, no socket, and neither tfjs nor PeerJS among the bytes
 * that came. After the click all of them appear, so that a probe which looks in the wrong place fails here too.
 */
import type { Page } from '@playwright/test';
import { consent } from '@murmuration/cluster';
import { expect, test } from './fixtures.ts';

test.use({ browsers: 1 });

/** Text that stands in the built library whatever the minifier does. */
const MARKS = { tfjs: 'WEBGPU_MATMUL_PROGRAM_TYPE', peerjs: '0.peerjs.com' };

/** Counts what the page does with the powers that need consent. Runs in the page before its own scripts. */
function countPowers(): void {
  const counts = { gpuAdapters: 0, peerConnections: 0, workers: 0, sockets: 0, locks: 0, battery: 0 };
  Object.assign(globalThis, { powers: counts });
  const counting = <T extends new (...args: never[]) => object>(Original: T, name: keyof typeof counts): T =>
    new Proxy(Original, {
      construct(target, args, newTarget) {
        counts[name]++;
        return Reflect.construct(target, args, newTarget) as object;
      },
    });
  globalThis.RTCPeerConnection = counting(globalThis.RTCPeerConnection, 'peerConnections');
  globalThis.Worker = counting(globalThis.Worker, 'workers');
  globalThis.WebSocket = counting(globalThis.WebSocket, 'sockets');
  const original = GPU.prototype.requestAdapter;
  GPU.prototype.requestAdapter = function (options) {
    counts.gpuAdapters++;
    return original.call(this, options);
  };
  const lock = LockManager.prototype.request as (...args: unknown[]) => Promise<unknown>;
  LockManager.prototype.request = function (this: LockManager, ...args: unknown[]) {
    counts.locks++;
    return lock.apply(this, args);
  } as typeof LockManager.prototype.request;
  const power = Navigator.prototype as unknown as { getBattery: () => Promise<unknown> };
  const getBattery = power.getBattery;
  power.getBattery = function (this: Navigator) {
    counts.battery++;
    return getBattery.call(this);
  };
}
const powers = (page: Page) =>
  page.evaluate(() => (globalThis as unknown as { powers: Record<string, number> }).powers);

test('the volunteer page asks before anything runs: no GPU device, WebRTC, worker, socket or tfjs before the click', async ({
  grid,
}) => {
  const run = await grid.createRun(
    { kind: 'digits', trainSampleCount: 400, validationSampleCount: 100 },
    { name: 'consent', model: 'mlp', training: { targetAccuracy: null } },
  );
  const tab = await grid.openPage();
  const { page } = tab;
  await page.addInitScript(countPowers);
  const scripts: Promise<string>[] = [];
  const urls: string[] = [];
  page.on('response', (response) => {
    urls.push(response.url());
    if (response.request().resourceType() === 'script' || response.url().endsWith('.js'))
      scripts.push(response.text().catch(() => ''));
  });
  await page.reload({ waitUntil: 'networkidle' });
  await expect(page.getByRole('button', { name: /^Contribute/ })).toBeVisible();

  expect(await powers(page)).toEqual({
    gpuAdapters: 0,
    peerConnections: 0,
    workers: 0,
    sockets: 0,
    locks: 0,
    battery: 0,
  });
  expect(scripts.length).toBeGreaterThan(0);
  const before = (await Promise.all(scripts)).join('\n');
  for (const mark of Object.values(MARKS)) expect(before).not.toContain(mark);
  expect(new Set(urls.map((url) => new URL(url).origin))).toEqual(new Set([new URL(grid.url).origin]));

  await consent(page, grid.url);
  await grid.until(
    run.manifest.id,
    'the tab has joined after the click',
    180_000,
    ({ volunteers }) => volunteers.length === 1,
  );
  const after = await powers(page);
  for (const power of ['workers', 'locks', 'battery']) expect(after[power], power).toBeGreaterThan(0);
  await expect.poll(async () => (await Promise.all(scripts)).join('\n').includes(MARKS.tfjs)).toBe(true);
  await expect.poll(async () => (await Promise.all(scripts)).join('\n').includes(MARKS.peerjs)).toBe(true);
});
