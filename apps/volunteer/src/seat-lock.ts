/**
 * One contributing tab a browser: the Web Lock that says which, and the word by which another tab takes over. The holder
 * says goodbye first and then lets go; only a holder that does not answer is robbed, and then hears that it was. Holding
 * the lock also keeps the browser from freezing the tab.
 */
const NAME = 'murmuration-contributing';
const MOVE_OVER = 'move-over';
/** A holder hands over and says goodbye in less; a frozen one never does. A guess. */
const MOVE_OVER_MAX_MS = 8_000;

export interface Seat {
  /** Once: another tab asks for the seat, or took it. */
  readonly asked: Promise<'asked' | 'robbed'>;
  release(): void;
}

/** Null: another tab has it. Without Web Locks (an insecure page, where nothing trains anyway) every tab gets one. */
export const takeSeat = (): Promise<Seat | null> => request({ ifAvailable: true });

/** Asks the other tab to move over and waits for it. */
export async function takeOverSeat(): Promise<Seat> {
  const waiting = request({ signal: AbortSignal.timeout(MOVE_OVER_MAX_MS) });
  const channel = new BroadcastChannel(NAME);
  channel.postMessage(MOVE_OVER);
  channel.close();
  const seat = await waiting.catch(() => null);
  const taken = seat ?? (await request({ steal: true }));
  if (taken === null) throw new Error('the seat was taken again at once');
  return taken;
}

function request(options: LockOptions): Promise<Seat | null> {
  if (!('locks' in navigator)) return Promise.resolve({ asked: new Promise(() => {}), release: () => {} });
  return new Promise((resolve, reject) => {
    let isGranted = false;
    let move: (why: 'asked' | 'robbed') => void = () => {};
    const asked = new Promise<'asked' | 'robbed'>((told) => (move = told));
    navigator.locks
      .request(NAME, options, (lock) => {
        if (lock === null) return resolve(null);
        isGranted = true;
        const channel = new BroadcastChannel(NAME);
        channel.addEventListener('message', ({ data }) => {
          if (data === MOVE_OVER) move('asked');
        });
        return new Promise<void>((letGo) => {
          const release = () => {
            channel.close();
            letGo();
          };
          resolve({ asked, release });
        });
      })
      .catch((reason: unknown) => {
        if (isGranted) move('robbed');
        else reject(reason instanceof Error ? reason : new Error(String(reason)));
      });
  });
}
