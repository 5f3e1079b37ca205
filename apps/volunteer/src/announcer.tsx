/**
 * The page's one polite live region. It speaks states, never numbers, and at most one message in five seconds: the
 * latest wins, the ones between are dropped. While the tab is hidden nobody listens: it speaks when it is seen again.
 */
import { useEffect, useRef, useState } from 'preact/hooks';

const SILENCE_MS = 5_000;

export function Announcer({ text }: { readonly text: string }) {
  const [spoken, setSpoken] = useState('');
  const nextAtMs = useRef(0);
  useEffect(() => {
    const speak = () => {
      if (document.hidden) return document.addEventListener('visibilitychange', speak, { once: true });
      nextAtMs.current = performance.now() + SILENCE_MS;
      setSpoken(text);
    };
    const waitMs = nextAtMs.current - performance.now();
    const timer = waitMs > 0 ? setTimeout(speak, waitMs) : undefined;
    if (timer === undefined) speak();
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', speak);
    };
  }, [text]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {spoken}
    </p>
  );
}
