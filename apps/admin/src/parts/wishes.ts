/** What somebody asks of the coordinator on a screen that lists things: one wish, its failure in words, and the list anew. */
import { useState } from 'preact/hooks';
import { messageOf } from './trouble.tsx';

export interface Wishes {
  /** Of the last wish; empty: it was granted. */
  readonly failure: string;
  readonly fail: (words: string) => void;
  readonly act: (work: () => Promise<void>) => Promise<void>;
}

export function useWishes(refresh: () => Promise<void>): Wishes {
  const [failure, fail] = useState('');
  const act = async (work: () => Promise<void>) => {
    fail('');
    try {
      await work();
    } catch (reason) {
      fail(messageOf(reason));
    }
    await refresh();
  };
  return { failure, fail, act };
}
