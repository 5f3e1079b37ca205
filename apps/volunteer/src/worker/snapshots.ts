/** Snapshots of a stay that has several parts: what was done before a volunteer parked counts with what it does after. Pure. */
import { LINK_ROUTES, NO_ROUTES, type Routes } from '@murmuration/protocol';
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
    routes: NO_ROUTES,
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
  const { routes, ...counts } = now.totals;
  const sums = Object.entries(counts).map(
    ([name, value]) => [name, value + before.totals[name as keyof typeof counts]] as const,
  );
  return {
    ...now,
    totals: {
      ...(Object.fromEntries(sums) as typeof counts),
      routes: routesAdded(before.totals.routes, routes),
      peersNow: now.totals.peersNow,
      peersMax: Math.max(now.totals.peersMax, before.totals.peersMax),
    },
    confirmedSamples: before.confirmedSamples + now.confirmedSamples,
  };
}

/** Bytes are sums; links are those of now. */
function routesAdded(before: Routes, now: Routes): Routes {
  const sums = LINK_ROUTES.map((route) => {
    const { links, bytesSent, bytesReceived } = now[route];
    const { bytesSent: sentBefore, bytesReceived: receivedBefore } = before[route];
    return [
      route,
      { links, bytesSent: sentBefore + bytesSent, bytesReceived: receivedBefore + bytesReceived },
    ];
  });
  return Object.fromEntries(sums) as Routes;
}
