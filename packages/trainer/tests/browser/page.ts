/** The page of the trainer's browser proof: starts workers and lets the test ask them. */
import { decodeUpdate, relativeDistance } from '@murmuration/codec';
import type { Reply, Request } from './worker.ts';

const workers = new Map<string, Worker>();
let lastId = 0;

const trainerPage = {
  /** One worker a name. Rejects with what the worker threw. */
  ask(name: string, request: Request): Promise<unknown> {
    let worker = workers.get(name);
    if (worker === undefined) {
      worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name });
      workers.set(name, worker);
    }
    const id = ++lastId;
    const asked = worker;
    return new Promise((resolve, reject) => {
      const hear = ({ data }: MessageEvent<Reply>) => {
        if (data.id !== id) return;
        asked.removeEventListener('message', hear);
        if ('error' in data) reject(new Error(data.error));
        else resolve(data.value);
      };
      asked.addEventListener('message', hear);
      asked.addEventListener('error', (event) => reject(new Error(event.message)), { once: true });
      asked.postMessage({ id, request });
    });
  },
  async updateDistance(a: string, b: string, request: Request): Promise<number> {
    const [left, right] = (await Promise.all([this.ask(a, request), this.ask(b, request)])) as {
      encoded: Uint8Array;
    }[];
    return relativeDistance(decodeUpdate(left!.encoded), decodeUpdate(right!.encoded));
  },
};
export type TrainerPage = typeof trainerPage;
Object.assign(globalThis, { trainerPage });
