/** Laws of the ledger under any order of events, restarts among them. Seeds are fixed, so a failure can be repeated. */
import {
  CoordinatorMessageSchema,
  LIMITS,
  MetricPointSchema,
  PLANE_COUNT,
  RunViewSchema,
  VolunteerViewSchema,
} from '@murmuration/protocol';
import fc from 'fast-check';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it, vi } from 'vitest';
import { Rehearsal, RUN_ID, runSetup, volunteer } from '../testing/run.ts';
import {
  LEASES_PER_VOLUNTEER_MAX,
  metricPoints,
  RunLedger,
  runView,
  snapshotOf,
  stateOfSnapshot,
  volunteerViews,
  type LedgerSnapshot,
} from './ledger.ts';
import type { CoordinatorMessageOf } from '@murmuration/protocol';

// A machine with other work on it is slow, not wrong.
vi.setConfig({ testTimeout: 60_000 });

const VOLUNTEERS = 4;
const SHARDS = 5;

type Step =
  | { kind: 'join' | 'leave' | 'ready' | 'ask' | 'stranded' | 'checkpoint'; who: number }
  | { kind: 'rejoin'; who: number; round: number }
  /** One of the latest leases, by its owner or by somebody else. */
  | { kind: 'result'; recent: number; thief: number | null }
  | { kind: 'report'; who: number; ahead: number }
  | { kind: 'evaluation'; accuracy: number; isFinite: boolean }
  | { kind: 'wait'; ms: number }
  | { kind: 'order'; order: 'pause' | 'resume' | 'finish' | 'stop' }
  | { kind: 'restart' };

const who = fc.integer({ min: 0, max: VOLUNTEERS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('join', 'ready', 'leave'), who }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('ask'), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('stranded', 'checkpoint'), who }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('rejoin'), who, round: fc.integer({ min: 0, max: 20 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('result'),
      recent: fc.nat(5),
      thief: fc.option(who, { freq: 6 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('report'), who, ahead: fc.integer({ min: 0, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('evaluation'),
      accuracy: fc.double({ min: 0, max: 0.97, noNaN: true }),
      isFinite: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('order'), order: fc.constantFrom('pause', 'resume', 'resume') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
) as fc.Arbitrary<Step>;

const conforms = <S extends TSchema>(schema: S) => {
  const compiled = Compile(schema);
  return (value: unknown): value is Static<S> => compiled.Check(value);
};
const isMessage = conforms(CoordinatorMessageSchema);
const isRunView = conforms(RunViewSchema);
const isVolunteerView = conforms(VolunteerViewSchema);
const isPoint = conforms(MetricPointSchema);

function play(run: Rehearsal, steps: readonly Step[], check: () => void): void {
  const leases: { owner: number; lease: CoordinatorMessageOf<'lease'> }[] = [];
  // A run under way is where things can go wrong; from an empty one most steps do nothing.
  for (const n of [0, 1, 2]) {
    run.ready(n);
    check();
  }
  for (const s of steps) {
    const { state, present } = run.ledger;
    run.heard = [];
    switch (s.kind) {
      case 'join':
        run.join(s.who);
        break;
      case 'rejoin':
        run.join(s.who, { term: state.term, round: s.round, fingerprint: 'f'.repeat(16) });
        break;
      case 'leave':
        run.leave(s.who);
        break;
      case 'ready':
        run.say(s.who, { type: 'ready', runId: RUN_ID });
        break;
      case 'stranded':
        run.say(s.who, { type: 'stranded', runId: RUN_ID, reason: '' });
        break;
      case 'ask': {
        const lease = run.lease(s.who);
        if (lease !== null) leases.push({ owner: s.who, lease });
        break;
      }
      case 'result': {
        const chosen = leases.at(-1 - s.recent);
        if (chosen !== undefined) run.result(s.thief ?? chosen.owner, chosen.lease);
        break;
      }
      case 'report':
        run.report(s.who, (present.get(volunteer(s.who))?.head?.round ?? 0) + s.ahead);
        break;
      case 'checkpoint':
        run.event({ kind: 'checkpoint-stored', volunteerId: volunteer(s.who), sha256: 'c'.repeat(64) });
        break;
      case 'evaluation': {
        const holder = state.duty?.volunteerId;
        const n = [0, 1, 2, 3].find((candidate) => volunteer(candidate) === holder);
        if (n !== undefined) run.evaluate(n, s.accuracy, s.isFinite ? 1 : null);
        break;
      }
      case 'wait':
        run.nowMs += s.ms;
        run.event({ kind: 'tick' });
        break;
      case 'order':
        run.event({ kind: 'ordered', order: s.order });
        break;
      case 'restart':
        run.restart();
        break;
      default:
        s satisfies never;
    }
    check();
  }
}

const forAll = (law: (steps: Step[]) => void, numRuns = 100) =>
  fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }), law), {
    seed: 20_261_121,
    numRuns,
  });

describe('laws of the ledger, for any order of events', () => {
  it('[I-7] the state after any event is the fold of the records, and a restart does not move it', () => {
    forAll((steps) => {
      const run = new Rehearsal(runSetup({ peersMin: 2, roundsMax: 30, evaluateEveryRounds: 4 }, SHARDS));
      play(run, steps, () => {});
      const written = JSON.parse(JSON.stringify(run.records)) as typeof run.records;
      expect(new RunLedger(run.setup, written).state).toEqual(run.ledger.state);
    });
  });

  it('[I-4] [I-7] a snapshot after any decision and the records behind it are the fold of all, wherever a kill cuts', () => {
    forAll((steps) => {
      const run = new Rehearsal(runSetup({ peersMin: 2, roundsMax: 30, evaluateEveryRounds: 4 }, SHARDS));
      const taken: { recordCount: number; text: string }[] = [];
      play(run, steps, () =>
        taken.push({
          recordCount: run.records.length,
          text: JSON.stringify(snapshotOf(run.ledger.state)),
        }),
      );
      const written = JSON.parse(JSON.stringify(run.records)) as typeof run.records;
      for (let cut = taken.length - 1; cut > 0; cut = Math.floor(cut / 2)) {
        // Killed when everything up to this decision was on disk, with the snapshot of an earlier one.
        const durable = written.slice(0, taken[cut]!.recordCount);
        const { recordCount, text } = taken[Math.floor(cut / 2)]!;
        const folded = stateOfSnapshot(run.setup, JSON.parse(text) as LedgerSnapshot);
        expect(new RunLedger(run.setup, durable.slice(recordCount), folded).state).toEqual(
          new RunLedger(run.setup, durable).state,
        );
      }
    }, 40);
  });

  it('[I-1] [I-2] [I-3] [I-5] counts, caps, terms and epochs hold', () => {
    forAll((steps) => {
      const run = new Rehearsal(runSetup({ roundsMax: 30, evaluateEveryRounds: 4 }, SHARDS));
      const counted = new Set<string>();
      let countedResults = 0;
      let term = 0;
      let epoch = 0;
      play(run, steps, () => {
        const { state } = run.ledger;
        for (const { message } of run.heard)
          if (message.type === 'lease-ack' && message.outcome === 'counted') {
            counted.add(`${message.shardIndex}/${message.generation}`);
            countedResults++;
          }
        expect(counted.size).toBe(countedResults);
        const times = state.shards.map(({ timesCounted }) => timesCounted);
        expect(times.reduce((a, b) => a + b)).toBe(countedResults);
        expect(Math.min(...times)).toBe(state.epoch);
        expect(Math.max(...times)).toBeLessThanOrEqual(state.epoch + 2);
        expect(state.shardsCounted).toBe(times.filter((n) => n > state.epoch).length);
        for (let n = 0; n < VOLUNTEERS; n++) {
          const held = state.shards.filter(({ live, lessee }) => live && lessee === volunteer(n)).length;
          expect(held).toBeLessThanOrEqual(LEASES_PER_VOLUNTEER_MAX);
        }
        const founded = run.heard.filter(({ message }) => message.type === 'found').length;
        expect(state.term - term).toBe(founded);
        expect(state.epoch).toBeGreaterThanOrEqual(epoch);
        term = state.term;
        epoch = state.epoch;
      });
    });
  });

  it('every message and every view conforms to the wire', () => {
    forAll((steps) => {
      const run = new Rehearsal(runSetup({ roundsMax: 30, evaluateEveryRounds: 4 }, SHARDS));
      play(run, steps, () => {
        for (const { message } of run.heard) expect(isMessage(message), JSON.stringify(message)).toBe(true);
      });
      const view = runView(run.ledger, run.nowMs);
      expect(isRunView(view), JSON.stringify(view)).toBe(true);
      expect(volunteerViews(run.ledger, run.nowMs).every(isVolunteerView)).toBe(true);
      expect(metricPoints(run.ledger.state).every(isPoint)).toBe(true);
    });
  });

  it('[L-1] [L-5] when faults stop, two volunteers finish the run from wherever it stands', () => {
    forAll((steps) => {
      const run = new Rehearsal(
        runSetup({ roundsMax: 30, evaluateEveryRounds: 4, targetAccuracy: null }, SHARDS),
      );
      play(run, steps, () => {});
      if (run.ledger.state.state === 'paused') run.event({ kind: 'ordered', order: 'resume' });
      for (let n = 0; n < VOLUNTEERS; n++) run.leave(n);
      for (const n of [0, 1]) run.ready(n);
      const shardsBefore = run.ledger.state.shards.reduce((sum, shard) => sum + shard.timesCounted, 0);
      let round = 0;
      for (let seconds = 0; seconds < 300 && run.ledger.state.endedAtMs === null; seconds++) {
        run.wait(1_000);
        const founded = run.ledger.state.checkpoints.at(-1)!.round;
        round = Math.min(30, Math.max(round, founded) + 1);
        for (const n of [0, 1]) {
          if (run.ledger.state.term > 0) run.report(n, round);
          const lease = run.lease(n);
          if (lease !== null) run.result(n, lease);
          if (run.ledger.state.duty?.volunteerId === volunteer(n)) run.evaluate(n, 0.5);
        }
      }
      expect(run.ledger.state.endedAtMs).not.toBeNull();
      const shardsAfter = run.ledger.state.shards.reduce((sum, shard) => sum + shard.timesCounted, 0);
      if (round > 3) expect(shardsAfter).toBeGreaterThan(shardsBefore);
    }, 40);
  });

  it('[R13] up to 32 are one crew, everybody with everybody; one more, and all are told their crews of every plane', () => {
    const run = new Rehearsal(runSetup());
    for (let n = 0; n < LIMITS.groupMaxMembers; n++) run.ready(n);
    expect(run.ledger.routeOf(volunteer(0), volunteer(LIMITS.groupMaxMembers - 1))).toBe('peers');
    expect(run.toldTo(0, 'introduce').at(-1)).toMatchObject({
      plane: 0,
      planeCount: 1,
      peers: { length: 31 },
    });
    run.ready(LIMITS.groupMaxMembers);
    for (let n = 0; n <= LIMITS.groupMaxMembers; n++) {
      const told = run.toldTo(n, 'introduce').slice(-PLANE_COUNT);
      expect(told.map(({ plane, planeCount }) => [plane, planeCount])).toEqual([
        [0, 4],
        [1, 4],
        [2, 4],
        [3, 4],
      ]);
      for (const { peers } of told) expect(peers.length).toBeGreaterThanOrEqual(4);
    }
    expect(run.lease(LIMITS.groupMaxMembers)).not.toBeNull();
  });
});
