/** What a round's machine wants done (group-round.ts, served-round.ts), and why it refuses a frame. */
import type { Fate } from '@murmuration/codec';
import type { VolunteerId } from '@murmuration/protocol';
import type { HeldUpdate } from './held-updates.ts';
import type { Wanted } from './pull.ts';
import type { Grace } from './round-clock.ts';

export type RoundDecision =
  /** Apply these. `announce`: we lead, tell everybody. */
  | {
      readonly kind: 'close';
      readonly round: number;
      readonly updates: readonly HeldUpdate[];
      /** What is said of our update. */
      readonly own: Fate;
      readonly members: readonly VolunteerId[];
      readonly graceMs: number;
      readonly ballot: number;
      readonly announce: boolean;
      /** The grace as we measured it; undefined: another did, or there is nothing to go by. */
      readonly grace?: Grace | undefined;
    }
  /** The round's leader is gone or silent: ask these to let us close it. */
  | { readonly kind: 'elect'; readonly ballot: number; readonly ask: readonly VolunteerId[] }
  | {
      readonly kind: 'pull';
      readonly wanted: readonly Wanted[];
    }
  /** This replica cannot go on: fetch the state, best from `from`. */
  | { readonly kind: 'resync'; readonly from: VolunteerId; readonly why: 'other-anchor' };

export type RoundRejection =
  | 'old-round'
  | 'future-round'
  | 'other-anchor'
  | 'not-author'
  | 'duplicate'
  | 'equivocation'
  | 'not-leader'
  | 'old-ballot'
  | string;
