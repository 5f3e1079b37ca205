import { expect, it } from 'vitest';
import { isLocalPair, LinkMeter, routeOf, selectedPairOf } from './link-stats.ts';

/** As Chromium reports it; without `transport` as Firefox does. */
function report(local: string, remote: string, { transport = true, pair = {} } = {}): RTCStatsReport {
  const entries: { readonly id: string }[] = [
    { id: 'L', type: 'local-candidate', candidateType: local } as never,
    { id: 'R', type: 'remote-candidate', candidateType: remote } as never,
    { id: 'P0', type: 'candidate-pair', localCandidateId: 'R', remoteCandidateId: 'L' } as never,
    {
      ...{ id: 'P', type: 'candidate-pair', localCandidateId: 'L', remoteCandidateId: 'R' },
      ...(transport ? {} : { selected: true }),
      ...pair,
    } as never,
    ...(transport ? [{ id: 'T', type: 'transport', selectedCandidatePairId: 'P' } as never] : []),
  ];
  return new Map(entries.map((entry) => [entry.id, entry])) as unknown as RTCStatsReport;
}

it.each([true, false])(
  'the selected pair is found with and without a transport in the report (%s)',
  (transport) => {
    expect(routeOf(report('host', 'relay', { transport }))).toBe('relayed');
    expect(routeOf(report('srflx', 'host', { transport }))).toBe('direct');
    const pair = { currentRoundTripTime: 0.004, responsesReceived: 7 };
    expect(selectedPairOf(report('host', 'prflx', { transport, pair }))).toEqual({
      ...{ local: 'host', remote: 'prflx', roundTripMs: 4, responsesReceived: 7 },
    });
  },
);

it('[N6] packets keep their address where this end goes by its own', () => {
  const isLocal = (local: string, remote: string) => isLocalPair(selectedPairOf(report(local, remote))!);
  expect([isLocal('host', 'host'), isLocal('host', 'prflx')]).toEqual([true, true]);
  expect([isLocal('prflx', 'host'), isLocal('srflx', 'srflx'), isLocal('host', 'srflx')]).toEqual([
    false,
    false,
    false,
  ]);
  expect([isLocal('relay', 'host'), isLocal('host', 'relay')]).toEqual([false, false]);
});

it('without a selected pair nothing is known, and without a measure no round trip', () => {
  expect(selectedPairOf(new Map() as unknown as RTCStatsReport)).toBeNull();
  expect(routeOf(new Map() as unknown as RTCStatsReport)).toBeNull();
  expect(selectedPairOf(report('host', 'host'))?.roundTripMs).toBeNull();
});

it('[N6] a probe is told once, however often one looks', () => {
  const meter = new LinkMeter();
  const at = (responsesReceived: number, currentRoundTripTime: number) =>
    meter.take(report('host', 'host', { pair: { responsesReceived, currentRoundTripTime } })).roundTripMs;
  expect([at(1, 0.002), at(1, 0.002), at(2, 0.002), at(2, 0.002)]).toEqual([2, null, 2, null]);
  expect(meter.take(new Map() as unknown as RTCStatsReport)).toEqual({ roundTripMs: null, isLocal: false });
});
