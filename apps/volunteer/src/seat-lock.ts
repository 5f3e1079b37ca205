/**
 * One contributing tab a browser: the Web Lock that says which, and the word by which another tab takes over. The holder
 * says goodbye first and then lets go, and says now and then that it is still about it; only a holder that is silent is
 * robbed, and then hears that it was. Holding the lock also keeps the browser from freezing the tab.
 */
const NAME = 'murmuration-contributing';
const MOVE_OVER = 'move-over';
const MOVING = 'moving';
/** A holder whose worker hangs ends its part in less (contribution.ts); a frozen one never does. A guess. */
const SILENT_MAX_MS = 8_000;
/** Handing over, a checkpoint and a receipt end in less (worker/stay.ts). A guess. */
const MOVE_OVER_MAX_MS = 40_000;

export interface Seat {
  /** Another tab asks for the seat. */
  readonly asked: Promise<void>;
  /** Another tab took the seat. */
  readonly robbed: Promise<void>;
  /** Tells who asked that this tab is about it. */
  moving(): void;
  release(): void;
}

/** Null: another tab has it. Without Web Locks (an insecure page, where nothing trains anyway) every tab gets one. */
export const takeSeat = (): Promise<Seat | null> => request({ ifAvailable: true });

/** Asks the other tab to move over and waits for it, as long as it is heard. */
export async function takeOverSeat(): Promise<Seat> {
  const patience = new AbortController();
  const giveUp = () => patience.abort();
  const atMost = setTimeout(giveUp, MOVE_OVER_MAX_MS);
  let silent = setTimeout(giveUp, SILENT_MAX_MS);
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener('message', ({ data }) => {
    if (data !== MOVING) return;
    clearTimeout(silent);
    silent = setTimeout(giveUp, SILENT_MAX_MS);
  });
  const waiting = request({ signal: patience.signal });
  channel.postMessage(MOVE_OVER);
  const seat = await waiting.catch(() => null);
  clearTimeout(atMost);
  clearTimeout(silent);
  channel.close();
  const taken = seat ?? (await request({ steal: true }));
  if (taken === null) throw new Error('the seat was taken again at once');
  return taken;
}

function request(options: LockOptions): Promise<Seat | null> {
  if (!('locks' in navigator)) {
    const never = new Promise<void>(() => {});
    return Promise.resolve({ asked: never, robbed: never, moving: () => {}, release: () => {} });
  }
  return new Promise((resolve, reject) => {
    let holding: Holding | null = null;
    navigator.locks
      .request(NAME, options, (lock) => {
        if (lock === null) return resolve(null);
        holding = hold();
        resolve(holding.seat);
        return holding.let;
      })
      .catch((reason: unknown) => {
        if (holding !== null) holding.rob();
        else reject(reason instanceof Error ? reason : new Error(String(reason)));
      });
  });
}

interface Holding {
  readonly seat: Seat;
  /** The lock is held until then. */
  readonly let: Promise<void>;
  rob(): void;
}

function hold(): Holding {
  const nothing = () => {};
  let ask = nothing;
  let rob = nothing;
  let letGo = nothing;
  const asked = new Promise<void>((told) => (ask = told));
  const robbed = new Promise<void>((told) => (rob = told));
  const over = new Promise<void>((told) => (letGo = told));
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener('message', ({ data }) => {
    if (data === MOVE_OVER) ask();
  });
  const moving = () => channel.postMessage(MOVING);
  const release = () => {
    channel.close();
    letGo();
  };
  return { seat: { asked, robbed, moving, release }, let: over, rob };
}
