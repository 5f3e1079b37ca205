/** What a link has to know of a run to judge its peer frames. Pure. */
import type { FrameLimits } from './peer-frame.ts';

export interface FramesOfRun {
  /** fnv1a32 of the run's id, as in a frame's header. */
  readonly runTag: number;
  /** It has tiers: what carries another tag may be of a node, and is the mind's to judge (SPEC N2). */
  readonly hasNodes?: boolean;
  readonly limits: FrameLimits;
}

/** False: it is of another run, perhaps of one that we are in no more, or not yet. */
export const isOfRun = ({ runTag, hasNodes }: FramesOfRun, frame: { readonly runTag: number }): boolean =>
  hasNodes === true || frame.runTag === runTag;
