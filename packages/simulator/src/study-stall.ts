/**
 * What a tab's sudden death costs the others in time. Every death is told twice: the same seed with it and without it,
 * equal in every event until the tab dies, over lines that neither jitter nor lose, so that what differs afterwards is
 * the death's doing. Measured is how much later each survivor closes the rounds that follow. Pure.
 */
import { streamSeed, mulberry } from '@murmuration/codec';
import { DEFAULT_OPTIONS } from './options.ts';
import { BLIND, StudyGroup } from './study-group.ts';

/** Killed: the operating system closes its socket. Vanished: its machine lost power, and nobody is told. */
export type Death = 'killed' | 'vanished';

export interface StallOptions {
  readonly seed: number;
  /** Up to 32 are one group; more are crews. */
  readonly tabs: number;
  readonly deaths: number;
  readonly death: Death;
  readonly stepMs: number;
  /** The slowest tab's step takes so many times the fastest's. */
  readonly speedRatio: number;
  readonly uplinkMbit: number;
  readonly delayMeanMs: number;
}

export const STALL_DEFAULTS: StallOptions = {
  seed: 1,
  tabs: 8,
  deaths: 40,
  death: 'killed',
  stepMs: 100,
  speedRatio: 1.5,
  uplinkMbit: 10,
  delayMeanMs: 40,
};

export interface StallRow {
  /**
   * Of each death: the most by which a survivor closed one of the next rounds later than it would have. The group are
   * those with a link to the dead tab, the others have none; null: there were none.
   */
  readonly groupMs: readonly number[];
  /**
   * Of the group, in the round that was under way and the one after it: what waiting for the dead costs. Afterwards the
   * group knows who is left, and what differs is also that fewer members keep another pace.
   */
  readonly soonMs: readonly number[];
  readonly othersMs: readonly (number | null)[];
  /** Of each death: what is left of the group's delay after the last of these rounds. */
  readonly leftMs: readonly number[];
  readonly usualRoundMs: number;
}

/** Deaths happen in a window of rounds; by then the group knows its own pace. */
const ROUNDS_BEFORE = 16;
const ROUNDS_WINDOW = 8;
/** Rounds after the death that are compared: the four planes of crews, twice. */
const ROUNDS_AFTER = 8;
const ROUNDS_SOON = 2;
const END_MS = 600_000;

/** When each tab, by number, first stood at each round. */
type Stands = readonly (readonly number[])[];

interface Victim {
  readonly number: number;
  readonly atMs: number;
}

export function studyStall(changes: Partial<StallOptions>): StallRow {
  const options = { ...STALL_DEFAULTS, ...changes };
  const { stands: base } = tell(options, null);
  const random = mulberry(streamSeed(options.seed, 'deaths'));
  const from = Math.max(...base.map((at) => at[ROUNDS_BEFORE]!));
  const to = Math.max(...base.map((at) => at[ROUNDS_BEFORE + ROUNDS_WINDOW]!));
  const groupMs: number[] = [];
  const soonMs: number[] = [];
  const othersMs: (number | null)[] = [];
  const leftMs: number[] = [];
  for (let i = 0; i < options.deaths; i++) {
    const number = Math.floor(random() * options.tabs);
    const victim = { number, atMs: from + random() * (to - from) };
    const { stands, linked } = tell(options, victim);
    const late = base.map((at, tab) => {
      const first = at.findIndex((ms) => ms > victim.atMs);
      return Array.from(
        { length: ROUNDS_AFTER },
        (_, k) => (stands[tab]![first + k] ?? Infinity) - at[first + k]!,
      );
    });
    const survivors = late.map((_, tab) => tab).filter((tab) => tab !== victim.number);
    const mates = survivors.filter((tab) => linked.has(tab));
    const others = survivors.filter((tab) => !linked.has(tab));
    groupMs.push(Math.max(...mates.flatMap((tab) => late[tab]!)));
    soonMs.push(Math.max(...mates.flatMap((tab) => late[tab]!.slice(0, ROUNDS_SOON))));
    othersMs.push(others.length === 0 ? null : Math.max(...others.flatMap((tab) => late[tab]!)));
    leftMs.push(Math.max(...mates.map((tab) => late[tab]!.at(-1)!)));
  }
  return { groupMs, soonMs, othersMs, leftMs, usualRoundMs: (to - from) / ROUNDS_WINDOW };
}

/** One run, with a death in it or without. */
function tell(
  { seed, tabs, death, stepMs, speedRatio, uplinkMbit, delayMeanMs }: StallOptions,
  victim: Victim | null,
): { readonly stands: Stands; readonly linked: ReadonlySet<number> } {
  const stands = Array.from({ length: tabs }, (): number[] => []);
  const group: StudyGroup = new StudyGroup({
    run: {
      ...DEFAULT_OPTIONS,
      seed,
      tabs,
      rounds: 10_000,
      // What is learned is not what is measured.
      batchSize: 2,
      shardSamples: 64,
      validationSamples: 2,
      evaluateEveryRounds: 10_000,
      delayMeanMs,
      jitterShare: 0,
      lossShare: 0,
    },
    shape: { inputs: 16, hidden: 0, classes: 10 },
    watch: {
      ...BLIND,
      handled: (tab) => {
        const at = stands[tab.number]!;
        const round = tab.mind.head?.round ?? -1;
        while (at.length <= round) at.push(group.world.nowMs);
      },
    },
  });
  const speeds = group.world.chance('speeds');
  group.openAll(
    Array.from({ length: tabs }, () => ({
      stepMs: stepMs * (1 + (speedRatio - 1) * speeds()),
      uplinkMbit,
      downlinkMbit: Infinity,
    })),
  );
  const linked = new Set<number>();
  if (victim !== null)
    group.world.at(victim.atMs, () => {
      const dying = [...group.tabs.values()].find((tab) => tab.number === victim.number)!;
      for (const tab of group.tabs.values()) if (tab.wants(dying.id)) linked.add(tab.number);
      if (death === 'killed') dying.kill();
      else dying.vanish();
      group.tabs.delete(dying.id);
    });
  const roundsEnd = ROUNDS_BEFORE + ROUNDS_WINDOW + ROUNDS_AFTER + 2;
  const isOver = () => stands.every((at, tab) => tab === victim?.number || at.length > roundsEnd);
  while (group.world.step(END_MS)) if (group.world.eventCount % LOOK_EVERY_EVENTS === 0 && isOver()) break;
  return { stands, linked };
}

const LOOK_EVERY_EVENTS = 64;
