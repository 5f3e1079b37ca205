/** What a stranger's browser loads of the volunteer page before the click: bytes as they travel, and which libraries are in them. */
import type { Page } from 'playwright';

/** Strings that stand in the built libraries whatever a minifier does. */
const LIBRARY_MARKS = { tfjs: 'WEBGPU_MATMUL_PROGRAM_TYPE', peerjs: '0.peerjs.com' } as const;

export interface PageWeight {
  readonly bytes: number;
  readonly requests: number;
  /** Libraries that ought to come after the click. */
  readonly found: readonly string[];
}

/** @param page of a context that has nothing of it in its cache. */
export async function pageWeight(page: Page, url: string): Promise<PageWeight> {
  const pending: Promise<{ bytes: number; text: string }>[] = [];
  page.on('requestfinished', (request) => {
    // The run's numbers on the consent screen are no part of the page.
    if (new URL(request.url()).pathname.startsWith('/api/')) return;
    pending.push(
      (async () => {
        const { responseBodySize } = await request.sizes();
        return {
          bytes: responseBodySize,
          text: await (await request.response())!.text().catch(() => ''),
        };
      })(),
    );
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  page.removeAllListeners('requestfinished');
  const loaded = await Promise.all(pending);
  const found = Object.entries(LIBRARY_MARKS).flatMap(([name, mark]) =>
    loaded.some(({ text }) => text.includes(mark)) ? [name] : [],
  );
  return { bytes: loaded.reduce((sum, { bytes }) => sum + bytes, 0), requests: loaded.length, found };
}
