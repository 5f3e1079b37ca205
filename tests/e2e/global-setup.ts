/** Once before all specs: the browser is found and asked for its adapter, and the pages are built. */
import { adapterText, buildPages, findBrowser, probeBrowser } from '@murmuration/cluster';

/** Where the found browser waits for the fixtures: Playwright's workers inherit the environment. */
export const BROWSER_VARIABLE = 'MURMURATION_TEST_BROWSER';

export default async function setUp(): Promise<void> {
  const say = (line: string) => console.log(line);
  const browser = await probeBrowser(await findBrowser({ say, mayInstall: true }));
  say(`${browser.executablePath} ${browser.version}: ${adapterText(browser.adapter)}`);
  process.env[BROWSER_VARIABLE] = JSON.stringify(browser);
  await buildPages({ say });
}
