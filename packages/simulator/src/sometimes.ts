/**
 * Situations that are worth reaching: a simulator that never gets there proves nothing about them. Each is counted when
 * it is seen from outside; the report of many seeds names those that no seed reached.
 */

export const SOMETIMES = {
  leaseExpired: 'a lease passed its deadline and was lent again',
  leaseReclaimed: 'a late lease went to who had none',
  resultStale: 'a late result of an old generation was answered',
  resultDuplicate: 'a result was sent twice',
  resultWhileDown: 'a round was trained to its end while the coordinator was down',
  killedBeforeWrite: 'the coordinator died before a write was durable',
  killedAfterWrite: 'the coordinator died between a write and its announcement',
  storeError: 'the store failed and the coordinator ended itself',
  coordinatorBack: 'the coordinator came back and folded its records',
  snapshotRead: 'the coordinator came back to a snapshot and folded only what came after it',
  socketResumed: 'a volunteer came back to the coordinator with its id',
  volunteerSilent: 'the coordinator gave up a silent volunteer',
  evaluationDropped: 'an evaluation went to somebody else',
  checkpointRefused: 'a checkpoint could not be stored',
  termRefounded: 'a run was founded again from a checkpoint',
  roundsLost: 'all replicas died before their last rounds were kept',
  degraded: 'a run had fewer volunteers than it needs',
  nobodyLeft: 'nobody was left, and then somebody came',
  lonelyTab: 'all peers of a tab left it',
  roundOfOne: 'a round counted a single update although there were more tabs',
  closedWithout: 'a round was closed without a living member',
  roundLonger: 'a round was longer than the run asks',
  twoLeaders: 'two leaders closed one round',
  fork: 'one round ended on two anchors',
  leaderDied: 'a leader died within a second of its commit',
  updatePulled: 'a member pulled an update that it lacked',
  donorLost: 'a donor was lost before its state came',
  stranded: 'a newcomer found nobody that gave it the state',
  resyncOtherAnchor: 'a replica left its branch for another',
  resyncBehind: 'a replica was left behind and fetched the state',
  resyncOldTerm: 'a replica of an old term fetched the state',
  serverCrashed: 'the averaging thread ended alone',
  goodbye: 'a tab said goodbye',
  vanished: 'a tab vanished without a word',
  frozenBack: 'a frozen tab came back',
  backgroundWoke: 'a tab in the background had one wake-up a minute',
  clockJumped: 'a clock jumped by five minutes',
  deviceLost: 'a device was lost and came back',
  partitionSymmetric: 'the swarm was cut in two',
  partitionOneWay: 'a part of the swarm was heard no more but heard all',
  partitionIsolating: 'tabs were cut off from everybody',
  clogged: 'a link was clogged',
  halfOpen: 'a link was half open',
  linkSilent: 'a link was given up for its silence',
} as const;
export type Situation = keyof typeof SOMETIMES;
export const SITUATIONS = Object.keys(SOMETIMES) as Situation[];

export class Sometimes {
  readonly counts: Partial<Record<Situation, number>> = {};

  hit(situation: Situation, times = 1): void {
    if (times > 0) this.counts[situation] = (this.counts[situation] ?? 0) + times;
  }
}

/** The situations that none of these runs reached. */
export const neverReached = (runs: readonly Readonly<Partial<Record<Situation, number>>>[]): Situation[] =>
  SITUATIONS.filter((situation) => runs.every((counts) => (counts[situation] ?? 0) === 0));
