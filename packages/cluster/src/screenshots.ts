/**
 * `npm run screenshots -- volunteer|admin --out DIR`: every screen of a page, light and dark, 1440, 768 and 360 pixels wide,
 * a PNG each, for eyes. The volunteer page is drawn from states that stand still, and once from right to left; the admin
 * page by clicking through a coordinator, which is then given a past.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AdminGallery } from './admin-gallery.ts';
import { findBrowser, launchBrowser, probeBrowser } from './browser.ts';
import { CoordinatorProcess } from './coordinator-process.ts';
import { parseFlags } from './flags.ts';
import { buildGallery, Gallery } from './gallery.ts';
import { buildPages } from './pages.ts';
import { WatchGallery } from './watch-gallery.ts';

const FLAGS = {
  out: { kind: 'text', placeholder: 'DIR', help: 'where the pictures go (default .murmuration/screenshots)' },
  only: { kind: 'text', placeholder: 'NAME', help: 'screens whose name begins so, for example paused' },
  lang: { kind: 'choice', choices: ['en', 'de'], help: 'language (default en)' },
} as const;

const WIDTHS = [1440, 768, 360] as const;
const THEMES = ['light', 'dark'] as const;
const PAGES = ['volunteer', 'admin'] as const;

export async function run(argv: readonly string[]): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const [pages, ...rest] = argv[0]?.startsWith('--') === false ? argv : ['volunteer', ...argv];
  const parsed = parseFlags('npm run screenshots -- volunteer|admin', FLAGS, rest);
  if (parsed.kind !== 'flags') {
    say(parsed.kind === 'help' ? parsed.text : parsed.message);
    return parsed.kind === 'help' ? 0 : 2;
  }
  if (!PAGES.some((each) => each === pages)) {
    say(`"${pages}" is no page that there are pictures of; write npm run screenshots -- ${PAGES.join('|')}`);
    return 2;
  }
  const { out = '.murmuration/screenshots', only = '', lang = 'en' } = parsed.flags;
  const directory = resolve(out);
  await mkdir(directory, { recursive: true });
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  await (pages === 'admin' ? buildPages({ say }) : buildGallery());
  const running = await launchBrowser(browser, browser.wish);
  try {
    const context = await running.newContext({ reducedMotion: 'reduce' });
    const page = await context.newPage();
    let count = 0;
    const take = async (name: string) => {
      await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true, animations: 'disabled' });
      count++;
    };
    const takeAll = async (screen: string, show: (() => Promise<void>) | null) => {
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await show?.();
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await take(`${screen}-${width}-${colorScheme}`);
        }
      }
    };
    const wanted = (screens: readonly string[]) => screens.filter((name) => name.startsWith(only));
    let screens: readonly string[];
    if (pages === 'admin')
      screens = await withCoordinator(async (coordinator, dataDirectory) => {
        const takeEach = async (gallery: AdminGallery | WatchGallery) => {
          const names = wanted(gallery.screens);
          for (const screen of names) {
            await gallery.show(screen);
            await takeAll(screen, null);
          }
          return names;
        };
        const launching = await takeEach(await AdminGallery.open(page, coordinator.address));
        return [...launching, ...(await takeEach(await WatchGallery.open(page, coordinator, dataDirectory)))];
      });
    else {
      const gallery = await Gallery.open(page);
      screens = wanted(await gallery.screens());
      for (const screen of screens) await takeAll(screen, () => gallery.show(screen, { lang }));
      await page.setViewportSize({ width: 768, height: 900 });
      await gallery.show(screens[0] ?? 'consent', { lang, dir: 'rtl' });
      await take('right-to-left');
    }
    say(`${count} pictures of ${screens.length} screens in ${directory}`);
  } finally {
    await running.close();
  }
  return 0;
}

/** A coordinator on fresh data, as long as `work` takes. */
async function withCoordinator<T>(
  work: (coordinator: CoordinatorProcess, dataDirectory: string) => Promise<T>,
): Promise<T> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'murmuration-screenshots-'));
  const coordinator = new CoordinatorProcess({
    ...{ port: 0, dataDirectory, logName: 'screenshots.log' },
    // The alert among the screens goes to this coordinator itself.
    environment: { MURMURATION_PRIVATE_WEBHOOKS: '1' },
  });
  try {
    await coordinator.start();
    return await work(coordinator, dataDirectory);
  } finally {
    await coordinator.stop();
    await rm(dataDirectory, { recursive: true, force: true });
  }
}
