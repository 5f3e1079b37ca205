/**
 * Every option of a simulated run, with its default, range and meaning. A fault is an option like any other: 0 turns it
 * off. `--set key=value` of the command line and the shrinker's changes both go through this table, so a run is
 * described completely by a seed and a list of `key=value`.
 */
import { ATTACKS } from './attacks.ts';
import {
  ADAPTIVE,
  ARCHITECTURES,
  CODECS,
  DEFAULT_TRAINING,
  EXCHANGES,
  OPTIMISERS,
  SCHEDULES,
} from '@murmuration/protocol';

interface NumberOption {
  readonly kind: 'number' | 'integer';
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly help: string;
}
interface ChoiceOption<C extends string> {
  readonly kind: 'choice';
  readonly default: C;
  readonly choices: readonly C[];
  readonly help: string;
}

const number = (value: number, [min, max]: readonly [number, number], help: string): NumberOption => ({
  kind: 'number',
  default: value,
  min,
  max,
  help,
});
const integer = (value: number, range: readonly [number, number], help: string): NumberOption => ({
  ...number(value, range, help),
  kind: 'integer',
});
const choice = <const C extends string>(
  choices: readonly [C, ...C[]],
  help: string,
  value: C = choices[0],
): ChoiceOption<C> => ({
  kind: 'choice',
  default: value,
  choices,
  help,
});
/** A fault that strikes again and again: mean time between two strikes in the whole swarm; 0: never. */
const every = (help: string) => number(0, [0, 36_000_000], `mean ms between ${help}; 0: never`);
const { localSteps, warmUpRounds, batchSize, optimiser, learningRate, outerLearningRate } = DEFAULT_TRAINING;
const { codec, peersMin, evaluateEveryRounds } = DEFAULT_TRAINING;

export const OPTIONS = {
  seed: integer(1, [0, 4_294_967_295], 'everything random comes from it'),
  tabs: integer(4, [1, 20_000], 'imaginary tabs that are there at any time'),
  rounds: integer(60, [1, 1_000_000], 'rounds of the run'),
  hours: number(2, [0.01, 1_000], 'imaginary hours after which the run is given up'),

  model: choice(
    ['mlp', 'softmax', 'mlp-20k', 'mlp-100k'],
    'mlp: 64-16-10, 1,210 parameters; softmax: 16-10, 170; mlp-20k: 64-267-10, 20,035; mlp-100k: 64-1333-10, 99,985',
  ),
  split: choice(['iid', 'label'], 'labels over shards: alike in all, or two in each'),
  noise: number(0.6, [0, 10], 'standard deviation of samples around their cluster'),
  clustersPerClass: integer(8, [1, 64], 'clusters that make up one class'),
  shards: integer(0, [0, 100_000], 'shards of the data; 0: two a tab, at least 24'),
  shardSamples: integer(320, [1, 65_536], 'samples of a shard'),
  validationSamples: integer(1_000, [1, 65_536], 'samples of an evaluation'),

  localSteps: integer(localSteps, [1, 1_000], 'local steps between two exchanges'),
  warmUpRounds: integer(warmUpRounds, [0, 1_000_000], 'first rounds of two local steps each'),
  batchSize: integer(batchSize, [1, 4_096], 'samples of a step'),
  optimiser: choice(OPTIMISERS, 'how a tab steps', optimiser),
  learningRate: number(learningRate, [1e-6, 1], "the optimiser's step size"),
  outerLearningRate: number(outerLearningRate, [0.01, 4], 'factor of the averaged update'),
  exchange: choice(EXCHANGES, 'what is averaged'),
  group: integer(0, [0, 16], 'members of a group, from 2 on; else as the number of tabs says'),
  adaptive: choice(
    ADAPTIVE,
    'whether graces, the length of rounds and the steps of slow tabs follow what is measured',
  ),
  codec: choice(CODECS, 'how an update is made small', codec),
  peersMin: integer(peersMin, [1, 32], 'tabs without which no round is trained'),
  evaluateEveryRounds: integer(evaluateEveryRounds, [1, 10_000], 'rounds between two evaluations'),

  stepMs: number(50, [1, 60_000], "imaginary ms of the fastest tab's step"),
  speedRatio: number(1.5, [1, 100], "the slowest tab's step takes so many times the fastest's"),
  architecture: choice(
    ARCHITECTURES,
    'who averages: the tabs (hybrid: the relay copies), or the coordinator',
  ),
  speeds: choice(
    ['drawn', 'even'],
    'steps between the two: drawn, or evenly by ratio, the first tab the fastest',
  ),
  schedule: choice(SCHEDULES, 'of a central run: rounds, or versions that wait for nobody'),
  maxStaleness: integer(16, [1, 32], 'asynchronous: versions that a counted update may be behind'),
  serverMbit: number(200, [0.1, 100_000], 'what an averaging server may send to all tabs together, Mbit/s'),

  wire: choice(
    ['fast', 'full'],
    'full: each frame is cut, put together and decoded for each receiver; fast: one in 16, the others once',
  ),
  checks: choice(
    ['on', 'off'],
    "off: each tab's numbers are not held against sums of their own, which takes a third of the time",
  ),
  delayMeanMs: number(40, [0, 10_000], 'mean one-way delay of a message'),
  jitterShare: number(0.5, [0, 1], 'a delay lies within this share of the mean around it'),
  lossShare: number(0.01, [0, 0.9], 'share of messages that must be sent again, each time after 200 ms'),
  uplinkMinMbit: number(10, [0.01, 10_000], 'slowest uplink, Mbit/s'),
  uplinkMaxMbit: number(10, [0.01, 10_000], 'fastest uplink, Mbit/s'),
  nodes: integer(0, [0, 64], 'machines or networks that the tabs are in, in turn; 0: each is for itself'),
  places: choice(
    ['named', 'found'],
    'tabs say the word of their node, or are to find it by their round trips',
  ),
  betweenEvery: integer(0, [0, 4_000], "rounds inside a node for each between nodes (K'); 0: no tiers"),
  insideMbit: number(1_000, [0.01, 100_000], 'what a tab sends to those in its node, Mbit/s'),
  insideDelayMs: number(1, [0, 10_000], 'mean one-way delay inside a node'),
  downlinkMbit: number(0, [0, 10_000], 'downlink of every tab, Mbit/s; 0: no bound'),

  noPeersShare: number(0, [0, 1], 'share of the tabs that want no peers: through the coordinator only'),
  pathlessShare: number(0, [0, 1], 'share of the pairs that find no path to each other'),
  relayDelayMeanMs: number(40, [0, 10_000], 'mean one-way delay between a tab and the relay'),
  relayVolunteerMbit: number(20, [0.01, 10_000], 'what one tab may send through the coordinator, Mbit/s'),
  relayTotalMbit: number(200, [0.01, 100_000], 'what all tabs together may, Mbit/s'),

  faultsFromMs: number(0, [0, 3.6e9], 'faults strike from then on'),
  faultsUntilMs: number(3.6e9, [0, 3.6e9], 'and until then, or until three quarters of the rounds are done'),
  churnPerMinute: number(0, [0, 60], 'departures a minute as a share of the tabs; each is replaced'),
  churnPerRound: number(0, [0, 0.5], 'share of the tabs that is replaced in every round'),
  freezeEveryMs: every('two tabs that freeze for 1 to 60 s'),
  frozenShare: number(0, [0, 0.9], 'share of the tabs that is frozen at any time, each for 10 to 60 s'),
  backgroundEveryMs: every('two tabs that get one wake-up a minute, for 1 to 4 minutes'),
  clockJumpEveryMs: every('two clocks (a tab or the coordinator) that jump by 5 minutes'),
  deviceLostEveryMs: every('two tabs that lose their device'),
  partitionEveryMs: every('two partitions (symmetric, one-way or isolating) of 2 to 30 s'),
  clogEveryMs: every('two directions of a link that carry nothing for 1 to 20 s'),
  halfOpenEveryMs: every('two links of which one direction is dead for good'),
  coordinatorKillEveryMs: every("two kills of the coordinator's process, which is back after 1 to 20 s"),
  serverCrashEveryMs: every('two ends of the averaging thread alone, which is back after a second'),
  storeErrorShare: number(0, [0, 0.2], 'share of journal writes that fail, which ends the process'),
  blobErrorShare: number(0, [0, 0.5], 'share of blob transfers that fail'),
  hostileShare: number(0, [0, 0.5], 'share of the tabs that are hostile'),
  attack: choice(['any', ...ATTACKS], 'what hostile tabs do; any: each draws one, but phantom'),
} as const;

type OptionTable = typeof OPTIONS;
export type OptionName = keyof OptionTable;
export type SimulateOptions = {
  readonly [K in OptionName]: OptionTable[K] extends ChoiceOption<infer C> ? C : number;
};
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];
export const DEFAULT_OPTIONS = Object.fromEntries(
  OPTION_NAMES.map((name) => [name, OPTIONS[name].default]),
) as SimulateOptions;

/** Options that are faults: what the shrinker may turn off. */
export const FAULTS = [
  'churnPerMinute',
  'churnPerRound',
  'freezeEveryMs',
  'frozenShare',
  'backgroundEveryMs',
  'clockJumpEveryMs',
  'deviceLostEveryMs',
  'partitionEveryMs',
  'clogEveryMs',
  'halfOpenEveryMs',
  'pathlessShare',
  'coordinatorKillEveryMs',
  'serverCrashEveryMs',
  'storeErrorShare',
  'blobErrorShare',
  'hostileShare',
] as const satisfies readonly OptionName[];

/** Reads one `key=value`. `wrong` names the key and what it allows. */
export function parseSetting(
  text: string,
): { readonly name: OptionName; readonly value: number | string } | { readonly wrong: string } {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals)).trim();
  const value = text.slice(equals + 1).trim();
  if (equals < 1) return { wrong: `"${text}" is no key=value, for example lossShare=0.1` };
  if (!Object.hasOwn(OPTIONS, name))
    return { wrong: `${name}: there is no such option; there are ${OPTION_NAMES.join(', ')}` };
  const option: NumberOption | ChoiceOption<string> = OPTIONS[name as OptionName];
  if (option.kind === 'choice')
    return option.choices.includes(value)
      ? { name: name as OptionName, value }
      : { wrong: `${name}: must be one of ${option.choices.join(', ')}, not "${value}"` };
  const parsed = value === '' ? Number.NaN : Number(value);
  const isRight = parsed >= option.min && parsed <= option.max;
  if (!isRight || (option.kind === 'integer' && !Number.isInteger(parsed)))
    return {
      wrong: `${name}: needs a ${option.kind === 'integer' ? 'whole ' : ''}number from ${option.min} to ${option.max}, not "${value}"`,
    };
  return { name: name as OptionName, value: parsed };
}

/** The settings in which `options` differ from `base`, as `key=value`. */
export function settingsOf(options: SimulateOptions, base: SimulateOptions = DEFAULT_OPTIONS): string[] {
  return OPTION_NAMES.filter((name) => name !== 'seed' && options[name] !== base[name]).map(
    (name) => `${name}=${options[name]}`,
  );
}

/** Every option with its default and range, a line each. */
export function optionHelp(): string[] {
  return OPTION_NAMES.map((name) => {
    const option: NumberOption | ChoiceOption<string> = OPTIONS[name];
    const range = option.kind === 'choice' ? option.choices.join('|') : `${option.min}..${option.max}`;
    return `  ${name}=${option.default}  (${range}) ${option.help}`;
  });
}
