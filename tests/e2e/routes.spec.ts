/**
 * Tabs that reach each other in different ways train one model together: two directly, one by a real TURN relay only,
 * one through the coordinator only, which copies its updates, as the run is hybrid. Bytes cross on each way, as both the
 * tabs and the browser's own statistics say.
 */
import { consent, type Tab } from '@murmuration/cluster';
import { expect, volunteerOf, type Grid } from './fixtures.ts';
import { test } from './turn-fixture.ts';

const TRAIN_MAX_MS = 150_000;
const ROUNDS = 40;

/** In the page: keeps every RTCPeerConnection that is made. */
function keepConnections(): void {
  const kept: RTCPeerConnection[] = [];
  Object.assign(globalThis, { keptConnections: kept });
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      kept.push(this);
    }
  };
}

interface SeenConnections {
  readonly count: number;
  /** Of the connected ones: types at both ends of the selected pair, and the bytes that it carried. */
  readonly pairs: readonly { local: string; remote: string; bytesSent: number; bytesReceived: number }[];
  /** Types of all candidates that this page offered. */
  readonly offered: readonly string[];
}

async function seeConnections(): Promise<SeenConnections> {
  const kept = (globalThis as unknown as { keptConnections: RTCPeerConnection[] }).keptConnections;
  const pairs = [];
  const offered = new Set<string>();
  for (const connection of kept) {
    if (connection.connectionState !== 'connected') continue;
    const stats = new Map<string, Record<string, never>>();
    (await connection.getStats()).forEach((each) => stats.set(each.id, each));
    for (const { type, candidateType } of stats.values())
      if (type === 'local-candidate') offered.add(candidateType!);
    const transport = [...stats.values()].find(({ type }) => type === 'transport');
    const pair = stats.get(transport?.['selectedCandidatePairId'] ?? '');
    if (pair === undefined) continue;
    const typeOf = (id: string | undefined) => String(stats.get(id ?? '')?.['candidateType']);
    pairs.push({
      local: typeOf(pair['localCandidateId']),
      remote: typeOf(pair['remoteCandidateId']),
      // Of the transport: the pair may have been another before, of the same kinds.
      bytesSent: Number(transport?.['bytesSent']),
      bytesReceived: Number(transport?.['bytesReceived']),
    });
  }
  return { count: kept.length, pairs, offered: [...offered] };
}

async function join(grid: Grid, runId: string, links: string): Promise<{ tab: Tab; id: string }> {
  const known = new Set((await grid.client.snapshot(runId)).volunteers.map(({ id }) => id));
  const tab = await grid.openPage();
  await tab.page.addInitScript('globalThis.__name ??= (f) => f;');
  await tab.page.addInitScript(keepConnections);
  await tab.page.goto(`${grid.url}?links=${links}`);
  await consent(tab.page, grid.url);
  let id = '';
  await grid.until(runId, `the ${links} tab has joined`, 60_000, ({ volunteers }) => {
    id = volunteers.find((volunteer) => !known.has(volunteer.id))?.id ?? '';
    return id !== '';
  });
  return { tab, id };
}

test('[T1] [T2] [T5] [T6] two direct tabs, one by relay only and one without peers train one model, each in its own way', async ({
  grid,
}) => {
  const { manifest } = await grid.createRun(
    { kind: 'digits', trainSampleCount: 2_000, validationSampleCount: 200 },
    {
      name: 'routes',
      model: 'mlp',
      seed: 3,
      training: {
        architecture: 'hybrid',
        targetAccuracy: null,
        roundsMax: ROUNDS,
        peersMin: 4,
        evaluateEveryRounds: 20,
      },
    },
  );
  const direct = await join(grid, manifest.id, 'direct');
  const relayed = await join(grid, manifest.id, 'relay-only');
  const apart = await join(grid, manifest.id, 'no-peers');
  const other = await join(grid, manifest.id, 'direct');
  const tabs = [direct, relayed, apart, other];
  const hasAll = ({
    volunteers,
  }: {
    volunteers: readonly { totals: { peersNow: number; rounds: number } }[];
  }) => volunteers.every(({ totals }) => totals.peersNow === 3 && totals.rounds >= 3);
  await grid.until(manifest.id, 'all four exchange with each other', TRAIN_MAX_MS, hasAll);

  // What the browsers say of their own connections.
  // Rounds go on meanwhile: a pair that was linked last may not have carried an update of the other yet.
  let ofRelayed = await relayed.tab.page.evaluate(seeConnections);
  await expect
    .poll(async () => {
      ofRelayed = await relayed.tab.page.evaluate(seeConnections);
      return Math.min(
        ...ofRelayed.pairs.flatMap(({ bytesSent, bytesReceived }) => [bytesSent, bytesReceived]),
      );
    })
    .toBeGreaterThan(manifest.parameterCount);
  expect(ofRelayed.offered).toEqual(['relay']);
  expect(ofRelayed.pairs.map(({ local }) => local)).toEqual(['relay', 'relay']);
  const ofDirect = await direct.tab.page.evaluate(seeConnections);
  expect(ofDirect.pairs.map(({ local, remote }) => [local, remote].includes('relay')).sort()).toEqual([
    false,
    true,
  ]);
  expect((await apart.tab.page.evaluate(seeConnections)).count).toBe(0);

  const end = await grid.until(
    manifest.id,
    'the run ends',
    TRAIN_MAX_MS,
    ({ run }) => run.state === 'finished',
  );
  // One model to the last bit, whatever way its updates took.
  expect(end.run.divergences).toBe(0);
  expect(end.run.round).toBeGreaterThanOrEqual(ROUNDS);
  const ways = (id: string) => {
    const { links, totals } = volunteerOf(end, id);
    expect(totals.localSteps).toBeGreaterThan(0);
    expect(totals.rounds).toBeGreaterThan(ROUNDS / 2);
    const { routes } = totals;
    const isUsed = (route: keyof typeof routes) =>
      Math.min(routes[route].bytesSent, routes[route].bytesReceived) > manifest.parameterCount;
    return [links, isUsed('direct'), isUsed('relayed'), isUsed('coordinator')];
  };
  expect(ways(direct.id)).toEqual(['direct', true, true, true]);
  expect(ways(other.id)).toEqual(['direct', true, true, true]);
  expect(ways(relayed.id)).toEqual(['relay-only', false, true, true]);
  expect(ways(apart.id)).toEqual(['no-peers', false, false, true]);
  // It sent each update once, and three received it; only a state went to one.
  const viaCoordinator = (id: string) => volunteerOf(end, id).totals.routes.coordinator;
  const received = [direct, other, relayed].reduce(
    (sum, { id }) => sum + viaCoordinator(id).bytesReceived,
    0,
  );
  expect(received).toBeGreaterThan(2 * viaCoordinator(apart.id).bytesSent);
  for (const { tab } of tabs) expect(tab.consoleErrors).toEqual([]);
});
