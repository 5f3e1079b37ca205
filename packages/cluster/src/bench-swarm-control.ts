/**
 * `npm run bench:swarm -- forming control`: the control plane of 10,000 tabs. How long the production crews take to form
 * the groups (quick, but a time: for a quiet machine), and what goes over the coordinator's sockets, both ways, in a simulated run with churn: real ledger, real
 * minds, every message counted as the JSON that it would be.
 */
import { Crews, Introductions } from '@murmuration/coordinator/introductions';
import { idFromRandomBytes, type VolunteerId } from '@murmuration/protocol';
import { profileOptions, type SimulateHooks } from '@murmuration/simulator';
import type { SwarmBenchSettings, SwarmRow, SwarmSubject } from './bench-swarm.ts';
import { brief, count, middle, rangeOf, seconds, timed } from './timed-run.ts';

const TABS = 10_000;
const QUICK_TABS = 1_000;

const FORMING_MAX_MS = 20;
const BYTES_MAX = 200;
const REPEATS = 15;

export function measureForming({ isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const tabs = isQuick ? QUICK_TABS : TABS;
  const forming = formGroups(tabs);
  say(`forming: ${count(tabs)} tabs cut into crews, min / median / max: ${rangeOf(forming.cutMs, 'ms')}`);
  say(`forming: one tab leaves and one comes: ${rangeOf(forming.moveMs, 'ms')}`);
  return Promise.resolve({
    rows: [
      {
        what: `forming the groups of a round, ${count(tabs)} tabs (4 planes at once, for all rounds), min / median / max of ${REPEATS}`,
        target: `at most ${FORMING_MAX_MS} ms`,
        measured: `${rangeOf(forming.cutMs, 'ms')}; a tab leaving and one coming: ${rangeOf(forming.moveMs, 'ms')}`,
        isMet: middle(forming.cutMs) <= FORMING_MAX_MS,
      },
    ],
    details: forming,
  });
}

export function measureControl({ isQuick, say }: SwarmBenchSettings): Promise<SwarmSubject> {
  const tabs = isQuick ? QUICK_TABS : TABS;
  // Speeds and rounds as in a browser (a second a step, a round of a minute); a fifth of the tabs is replaced a minute.
  const options = profileOptions('clean', {
    tabs,
    model: 'softmax',
    stepMs: 1_000,
    localSteps: 60,
    batchSize: 8,
    shardSamples: 64,
    rounds: 1_000,
    hours: 0.08,
    churnPerMinute: 0.2,
  });
  const traffic = new ControlTraffic(FORMED_AFTER_MS);
  const run = timed(options, traffic.hooks);
  const perTab = traffic.bytesPerTabAndSecond(tabs, run.report.virtualMs);
  const total = perTab.up + perTab.down;
  for (const line of traffic.lines(tabs, run.report.virtualMs)) say(`control: ${line}`);
  say(`control: simulated in ${seconds(run.wallMs)}, ${count(run.report.departures)} departures`);
  const what = `control plane, ${count(tabs)} tabs, 20 % replaced a minute`;
  const rows: SwarmRow[] = [
    {
      what: `${what}: JSON bytes/s a tab, both directions`,
      target: `at most ${BYTES_MAX}`,
      measured: `${total.toFixed(0)} (${perTab.up.toFixed(0)} up, ${perTab.down.toFixed(0)} down; of these ${traffic.decidedPerTabAndSecond(tabs, run.report.virtualMs).toFixed(1)} what tabs adapted)`,
      isMet: total <= BYTES_MAX,
    },
    {
      what: `${what}: tensor bytes on the socket`,
      target: '0',
      measured: `${traffic.tensorBytes} (checkpoints go by HTTP: ${count(traffic.evaluations)} evaluations)`,
      isMet: traffic.tensorBytes === 0,
    },
  ];
  return Promise.resolve({
    rows,
    details: { bytes: traffic.byType(tabs, run.report.virtualMs), run: brief(options, run) },
  });
}

/** Wall times of the production crews: all members at once, and a departure with an arrival, introductions included. */
function formGroups(tabs: number): { readonly cutMs: number[]; readonly moveMs: number[] } {
  let drawn = 0;
  const draw = (): VolunteerId => {
    drawn += 1;
    return idFromRandomBytes(
      'vol',
      Uint8Array.from({ length: 26 }, (_, i) => (drawn * (i + 1) * 40_503) >>> 7),
    );
  };
  const ids = Array.from({ length: tabs }, draw);
  const cutMs: number[] = [];
  const moveMs: number[] = [];
  for (let repeat = -2; repeat < REPEATS; repeat++) {
    const crews = new Crews(repeat + 10);
    const startedAtMs = performance.now();
    crews.change({ gone: [], come: ids });
    // The first two only warm the machine up.
    if (repeat >= 0) cutMs.push(performance.now() - startedAtMs);
  }
  const introductions = new Introductions(1);
  introductions.change({ gone: [], come: ids });
  for (let repeat = -50; repeat < 200; repeat++) {
    const gone = ids.splice((drawn * 7_919) % ids.length, 1);
    const come = [draw()];
    ids.push(...come);
    const startedAtMs = performance.now();
    introductions.change({ gone, come });
    if (repeat >= 0) moveMs.push(performance.now() - startedAtMs);
  }
  return { cutMs, moveMs };
}

/** Joining is a crowd of its own; a run is measured from then on. */
const FORMED_AFTER_MS = 120_000;

/** Counts what goes over the coordinator's sockets as the text that it would be. */
class ControlTraffic {
  readonly #fromMs: number;
  readonly #bytes = new Map<string, { bytes: number; messages: number }>();
  evaluations = 0;
  /** Of reports: what tabs decided by themselves. */
  #decidedBytes = 0;
  /** Binary values in a message: there must be none. */
  tensorBytes = 0;

  constructor(fromMs: number) {
    this.#fromMs = fromMs;
  }

  readonly hooks: SimulateHooks = {
    onControl: ({ direction, message, nowMs }) => {
      if (nowMs < this.#fromMs) return;
      const key = `${direction} ${message.type}`;
      let sum = this.#bytes.get(key);
      if (sum === undefined) this.#bytes.set(key, (sum = { bytes: 0, messages: 0 }));
      sum.messages += 1;
      sum.bytes += JSON.stringify(message, (_, value: unknown) => {
        if (ArrayBuffer.isView(value)) this.tensorBytes += value.byteLength;
        return value;
      }).length;
      if (message.type === 'evaluation') this.evaluations += 1;
      if (message.type === 'report' && message.decisions !== undefined)
        this.#decidedBytes += JSON.stringify({ decisions: message.decisions }).length;
    },
  };

  byType(tabs: number, untilMs: number): Record<string, { bytesPerSecond: number; messages: number }> {
    const tabSeconds = (tabs * (untilMs - this.#fromMs)) / 1_000;
    return Object.fromEntries(
      [...this.#bytes].map(([key, { bytes, messages }]) => [
        key,
        { bytesPerSecond: bytes / tabSeconds, messages },
      ]),
    );
  }

  decidedPerTabAndSecond(tabs: number, untilMs: number): number {
    return (1_000 * this.#decidedBytes) / (tabs * (untilMs - this.#fromMs));
  }

  bytesPerTabAndSecond(tabs: number, untilMs: number): { readonly up: number; readonly down: number } {
    const sums = { up: 0, down: 0 };
    for (const [key, { bytesPerSecond }] of Object.entries(this.byType(tabs, untilMs)))
      sums[key.startsWith('up') ? 'up' : 'down'] += bytesPerSecond;
    return sums;
  }

  lines(tabs: number, untilMs: number): string[] {
    return Object.entries(this.byType(tabs, untilMs))
      .sort(([, a], [, b]) => b.bytesPerSecond - a.bytesPerSecond)
      .map(
        ([key, { bytesPerSecond, messages }]) =>
          `${key}: ${bytesPerSecond.toFixed(1)} B/s a tab, ${count(messages)} messages`,
      );
  }
}
