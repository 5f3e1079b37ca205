/**
 * The mesh in real Chromium: two browsers, PeerJS between the pages, bulk channels between the workers, kills with
 * SIGKILL. Self-contained: its own pages and a signalling server that it may kill. Times are printed, never asserted; the
 * goodput is measured by `npm run bench -- wire`.
 */
import { chromium, expect, test, type Browser, type Page } from '@playwright/test';
import { BROWSER_VARIABLE } from './global-setup.ts';
import type { MeshPage } from './mesh/page.ts';
import { Signalling, Site } from './mesh/site.ts';
import type { Seen } from './mesh/words.ts';

declare const mesh: MeshPage;

const id = (letter: string) => `vol_${letter.repeat(26)}`;
const [A, B, C] = [id('a'), id('b'), id('c')];
const STATE_BYTES = 5_000_000;
/** Header, fingerprint of the anchor, number of the chunk. */
const FRAME_OVERHEAD_BYTES = 24 + 8 + 4;

const { executablePath } = JSON.parse(process.env[BROWSER_VARIABLE]!) as { readonly executablePath: string };

// One after the other: they share the signalling server, and one of them kills it.
test.describe.configure({ mode: 'serial', timeout: 300_000 });

let site: Site;
let signalling: Signalling;
let browsers: Browser[] = [];

test.beforeAll(async () => {
  site = await Site.open();
  signalling = new Signalling();
  await signalling.start();
});
test.afterAll(async () => {
  await signalling.kill();
  await site.close();
});
test.afterEach(async () => {
  for (const browser of browsers) await browser.close();
  browsers = [];
});

/** A browser of its own per tab, so that killing a renderer kills exactly one tab. */
async function openTab(name: string, channels: 'transfer' | 'pipe' = 'transfer') {
  const browser = await chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-features=WebRtcHideLocalIpsWithMdns'],
  });
  browsers.push(browser);
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`${name}: ${error.message}`));
  await visit(page, name, channels);
  return { browser, page };
}

async function visit(page: Page, name: string, channels: 'transfer' | 'pipe' = 'transfer'): Promise<void> {
  await page.goto(site.origin);
  const options = { id: name, token: `token-of-${name}`, port: signalling.port, channels };
  await page.evaluate((o) => mesh.start(o), options);
}

const seen = (page: Page): Promise<Seen[]> => page.evaluate(() => mesh.seen());
const countSeen = async (page: Page, want: Partial<Seen>) =>
  (await seen(page)).filter((one) =>
    Object.entries(want).every(([key, value]) => one[key as keyof Seen] === value),
  ).length;
const untilSeen = (page: Page, want: Partial<Seen>, count = 1) =>
  expect
    .poll(() => countSeen(page, want), {
      timeout: 120_000,
      intervals: [50, 100, 200],
      message: JSON.stringify(want),
    })
    .toBe(count);
const hold = (page: Page, peers: string[]) => page.evaluate((names) => mesh.hold(names), peers);

async function linked(left: Page, right: Page, count = 1): Promise<void> {
  await hold(left, [B]);
  await hold(right, [A]);
  await untilSeen(left, { kind: 'peer-open', peer: B }, count);
  await untilSeen(right, { kind: 'peer-open', peer: A }, count);
}

/** Sends one whole state and waits until it was decoded at the other end with the same checksum. */
async function sendState(
  from: Page,
  to: Page,
  names: { from: string; to: string },
  seed: number,
): Promise<void> {
  const crc = await from.evaluate(([peer, bytes, s]) => mesh.sendState(peer, bytes, s), [
    names.to,
    STATE_BYTES,
    seed,
  ] as const);
  await untilSeen(to, { kind: 'peer-frame', peer: names.from, frame: 'state', bytes: STATE_BYTES, crc });
}

test('every rule of a bulk channel holds for real channels, transferred to a worker and piped', async () => {
  const { page } = await openTab(A);
  const titles = await page.evaluate(() => mesh.checkRules());
  expect(titles).toHaveLength(10);
});

for (const [left, right] of [
  ['transfer', 'transfer'],
  ['transfer', 'pipe'],
  ['pipe', 'pipe'],
] as const)
  test(`frames of 5 MB cross both ways and both ends count the same bytes (${left} to ${right})`, async () => {
    const [a, b] = [await openTab(A, left), await openTab(B, right)];
    await linked(a.page, b.page);
    const kindOf = { transfer: 'link-channel', pipe: 'link-pipe' };
    expect(await a.page.evaluate(() => mesh.news())).toContain(kindOf[left]);
    expect(await b.page.evaluate(() => mesh.news())).toContain(kindOf[right]);
    await sendState(a.page, b.page, { from: A, to: B }, 1);
    await sendState(b.page, a.page, { from: B, to: A }, 2);
    // A heartbeat may be on its way at the moment of asking.
    await expect
      .poll(async () => {
        const [there, here] = await Promise.all([a, b].map(({ page }) => page.evaluate(() => mesh.totals())));
        const isEqual =
          there!.bytesSentPeers === here!.bytesReceivedPeers &&
          there!.bytesReceivedPeers === here!.bytesSentPeers;
        return isEqual && there!.bytesSentState;
      })
      .toBe(
        STATE_BYTES +
          FRAME_OVERHEAD_BYTES +
          12 * Math.ceil((STATE_BYTES + FRAME_OVERHEAD_BYTES) / (65_536 - 12)),
      );
    expect(await countSeen(a.page, { kind: 'peer-rejected' })).toBe(0);
  });

test('kill -9 of a renderer is noticed, and the same id links again', async () => {
  const [a, b] = [await openTab(A), await openTab(B)];
  await linked(a.page, b.page);
  const cdp = await b.browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  const renderers = processInfo.filter(({ type }) => type === 'renderer');
  expect(renderers.length).toBeGreaterThan(0);
  const killedAtMs = Date.now();
  for (const { id: pid } of renderers) process.kill(pid, 'SIGKILL');
  await untilSeen(a.page, { kind: 'peer-closed', peer: B });
  const noticed = (await seen(a.page)).find(({ kind }) => kind === 'peer-closed')!;
  console.log(`kill -9 noticed after ${Math.round(noticed.atMs - killedAtMs)} ms as '${noticed.why}'`);
  const again = await b.browser.newPage();
  await visit(again, B);
  await hold(again, [A]);
  await untilSeen(a.page, { kind: 'peer-open', peer: B }, 2);
  await sendState(a.page, again, { from: A, to: B }, 3);
});

test('a page that goes away says bye', async () => {
  const [a, b] = [await openTab(A), await openTab(B)];
  await linked(a.page, b.page);
  const leftAtMs = Date.now();
  await b.page.goto('about:blank');
  await untilSeen(a.page, { kind: 'peer-closed', peer: B });
  const noticed = (await seen(a.page)).find(({ kind }) => kind === 'peer-closed')!;
  console.log(`pagehide noticed after ${Math.round(noticed.atMs - leftAtMs)} ms as '${noticed.why}'`);
  expect(['bye', 'closed']).toContain(noticed.why);
});

test('who is no longer held is dropped at both ends, and can be held again', async () => {
  const [a, b] = [await openTab(A), await openTab(B)];
  await linked(a.page, b.page);
  await hold(b.page, []);
  await untilSeen(b.page, { kind: 'peer-closed', peer: A, why: 'dropped' });
  await untilSeen(a.page, { kind: 'peer-closed', peer: B });
  await linked(a.page, b.page, 2);
});

test('signalling dies and comes back: channels stay open throughout, then new links can be made', async () => {
  const [a, b] = [await openTab(A), await openTab(B)];
  await linked(a.page, b.page);
  await signalling.kill();
  await expect.poll(() => a.page.evaluate(() => mesh.signalling())).not.toBe('open');
  await sendState(a.page, b.page, { from: A, to: B }, 4);
  await signalling.start();
  for (const { page } of [a, b]) {
    await page.evaluate(() => mesh.refresh('token-after-restart'));
    await expect.poll(() => page.evaluate(() => mesh.signalling()), { timeout: 120_000 }).toBe('open');
  }
  const c = await openTab(C);
  await hold(a.page, [B, C]);
  await hold(c.page, [A]);
  await untilSeen(a.page, { kind: 'peer-open', peer: C });
  await sendState(a.page, c.page, { from: A, to: C }, 5);
  expect(await countSeen(a.page, { kind: 'peer-closed' })).toBe(0);
  expect(await countSeen(b.page, { kind: 'peer-closed' })).toBe(0);
});

for (const mischief of ['second-channel', 'control-flood'] as const)
  test(`[PF5] [PF27] [PF28] a stranger's codecs and media are refused unread, and ${mischief} is cut off`, async () => {
    const [a, stranger] = [await openTab(A), await openTab(C)];
    const caller = id(mischief === 'second-channel' ? '0' : '1');
    await hold(a.page, [caller]);
    const address = { id: caller, port: signalling.port, victim: A };
    await stranger.page.evaluate(([to, what]) => mesh.annoy(to, what), [address, mischief] as const);
    // The calls came in order: when the last one was taken, the others had been judged.
    await expect.poll(() => a.page.evaluate(() => mesh.news())).toContain('link-gone: strikes');
    const news = await a.page.evaluate(() => mesh.news());
    expect(news.filter((kind) => kind === 'link-channel')).toHaveLength(1);
    expect(await seen(a.page)).toEqual([]);
  });
