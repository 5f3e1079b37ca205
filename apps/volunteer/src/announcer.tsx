/**
 * The page's one polite live region. It speaks states, never numbers, and at most one message in five seconds: the
 * latest wins, the ones between are dropped.
 */
import { useEffect, useRef, useState } from 'preact/hooks';

const SILENCE_MS = 5_000;

export function Announcer({ text }: { readonly text: string }) {
  const [spoken, setSpoken] = useState('');
  const nextAtMs = useRef(0);
  useEffect(() => {
    const speak = () => {
      nextAtMs.current = performance.now() + SILENCE_MS;
      setSpoken(text);
    };
    const waitMs = nextAtMs.current - performance.now();
    if (waitMs <= 0) return speak();
    const timer = setTimeout(speak, waitMs);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="unseen" role="status" aria-live="polite">
      {spoken}
    </p>
  );
}
