/** A run's state: a shape, not only a colour, and the word. */
import type { RunState } from '@murmuration/protocol';
import { runStates } from '../strings.ts';

const SHAPES: Readonly<Record<RunState, string>> = {
  waiting: 'M6 3h12M6 21h12M7.5 3c0 5 9 7 9 18M16.5 3c0 5-9 7-9 18',
  training: 'M3 14c4-5 7-5 9.5-.5C15 9 18 8 22 10.5',
  degraded: 'M3 9c4-5 7-5 9.5-.5C15 4 18 3 22 5.5M12 14v4M12 20.5v.5',
  paused: 'M8 4.5v15M16 4.5v15',
  finishing: 'M12 3v12M6.5 10 12 15.5 17.5 10M4 20.5h16',
  finished: 'M4 12.5 9.5 18 20 6.5',
  failed: 'M6 6l12 12M18 6 6 18',
};

export const StateMark = ({ state }: { readonly state: RunState }) => (
  <span class={`state ${state}`}>
    <svg class="icon" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" focusable="false">
      <path d={SHAPES[state]} />
    </svg>
    {runStates[state].word}
  </span>
);
