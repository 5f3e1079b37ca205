/**
 * Every way in which a tab can be hostile, by name. Lies in numbers are carried out by forgery.ts, lies in frames by
 * hostile.ts.
 */

/** Lies told in the numbers of an update; the frames around them keep the protocol. */
export const FORGERIES = [
  'sign-flip',
  'sign-flip-10',
  'sign-flip-1000',
  /** The mean of the honest updates, reversed, at their usual norm. */
  'reversed-mean',
  /** The same direction in every round, for all accomplices, at the usual norm. */
  'constant',
  'random',
  'zero',
  /** An old update again under the new round. */
  'stale',
  /** Another's update under one's own name. */
  'copy',
  'not-finite',
] as const;
export type Forgery = (typeof FORGERIES)[number];

/** Lies told in frames. */
export const SLANDERS = [
  /** Half of the peers get another update than the other half, some get both. */
  'equivocation',
  /** Frames whose second half never comes. */
  'half-sent',
  /** Frames with a wrong magic, kind, length, checksum or payload, and noise. */
  'malformed',
  /** When it leads: leaves out half of the updates that came. */
  'omit',
  /** When it leads: counts an update that nobody has. */
  'phantom',
  /** When it leads: names its accomplices as the only members of the next round. */
  'members',
  /** When it leads: lets the next leaders wait for a minute, or for nobody. */
  'grace',
  /** Asks with every update to close this round and the next, again and again, under the highest ballot there is. */
  'ballots',
  /** Says that its steps took no time, so that all others be slow ones who train a step a round. */
  'speed',
  /** Gives newcomers a state in which bits are wrong. */
  'false-state',
] as const;
export type Slander = (typeof SLANDERS)[number];

export const ATTACKS = [...FORGERIES, ...SLANDERS] as const;
export type Attack = (typeof ATTACKS)[number];
