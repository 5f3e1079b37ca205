/** What a round's machine wants done (group-round.ts, served-round.ts), and why it refuses a frame. */
import type { Fate } from '@murmuration/codec';
import type { OutgoingFrame, Stretch, VolunteerId } from '@murmuration/protocol';
import type { HeldUpdate } from './held-updates.ts';
import type { Wanted } from './pull.ts';
import type { Grace } from './round-clock.ts';

/** A frame, and to whom: `all` are those whom the round concerns. */
export interface Word {
  readonly to: VolunteerId | 'all';
  readonly frame: OutgoingFrame;
}

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
      /** [R17] Of the next round; left out: as the run says. */
      readonly stretch?: Stretch | undefined;
      readonly ballot: number;
      readonly announce: boolean;
      /** The grace as we measured it; undefined: another did, or there is nothing to go by. */
      readonly grace?: Grace | undefined;
      /** The round that begins then; left out: the next number. */
      readonly next?: number;
      /** [N4] In whose name our node's update was counted; left out: there are no nodes, or we belong to none. */
      readonly node?: VolunteerId;
    }
  /** Say this; then ask again. */
  | { readonly kind: 'say'; readonly words: readonly Word[] }
  /** The round's leader is gone or silent: ask these to let us close it. */
  | { readonly kind: 'elect'; readonly ballot: number; readonly ask: readonly VolunteerId[] }
  | {
      readonly kind: 'pull';
      readonly wanted: readonly Wanted[];
      /** Left out: the round that we are in. */
      readonly round?: number;
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
