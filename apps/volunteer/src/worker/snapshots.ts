/** Snapshots of a stay that has several parts: what was done before a volunteer parked counts with what it does after. Pure. */
import type { VolunteerSnapshot } from '@murmuration/swarm';

export const NOTHING_YET: VolunteerSnapshot = {
  state: 'checking',
  detail: '',
  nextAtMs: null,
  volunteerId: null,
  adapter: null,
  totals: {
    localSteps: 0,
    samples: 0,
    rounds: 0,
    trainMs: 0,
    bytesSentPeers: 0,
    bytesReceivedPeers: 0,
    bytesSentState: 0,
    bytesSentCoordinator: 0,
    bytesReceivedCoordinator: 0,
    rejectedFrames: 0,
    peersNow: 0,
    peersMax: 0,
  },
  confirmedSamples: 0,
  stepsPerSecond: 0,
  loss: null,
  round: null,
  fetched: null,
  coordinatorConnected: false,
  peers: [],
  run: null,
};

/** Now, with the sums of before. */
export function added(before: VolunteerSnapshot, now: VolunteerSnapshot): VolunteerSnapshot {
  if (before === NOTHING_YET) return now;
  const sums = Object.entries(now.totals).map(
    ([name, value]) => [name, value + before.totals[name as keyof typeof now.totals]] as const,
  );
  return {
    ...now,
    totals: {
      ...(Object.fromEntries(sums) as typeof now.totals),
      peersNow: now.totals.peersNow,
      peersMax: Math.max(now.totals.peersMax, before.totals.peersMax),
    },
    confirmedSamples: before.confirmedSamples + now.confirmedSamples,
  };
}
