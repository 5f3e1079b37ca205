/**
 * The worker of a contributing tab: the door through which the page's words reach the stay (stay.ts). Loaded after the
 * click and not before; tfjs and the mesh's worker half come with it.
 */
import type { PageMessage, WorkerMessage } from '../worker-protocol.ts';
import { Stay } from './stay.ts';

const tell = (message: WorkerMessage): void => self.postMessage(message);
let stay: Stay | null = null;

self.addEventListener('message', ({ data }: MessageEvent<PageMessage>) => {
  if (data.kind === 'start') stay = new Stay(data, tell);
  else stay?.take(data);
});
