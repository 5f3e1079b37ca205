/**
 * What a page and its worker hold of JavaScript's memory after their garbage was collected: heap and array buffers. Asked of
 * the browser's own inspector, at once, where `measureUserAgentSpecificMemory` (`npm run visit:memory`) takes its time.
 */
import type { CDPSession, Page } from '@playwright/test';

export interface HeldBytes {
  readonly page: number;
  readonly worker: number;
}

interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize: number;
}
const bytesOf = ({ usedSize, backingStorageSize }: HeapUsage) => usedSize + backingStorageSize;

/** @throws Error when the page has no worker */
export async function heldBytes(page: Page): Promise<HeldBytes> {
  if (page.workers().length !== 1)
    throw new Error(`the page has ${page.workers().length} workers; one trains`);
  const session = await page.context().newCDPSession(page);
  try {
    const askWorker = await workerOf(session);
    await askWorker('HeapProfiler.collectGarbage');
    await session.send('HeapProfiler.collectGarbage');
    return {
      // The protocol's published types lack what holds the array buffers.
      page: bytesOf((await session.send('Runtime.getHeapUsage')) as unknown as HeapUsage),
      worker: bytesOf((await askWorker('Runtime.getHeapUsage')) as HeapUsage),
    };
  } finally {
    await session.detach();
  }
}

/** Playwright's session speaks to the page; a worker behind it is spoken to in envelopes. */
async function workerOf(session: CDPSession): Promise<(method: string) => Promise<unknown>> {
  const waiting = new Map<number, (result: unknown) => void>();
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  const attached = new Promise<string>((resolve) => {
    session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
      if (targetInfo.type === 'worker') resolve(sessionId);
    });
  });
  await session.send('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: false,
    flatten: false,
  });
  const sessionId = await attached;
  let id = 0;
  return (method) =>
    new Promise((resolve) => {
      waiting.set(++id, resolve);
      void session.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method }) });
    });
}
