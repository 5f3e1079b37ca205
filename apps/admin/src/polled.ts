/** What the coordinator answers, asked again and again while somebody looks. */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { messageOf } from './parts/trouble.tsx';

export interface Polled<T> {
  /** null: nothing was answered yet. */
  readonly known: T | null;
  readonly trouble: string;
  readonly refresh: () => Promise<void>;
}

/**
 * @param ask changes when something else is to be asked; what is known then goes
 * @param everyMs between two questions; null: once is enough
 */
export function usePolled<T>(ask: () => Promise<T>, everyMs: (known: T) => number | null): Polled<T> {
  const [state, setState] = useState<{ ask: unknown; known: T | null; trouble: string }>({
    ask,
    known: null,
    trouble: '',
  });
  const refresh = useCallback(async () => {
    try {
      const known = await ask();
      setState({ ask, known, trouble: '' });
    } catch (reason) {
      const trouble = messageOf(reason);
      setState((before) => ({ ask, known: before.ask === ask ? before.known : null, trouble }));
    }
  }, [ask]);
  useEffect(() => {
    setState((before) => (before.ask === ask ? before : { ask, known: null, trouble: '' }));
    void refresh();
  }, [ask, refresh]);
  // After a failure it is asked again, as if what is known were all there is.
  const waitMs = state.known === null ? (state.trouble === '' ? null : RETRY_MS) : everyMs(state.known);
  useEffect(() => {
    if (waitMs === null) return;
    const look = () => void (document.hidden ? undefined : refresh());
    const timer = setInterval(look, waitMs);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [waitMs, refresh]);
  return { known: state.known, trouble: state.trouble, refresh };
}
const RETRY_MS = 3_000;
