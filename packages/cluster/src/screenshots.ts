/**
 * `npm run screenshots -- volunteer --out DIR`: every screen of the volunteer page, light and dark, 1440, 768 and 360
 * pixels wide, and one from right to left; a PNG each, for eyes.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findBrowser, launchBrowser, probeBrowser } from './browser.ts';
import { parseFlags } from './flags.ts';
import { buildGallery, Gallery } from './gallery.ts';

const FLAGS = {
  out: { kind: 'text', placeholder: 'DIR', help: 'where the pictures go (default .murmuration/screenshots)' },
  only: { kind: 'text', placeholder: 'NAME', help: 'screens whose name begins so, for example paused' },
  lang: { kind: 'choice', choices: ['en', 'de'], help: 'language (default en)' },
} as const;

const WIDTHS = [1440, 768, 360] as const;
const THEMES = ['light', 'dark'] as const;
const PAGES = ['volunteer'] as const;

export async function run(argv: readonly string[]): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const [pages, ...rest] = argv[0]?.startsWith('--') === false ? argv : ['volunteer', ...argv];
  const parsed = parseFlags('npm run screenshots -- volunteer', FLAGS, rest);
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
  await buildGallery();
  const running = await launchBrowser(browser, browser.wish);
  try {
    const context = await running.newContext({ reducedMotion: 'reduce' });
    const page = await context.newPage();
    const gallery = await Gallery.open(page);
    const screens = (await gallery.screens()).filter((name) => name.startsWith(only));
    let count = 0;
    const take = async (name: string) => {
      await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true, animations: 'disabled' });
      count++;
    };
    for (const screen of screens)
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await gallery.show(screen, { lang });
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await take(`${screen}-${width}-${colorScheme}`);
        }
      }
    await page.setViewportSize({ width: 768, height: 900 });
    await gallery.show(screens[0] ?? 'consent', { lang, dir: 'rtl' });
    await take('right-to-left');
    say(`${count} pictures of ${screens.length} screens in ${directory}`);
  } finally {
    await running.close();
  }
  return 0;
}
