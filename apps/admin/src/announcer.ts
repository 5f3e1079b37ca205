/**
 * The page's one polite live region, shown by page.tsx: states and outcomes, never ticking numbers, at most one message
 * in five seconds. The latest wins; the ones between are dropped.
 */
import { signal } from '@preact/signals';

const SILENCE_MS = 5_000;

export const announcement = signal('');
let nextAtMs = 0;
let waiting: ReturnType<typeof setTimeout> | undefined;

export function announce(text: string): void {
  clearTimeout(waiting);
  const speak = () => {
    nextAtMs = performance.now() + SILENCE_MS;
    announcement.value = text;
  };
  const waitMs = nextAtMs - performance.now();
  if (waitMs <= 0) speak();
  else waiting = setTimeout(speak, waitMs);
}
