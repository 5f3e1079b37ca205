/** How a volunteer stands in its run, in a word for people. Pure. */
import type { RunState } from '@murmuration/protocol';
import type { Membership } from './membership.ts';
import type { StateWord } from './view.ts';

/** What is wrong with the device: it was lost, or is away and asked for again at `nextAtMs`. */
export type Trouble = { readonly word: 'device-lost' | 'device-away'; readonly nextAtMs: number | null };

export const isOver = (state: RunState): boolean => state === 'finished' || state === 'failed';

export function wordOf(run: {
  readonly state: RunState;
  /** Null: nothing, or with nothing asked of it a device that is back (ports.ts) is as good as any. */
  readonly trouble: Trouble | null;
  readonly isPrepared: boolean;
  readonly membership: Membership;
  /** Somebody could give the state. */
  readonly hasDonors: boolean;
  readonly peersMin: number;
  readonly isTraining: boolean;
  readonly canTrain: boolean;
}): StateWord {
  const at = (state: StateWord['state'], detail = '', nextAtMs: number | null = null) => ({
    state,
    detail,
    nextAtMs,
  });
  if (isOver(run.state)) return at('finished', run.state);
  if (run.trouble !== null) return at('recovering', run.trouble.word, run.trouble.nextAtMs);
  if (!run.isPrepared) return at('warming-up');
  if (run.state === 'paused') return at('waiting', 'run-paused');
  const { role, alive, atBoundary, isPublished, server } = run.membership;
  switch (role.kind) {
    case 'none':
      return at('connecting', 'coordinator');
    case 'founding':
      return at('loading', 'model');
    case 'joining':
      if (run.hasDonors) return at('loading', 'model');
      return at('connecting', 'peers', role.fetch.nextDeadlineMs);
    case 'member': {
      const group = 1 + alive.size;
      if (server !== null && alive.size === 0) return at('connecting', 'peers');
      if (server === null && group < run.peersMin)
        return at('waiting', `need-peers ${group}/${run.peersMin}`);
      if (run.isTraining) return at('training');
      if (!atBoundary || isPublished) return at('syncing');
      return run.canTrain ? at('training') : at('waiting', 'no-work');
    }
    default:
      return role satisfies never;
  }
}
