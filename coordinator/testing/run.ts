/** A run for tests: its setup, and a driver that plays volunteers against one ledger in virtual time. */
import type {
  Adapter,
  CoordinatorMessage,
  CoordinatorMessageOf,
  Decision,
  Head,
  LinkPolicy,
  LossParts,
  RunManifest,
  TabTotals,
  Training,
  VolunteerId,
} from '@murmuration/protocol';
import { DEFAULT_TRAINING, presetModel } from '@murmuration/protocol';
import { RunLedger } from '../src/ledger.ts';
import type { LedgerDecision, LedgerEvent, LedgerRecord, RunMessage, RunSetup } from '../src/ledger.ts';
import { NO_TOTALS } from '../src/ledger-state.ts';

export const RUN_ID = `run_${'r'.repeat(26)}`;
export const hash = (name: string | number): string =>
  [...String(name)]
    .map((c) => c.charCodeAt(0).toString(16).padStart(2, '0'))
    .join('')
    .padStart(64, '0');
export const volunteer = (n: number): VolunteerId => `vol_${String(n).padStart(26, '0')}`;
export const ADAPTER: Adapter = {
  backend: 'webgpu',
  vendor: 'test',
  architecture: 'imaginary',
  description: '',
  isFallbackAdapter: true,
};
const FINGERPRINT = 'f'.repeat(16);

export function runSetup(training: Partial<Training> = {}, shardCount = 4): RunSetup {
  const shard = (index: number) => ({ index, sha256: hash(index), sampleCount: 100, byteLength: 78_500 });
  const manifest: RunManifest = {
    id: RUN_ID,
    name: 'rehearsal',
    seed: 1,
    model: presetModel('mlp', [28, 28, 1], 10),
    parameterCount: 101_770,
    training: { ...DEFAULT_TRAINING, ...training },
    dataset: {
      id: `data_${'d'.repeat(26)}`,
      name: 'Digits',
      kind: 'digits',
      licence: '',
      sampleShape: [28, 28, 1],
      encoding: 'uint8',
      target: { kind: 'class', classCount: 10 },
      trainSampleCount: 100 * shardCount,
      shardCount,
      validation: { ...shard(0), sha256: hash('validation') },
    },
  };
  const shards = Array.from({ length: shardCount }, (_, index) => shard(index));
  return { manifest, shards, initialCheckpoint: hash('initial'), createdAtMs: 1_000_000 };
}

type Heard = { readonly to: VolunteerId; readonly message: CoordinatorMessage };

/** Plays volunteers by number. Keeps every record, so that the coordinator can be killed and started again. */
export class Rehearsal {
  readonly setup: RunSetup;
  readonly records: LedgerRecord[] = [];
  ledger: RunLedger;
  nowMs: number;
  /** What went out with the last event. */
  heard: readonly Heard[] = [];

  constructor(setup: RunSetup) {
    this.setup = setup;
    this.ledger = new RunLedger(setup);
    this.nowMs = setup.createdAtMs;
  }

  event(event: LedgerEvent): LedgerDecision {
    const decision = this.ledger.handle(event, this.nowMs);
    this.records.push(...decision.records);
    this.heard = decision.messages;
    return decision;
  }
  /** Lets time pass in ticks of a second, and keeps everything that went out. */
  wait(ms: number): void {
    const heard: Heard[] = [];
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs = Math.min(endMs, this.nowMs + 1_000);
      for (const volunteerId of [...this.ledger.present.keys()]) {
        this.event({ kind: 'heard', volunteerId });
        heard.push(...this.heard);
      }
      this.event({ kind: 'tick' });
      heard.push(...this.heard);
    }
    this.heard = heard;
  }
  /** kill -9 and start again. */
  restart(): void {
    this.ledger = new RunLedger(this.setup, this.records);
    this.event({ kind: 'restarted' });
  }

  join(n: number, head: Head | null = null, links: LinkPolicy = 'direct'): LedgerDecision {
    return this.event({ kind: 'joined', volunteerId: volunteer(n), adapter: ADAPTER, links, head });
  }
  leave(n: number, exit: 'socket-closed' | 'leaving' = 'socket-closed'): LedgerDecision {
    return this.event({ kind: 'left', volunteerId: volunteer(n), exit });
  }
  say(n: number, message: RunMessage): LedgerDecision {
    return this.event({ kind: 'said', volunteerId: volunteer(n), message });
  }
  ready(n: number): LedgerDecision {
    this.join(n);
    return this.say(n, { type: 'ready', runId: RUN_ID });
  }
  report(
    n: number,
    round: number,
    {
      term = this.ledger.state.term,
      fingerprint = FINGERPRINT,
      loss = 1,
      totals = {} as Partial<TabTotals>,
      ...measured
    }: {
      term?: number;
      fingerprint?: string;
      loss?: number | null;
      totals?: Partial<TabTotals>;
      stepsPerSecond?: number;
      duty?: number;
      rttMs?: number;
      uplinkKbit?: number;
      isParting?: boolean;
      decisions?: Decision[];
    } = {},
  ): LedgerDecision {
    return this.say(n, {
      type: 'report',
      runId: RUN_ID,
      head: { term, round, fingerprint },
      loss,
      stepsPerSecond: 10,
      state: 'training',
      totals: { ...NO_TOTALS, localSteps: round * 10, samples: round * 320, rounds: round, ...totals },
      ...measured,
    });
  }
  /** Asks for one lease; null when there is none. */
  lease(n: number, held = 0): CoordinatorMessageOf<'lease'> | null {
    this.say(n, { type: 'lease-request', runId: RUN_ID, held });
    return this.toldTo(n, 'lease')[0] ?? null;
  }
  result(n: number, { shard, generation }: CoordinatorMessageOf<'lease'>): string | null {
    this.say(n, {
      type: 'lease-result',
      runId: RUN_ID,
      shardIndex: shard.index,
      generation,
      sampleCount: shard.sampleCount,
    });
    return this.toldTo(n, 'lease-ack')[0]?.outcome ?? null;
  }
  /** The volunteer that was asked evaluates as asked. */
  evaluate(
    n: number,
    accuracy: number | null,
    loss: number | null = 0.5,
    error: number | null = null,
    parts?: LossParts,
  ): LedgerDecision {
    const duty = this.ledger.state.duty!;
    const sha256 = hash(`checkpoint ${duty.generation}`);
    this.event({ kind: 'checkpoint-stored', volunteerId: volunteer(n), sha256 });
    return this.say(n, {
      type: 'evaluation',
      runId: RUN_ID,
      generation: duty.generation,
      head: { term: this.ledger.state.term, round: duty.roundMin, fingerprint: FINGERPRINT },
      checkpointSha256: sha256,
      loss,
      accuracy,
      error,
      ...(parts === undefined ? {} : { parts }),
      sampleCount: this.setup.manifest.dataset.validation.sampleCount,
    });
  }
  toldTo<T extends CoordinatorMessage['type']>(n: number, type: T): CoordinatorMessageOf<T>[] {
    const isIt = (message: CoordinatorMessage): message is CoordinatorMessageOf<T> => message.type === type;
    return this.heard.flatMap(({ to, message }) => (to === volunteer(n) && isIt(message) ? [message] : []));
  }
}
