/**
 * `npm run bench -- wire`: megabytes a second and processor time a MiB from one browser to another: over the mesh, over a
 * raw data channel with the best message size, and over PeerJS with its default serialization. Alternating, over the same
 * machine's loopback; the best of some turns each, since everything that disturbs only slows down.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Browser } from 'playwright';
import type { Wire } from '../bench-page/wire.ts';
import type { BenchSettings } from './bench.ts';
import type { SwarmSubject } from './bench-swarm.ts';
import { openBenchPage, prepareBench } from './bench-tabs.ts';
import { TabFleet, type Tab } from './tabs.ts';

declare const wire: Wire;

const FRAME_BYTES = 5_000_000;
const FRAMES = 4;
const TURNS = 4;
const MESSAGE_SIZES = [16 * 1024, 64 * 1024, 256 * 1024] as const;
const GOODPUT_RATIO_MIN = 0.9;
const ARRIVE_MAX_MS = 120_000;
const MIB = 2 ** 20;

interface Turn {
  readonly way: string;
  readonly megabytesPerSecond: number;
  readonly processorMsPerMib: number;
}

export async function measureWire({ isQuick, say }: BenchSettings): Promise<SwarmSubject> {
  const browser = await prepareBench(say);
  const fleet = await TabFleet.launch({ browser, browserCount: 2, logName: 'bench' });
  const signalling = fork(new URL('./bench-peer-server.ts', import.meta.url), [], {
    execArgv: ['--import', 'tsx'],
  });
  try {
    const [port] = (await once(signalling, 'message')) as [number];
    const [from, to] = [await openBenchPage(fleet), await openBenchPage(fleet)];
    await connect(from, to, port);
    const ways = [
      ...MESSAGE_SIZES.map((bytes) => ({
        way: `raw ${bytes / 1024} KiB`,
        send: () =>
          from.page.evaluate(([total, message]) => wire.sendRaw(total, message), [
            FRAMES * FRAME_BYTES,
            bytes,
          ] as const),
      })),
      {
        way: 'mesh',
        send: () =>
          from.page.evaluate(([bytes, n]) => wire.sendMesh(bytes, n), [FRAME_BYTES, FRAMES] as const),
      },
      {
        way: 'PeerJS',
        send: () =>
          from.page.evaluate(([bytes, n]) => wire.sendPeer(bytes, n), [FRAME_BYTES, FRAMES] as const),
      },
    ];
    const turns: Turn[] = [];
    for (let turn = 0; turn < (isQuick ? 1 : TURNS); turn++)
      for (const { way, send } of ways) {
        const measured = { way, ...(await oneTurn(from, to, send)) };
        turns.push(measured);
        say(
          `wire: ${way}: ${measured.megabytesPerSecond.toFixed(1)} MB/s, ${measured.processorMsPerMib.toFixed(1)} ms of processor time a MiB`,
        );
      }
    return { rows: rowsOf(turns), details: { frameBytes: FRAME_BYTES, frames: FRAMES, turns } };
  } finally {
    signalling.kill('SIGKILL');
    await fleet.closeAll();
  }
}

function rowsOf(turns: readonly Turn[]): SwarmSubject['rows'] {
  const best = (isOfWay: (way: string) => boolean): Turn =>
    turns
      .filter(({ way }) => isOfWay(way))
      .reduce((one, other) => (other.megabytesPerSecond > one.megabytesPerSecond ? other : one));
  const [mesh, raw, peerJs] = [
    best((way) => way === 'mesh'),
    best((way) => way.startsWith('raw')),
    best((way) => way === 'PeerJS'),
  ];
  const speed = (turn: Turn) => `${turn.megabytesPerSecond.toFixed(1)} MB/s`;
  const ratio = mesh.megabytesPerSecond / raw.megabytesPerSecond;
  const ofPeerJs = mesh.megabytesPerSecond / peerJs.megabytesPerSecond;
  return [
    {
      what: "the mesh's goodput between two tabs against a raw data channel with the best message size",
      target: `at least ${GOODPUT_RATIO_MIN}`,
      measured: `${ratio.toFixed(2)} (${speed(mesh)} against ${speed(raw)}, ${raw.way})`,
      isMet: ratio >= GOODPUT_RATIO_MIN,
    },
    {
      what: "the same against PeerJS's default serialization",
      target: 'at least 1',
      measured: `${ofPeerJs.toFixed(2)} (${speed(peerJs)})`,
      isMet: ofPeerJs >= 1,
    },
    {
      what: 'processor time a MiB, both browsers together: mesh, against raw and PeerJS',
      target: 'no more than PeerJS',
      measured: `${mesh.processorMsPerMib.toFixed(1)} ms, against ${raw.processorMsPerMib.toFixed(1)} and ${peerJs.processorMsPerMib.toFixed(1)}`,
      isMet: mesh.processorMsPerMib <= peerJs.processorMsPerMib,
    },
  ];
}

async function connect(from: Tab, to: Tab, port: number): Promise<void> {
  for (const { page } of [from, to])
    await page.evaluate(() => (globalThis as unknown as { openWire: () => Promise<void> }).openWire());
  const offer = await from.page.evaluate(() => wire.offer());
  const answer = await to.page.evaluate((text) => wire.answer(text), offer);
  await from.page.evaluate((text) => wire.accept(text), answer);
  for (const { page } of [from, to])
    await page.waitForFunction(() => wire.isOpen(), null, { timeout: ARRIVE_MAX_MS });
  await to.page.evaluate((at) => wire.openPeer('bench-to', at), port);
  await from.page.evaluate((at) => wire.openPeer('bench-from', at), port);
  await from.page.evaluate(() => wire.connectPeer('bench-to'));
}

async function oneTurn(
  from: Tab,
  to: Tab,
  send: () => Promise<number>,
): Promise<Pick<Turn, 'megabytesPerSecond' | 'processorMsPerMib'>> {
  const bytes = FRAMES * FRAME_BYTES;
  await to.page.evaluate(() => wire.clear());
  const before = await processorMs([from, to]);
  const startMs = await send();
  await to.page.waitForFunction((wanted) => wire.got().bytes >= wanted, bytes, {
    timeout: ARRIVE_MAX_MS,
    polling: 100,
  });
  const spentMs = (await processorMs([from, to])) - before;
  const { lastMs } = await to.page.evaluate(() => wire.got());
  return {
    megabytesPerSecond: bytes / (lastMs - startMs) / 1_000,
    processorMsPerMib: spentMs / (bytes / MIB),
  };
}

/** Of all processes of the tabs' browsers. */
async function processorMs(tabs: readonly Tab[]): Promise<number> {
  let seconds = 0;
  for (const browser of new Set(tabs.map(({ context }) => context.browser()))) {
    const session = await (browser as Browser).newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    seconds += processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    await session.detach();
  }
  return 1_000 * seconds;
}
