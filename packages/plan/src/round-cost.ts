/**
 * What a round takes, milliseconds and bytes: training and exchange, of which the longer one counts, because a tab trains
 * ahead while its update is on its way (SPEC R9).
 *
 * Mental model. A tab's round is H steps at its pace (swarm, pace.ts). Its update then goes to each of its mates, one after
 * another through its uplink; the last of them has it a way later; in one group the leader's word goes the same way back
 * before the next round can begin, in crews nobody waits for a word, in a central run the server receives all updates
 * through one line, averages, and answers each tab through it.
 *
 * It refuses to know learning. Pure.
 */
import { sliceMaxBytes } from '@murmuration/codec';
import { CODEC_BYTES_PER_PARAMETER, LIMITS, STRETCHES, type Codec } from '@murmuration/protocol';
import type { CoordinatorLimits, Crowd, Strategy, Task } from './crowd.ts';
import { groupingOf, type Grouping } from './group.ts';

const BYTES_PER_MS_PER_MBIT = 125;
/** An update besides its body; and the leader's word, which names each author and member. Counted in the simulator. */
const FRAME_BYTES = 76;
const COMMIT_BYTES_PER_MEMBER = 60;
/** Lines are never still: a way takes up to this share longer or shorter than the mean, and some packets are sent again. */
const JITTER_SHARE = 0.5;
const LOSS_SHARE = 0.01;
const RETRANSMIT_MS = 200;
/** Forming an update and applying a round on a processor, and what grows with the model: each update of int8 (bench:codec). */
const COMMANDS_MS = 8;
const FORM_MS_PER_MILLION = 30;
const COMMIT_MS_PER_MILLION_PER_UPDATE = 4;
/** A tab that is nearly as fast as the fastest does all steps (swarm, pace.ts). */
const SLOW_SHARE = 0.9;
/** The server's thread: averaging 16 int8 updates of 100,000 values (bench:codec). */
const COMBINE_MS = 10;
/** Of the shorter one of training and exchange, so much shows in crews. Measured with 36 to 64 tabs. */
const CREWS_SHOWN_SHARE = 0.5;
/** A straggler is waited for at least so long, or a quarter of the round (SPEC R3). */
const GRACE_MIN_MS = 250;

/**
 * The first update of a round waits 5 s for the others (SPEC R3), so rounds longer than this are cut: of what is beyond, a
 * third remains. Measured with 2 to 61 tabs and rounds of up to 34 s.
 */
const ROUND_WHOLE_MS = 8_000;
const LONG_SHARE = 1 / 3;
/** Rounds are made longer where the exchange is longer than training by this, unless so many would leave meanwhile (SPEC R17). */
const STRETCHED_RATIO = 1.25;
const LEFT_SHARE_MAX = 0.2;
/** Tabs whose speeds are looked at one by one. */
const LOOKED_MAX = 64;

/** Without rounds: updates wait for a quarter of those at work, an eighth of their interval in the mean. */
const UNTIL_ANSWERED = 8 / 7;
/** Rounds' steps that a tab trains at most until its update is answered (swarm, own-work.ts). */
const AHEAD_MAX = 4;

/** What the length of a round comes from. */
export type Bound = 'training' | 'uplink' | 'downlink' | 'coordinator' | 'latency';

export interface RoundCost {
  readonly grouping: Grouping;
  /** The codec that is really sent: `topk-auto` is the one that the line carries. */
  readonly codec: Exclude<Codec, 'topk-auto'>;
  readonly roundMs: number;
  readonly bound: Bound;
  /** Of the fastest tab: more than the run asks where rounds are made as long as the exchange (SPEC R17). */
  readonly localSteps: number;
  /** Of the steps that the run asks for, at everybody's pace. */
  readonly askedMs: number;
  /** Of the slowest tab at its pace, and from its update to the next round. */
  readonly trainMs: number;
  readonly exchangeMs: number;
  /** Steps of a tab, in the mean. */
  readonly stepsATab: number;
  /** Training is cut short by the round's deadlines. */
  readonly isCut: boolean;
  /** How many steps the mean of a round goes forward by. */
  readonly stepsOfMean: number;
  /** Of one tab. */
  readonly upBytes: number;
  readonly downBytes: number;
  /** Through the coordinator, each way. */
  readonly coordinatorInBytes: number;
  readonly coordinatorOutBytes: number;
}

export function roundCost(
  task: Task,
  crowd: Crowd,
  strategy: Strategy,
  limits: CoordinatorLimits,
  length: 'as-asked' | 'as-it-becomes' = 'as-it-becomes',
): RoundCost {
  const grouping = groupingOf(strategy, crowd);
  const isWaiting = strategy.schedule !== 'asynchronous';
  const asked = paceOf(crowd, strategy.localSteps, isWaiting);
  const codec = codecSent(task, crowd, strategy, limits, grouping, asked.trainMs);
  const exchange = exchangeOf(task, crowd, { ...strategy, codec }, limits, grouping);
  const exchangeMs = isWaiting ? exchange.ms : exchange.ms * UNTIL_ANSWERED;
  const localSteps =
    isWaiting && length === 'as-it-becomes'
      ? stretchedSteps(crowd, strategy.localSteps, grouping, exchangeMs)
      : strategy.localSteps;
  // Without rounds a tab trains on until its update is answered.
  const pace =
    isWaiting || exchangeMs <= asked.trainMs
      ? paceOf(crowd, localSteps, isWaiting)
      : paceOf(crowd, Math.min(AHEAD_MAX * localSteps, exchangeMs / crowd.stepMs), false);
  const million = task.parameterCount / 1e6;
  const updates = grouping.kind === 'server' ? 1 : grouping.groupTabs;
  const commandsMs =
    COMMANDS_MS + million * (FORM_MS_PER_MILLION + COMMIT_MS_PER_MILLION_PER_UPDATE * updates);
  const { trainMs } = pace;
  const longerMs = isWaiting ? pace.withMs(exchangeMs) : Math.max(trainMs, exchangeMs);
  const isHidden = exchangeMs <= trainMs;
  // Crews of one plane are not done at once, and those of the next wait for the latest: there less of it hides.
  const shownMs = grouping.kind === 'crews' ? CREWS_SHOWN_SHARE * Math.min(trainMs, exchangeMs) : 0;
  const evaluationMs = isWaiting ? evaluationShownMs(task, crowd, grouping, { trainMs, exchangeMs }) : 0;
  return {
    grouping,
    codec,
    localSteps,
    askedMs: asked.trainMs,
    trainMs,
    exchangeMs,
    roundMs: commandsMs + longerMs + shownMs + evaluationMs / task.evaluateEveryRounds,
    // Longer than asked they are for the exchange's sake.
    bound: isHidden && localSteps === strategy.localSteps ? 'training' : exchange.bound,
    stepsATab: pace.stepsATab,
    isCut: pace.isCut,
    stepsOfMean: pace.stepsOfMean,
    upBytes: exchange.upBytes,
    downBytes: exchange.downBytes,
    coordinatorInBytes: exchange.coordinatorInBytes,
    coordinatorOutBytes: exchange.coordinatorOutBytes,
  };
}

/** [R17] Steps of a round that is made as long as its exchange takes. In crews nobody has the word. */
function stretchedSteps(
  { stepMs, churnPerMinute }: Crowd,
  localSteps: number,
  { kind }: Grouping,
  exchangeMs: number,
): number {
  const askedMs = localSteps * stepMs;
  if (kind === 'crews' || kind === 'alone' || exchangeMs <= STRETCHED_RATIO * askedMs) return localSteps;
  const leaving = (stretch: number) => (stretch * askedMs * churnPerMinute) / 60_000;
  const longer = STRETCHES.filter((stretch) => stretch === 1 || leaving(stretch) <= LEFT_SHARE_MAX);
  const stretch = longer.find((each) => each * askedMs >= exchangeMs) ?? longer.at(-1)!;
  return Math.min(LIMITS.localStepsMax, Math.round(localSteps * stretch));
}

/**
 * What one evaluation lengthens a round by. Who evaluates is waited for once, for the grace, and then not counted on; the
 * others train ahead meanwhile, so only what exchange and grace take beyond their training shows.
 */
function evaluationShownMs(
  { evaluationSteps }: Task,
  crowd: Crowd,
  { kind }: Grouping,
  { trainMs, exchangeMs }: Pick<RoundCost, 'trainMs' | 'exchangeMs'>,
): number {
  const evaluationMs = evaluationSteps * meanStepMs(crowd);
  if (kind === 'alone') return evaluationMs;
  const waitMs = Math.min(evaluationMs, Math.max(GRACE_MIN_MS, trainMs / 4));
  return Math.max(0, exchangeMs + waitMs - Math.max(trainMs, exchangeMs));
}

export const meanStepMs = ({ stepMs, speedRatio }: Crowd) => (stepMs * (1 + speedRatio)) / 2;

/** A crowd is asked about for every codec and architecture, and its paces are the same for all of them. */
const paces = new WeakMap<Crowd, Map<number, Pace>>();
function paceOf(crowd: Crowd, localSteps: number, isWaiting: boolean): Pace {
  let known = paces.get(crowd);
  if (known === undefined) paces.set(crowd, (known = new Map()));
  const key = isWaiting ? localSteps : -localSteps;
  let pace = known.get(key);
  if (pace === undefined) known.set(key, (pace = newPace(crowd, localSteps, isWaiting)));
  return pace;
}

type Pace = ReturnType<typeof newPace>;

/**
 * Local steps follow speed: a slow tab does fewer, so that it ends with the others. Nobody is idle meanwhile, because who is cut
 * off goes on with what it has and who is early trains ahead; so steps a round are what a tab makes in its time.
 */
function newPace({ tabs, stepMs, speedRatio }: Crowd, localSteps: number, isWaiting: boolean) {
  const looked = Math.min(tabs, LOOKED_MAX);
  const stepsMs = Array.from(
    { length: looked },
    (_, i) => stepMs * (1 + (speedRatio - 1) * ((i + 0.5) / looked)),
  );
  const fastestMs = localSteps * stepsMs[0]!;
  const slowestMs = Math.max(
    ...stepsMs.map((tabStepMs) => {
      const share = stepsMs[0]! / tabStepMs;
      return tabStepMs * (share >= SLOW_SHARE ? localSteps : Math.max(1, Math.round(localSteps * share)));
    }),
  );
  // Whole steps make some late; a part of the rounds is closed over them. Without rounds nobody is.
  const wholeMs = isWaiting ? (fastestMs + slowestMs) / 2 : fastestMs;
  const trainMs = cutMs(wholeMs);
  const steps = stepsMs.map((tabStepMs) => Math.min(localSteps, trainMs / tabStepMs));
  const sum = steps.reduce((a, b) => a + b, 0);
  return {
    trainMs,
    /** With an exchange of this length: who trains longer than that is late, as without it. */
    withMs: (exchangeMs: number) =>
      Math.max(exchangeMs, cutMs((Math.max(fastestMs, exchangeMs) + Math.max(slowestMs, exchangeMs)) / 2)),
    isCut: trainMs < wholeMs,
    stepsATab: sum / looked,
    stepsOfMean: stepsOfMean(steps, isWaiting),
  };
}

/**
 * How far a round moves the mean. Weighted by samples it goes as far as its members' steps, those of the fast ones first. Who
 * does less than a step in a round is not in each of them, and is in the others with a whole one. Without rounds an update
 * moves the model by its share of what all would send (SPEC A), and so do those that come more rarely.
 */
function stepsOfMean(steps: readonly number[], isWaiting: boolean): number {
  const sum = (of: (tabSteps: number) => number) => steps.reduce((total, each) => total + of(each), 0);
  const sent = (tabSteps: number) => Math.max(1, tabSteps);
  return sum((each) => each * sent(each)) / sum(isWaiting ? (each) => each : sent);
}

/** Longer rounds are closed over those who are still in them; what these did goes with their next update. */
const cutMs = (wholeMs: number) =>
  wholeMs <= ROUND_WHOLE_MS ? wholeMs : ROUND_WHOLE_MS + (wholeMs - ROUND_WHOLE_MS) * LONG_SHARE;

interface Exchange {
  readonly ms: number;
  readonly bound: Exclude<Bound, 'training'>;
  readonly upBytes: number;
  readonly downBytes: number;
  readonly coordinatorInBytes: number;
  readonly coordinatorOutBytes: number;
}

const NO_BYTES = { upBytes: 0, downBytes: 0, coordinatorInBytes: 0, coordinatorOutBytes: 0 };

function exchangeOf(
  { parameterCount }: Task,
  crowd: Crowd,
  { architecture, codec }: Pick<Strategy, 'architecture'> & { readonly codec: Exclude<Codec, 'topk-auto'> },
  limits: CoordinatorLimits,
  { kind, tabs, mates }: Grouping,
): Exchange {
  const slice = kind === 'crews' ? sliceMaxBytes(parameterCount) : 0;
  const updateBytes = FRAME_BYTES + CODEC_BYTES_PER_PARAMETER[codec] * parameterCount + slice;
  const sentMs = (bytes: number, mbit: number) => bytes / (mbit * BYTES_PER_MS_PER_MBIT);
  const bytes = mates * updateBytes;
  if (kind === 'alone') return { ms: 0, bound: 'latency', ...NO_BYTES };
  if (kind === 'server') {
    const upMs = sentMs(updateBytes, Math.min(crowd.uplinkMbit, limits.volunteerMbit));
    const downMs = sentMs(updateBytes, crowd.downlinkMbit);
    const serverMs = 2 * sentMs(tabs * updateBytes, limits.totalMbit) + COMBINE_MS;
    const waysMs = farthestBackMs(crowd, tabs);
    return {
      ms: upMs + downMs + serverMs + waysMs,
      bound: largest({ uplink: upMs, downlink: downMs, coordinator: serverMs, latency: waysMs }),
      upBytes: bytes,
      downBytes: bytes,
      coordinatorInBytes: tabs * updateBytes,
      coordinatorOutBytes: tabs * updateBytes,
    };
  }
  // In one group everybody waits for the word of the leader, and the next leader for what it lacks.
  const isLed = kind === 'one-group';
  const wordBytes = isLed ? mates * COMMIT_BYTES_PER_MEMBER * tabs : 0;
  const relayed = relayedOf(crowd, architecture, mates);
  const upMs = sentMs(relayed.copiesMax * updateBytes + wordBytes, crowd.uplinkMbit);
  const downMs = sentMs(bytes, crowd.downlinkMbit);
  const isRelayed = relayed.passed > 0;
  const relayMs = isRelayed
    ? Math.max(
        sentMs(relayed.passedMax * updateBytes, limits.volunteerMbit),
        sentMs(tabs * relayed.passed * updateBytes, limits.totalMbit),
      )
    : 0;
  // A way through the coordinator is two.
  const way = isRelayed ? { ...crowd, roundTripMs: 2 * crowd.roundTripMs } : crowd;
  const waysMs = farthestMs(way, isLed ? 2 * mates : mates) + (isLed ? farthestMs(way, mates) : 0);
  return {
    // Both ends of a line work at once, and so does what passes on.
    ms: Math.max(upMs, downMs, relayMs) + waysMs,
    bound: largest({ uplink: upMs, downlink: downMs, latency: waysMs, coordinator: relayMs }),
    upBytes: relayed.copies * updateBytes + wordBytes / tabs,
    downBytes: bytes + wordBytes / tabs,
    coordinatorInBytes: tabs * relayed.entered * updateBytes,
    coordinatorOutBytes: tabs * relayed.passed * updateBytes,
  };
}

/**
 * Copies of one update a round: what a tab sends (`copies`), what of it enters the coordinator and what that passes on, all in
 * the mean of the tabs; and the most of any tab. In a hybrid run several receivers behind the coordinator are one copy that
 * enters (SPEC T6); what one tab has passed on is held against its rate, copy by copy.
 */
function relayedOf({ pathlessShare = 0 }: Crowd, architecture: Strategy['architecture'], mates: number) {
  /** Mates of a tab with a way that have none. */
  const far = Math.min(mates, pathlessShare * (mates + 1));
  const entering = (passed: number) => (architecture === 'hybrid' ? Math.min(1, passed) : passed);
  const ofDirect = { passed: far, entered: entering(far), copies: mates - far + entering(far) };
  const ofPathless = { passed: mates, entered: entering(mates), copies: entering(mates) };
  const mean = (of: (tab: typeof ofDirect) => number) =>
    (1 - pathlessShare) * of(ofDirect) + pathlessShare * of(ofPathless);
  return {
    copies: mean(({ copies }) => copies),
    entered: mean(({ entered }) => entered),
    passed: mean(({ passed }) => passed),
    copiesMax: pathlessShare < 1 ? Math.max(ofDirect.copies, ofPathless.copies) : ofPathless.copies,
    passedMax: pathlessShare > 0 ? mates : 0,
  };
}

/** The latest of so many messages on their way: jitter and, for one of them, perhaps a second try. */
function farthestMs({ roundTripMs, lossShare = LOSS_SHARE }: Crowd, messages: number): number {
  const jitter = 1 + (JITTER_SHARE * (messages - 1)) / (messages + 1);
  const isLost = 1 - (1 - lossShare) ** messages;
  return (roundTripMs / 2) * jitter + RETRANSMIT_MS * isLost;
}

/** The latest of so many tabs to have an answer: who was late there need not be late on the way back. */
function farthestBackMs({ roundTripMs, lossShare = LOSS_SHARE }: Crowd, tabs: number): number {
  // Two ways that are each anything within their spread come within x of the most with x^2 / 2.
  const jitter = 1 + JITTER_SHARE * Math.max(0, 1 - Math.sqrt(Math.PI / 2 / tabs));
  const isLost = 1 - (1 - lossShare) ** (2 * tabs);
  return roundTripMs * jitter + RETRANSMIT_MS * isLost;
}

const largest = <B extends string>(parts: Readonly<Record<B, number>>): B =>
  (Object.keys(parts) as B[]).reduce((a, b) => (parts[b] > parts[a] ? b : a));

/** [R14] The largest top-k that leaves within 30 % of a round; the smallest where none does. */
const AUTO_LADDER = [
  'topk-1024',
  'topk-512',
  'topk-256',
  'topk-128',
  'topk-64',
  'topk-32',
  'topk-16',
] as const;
const AUTO_SHARE = 0.3;

function codecSent(
  task: Task,
  crowd: Crowd,
  { architecture, codec }: Strategy,
  limits: CoordinatorLimits,
  grouping: Grouping,
  trainMs: number,
): Exclude<Codec, 'topk-auto'> {
  if (codec !== 'topk-auto') return codec;
  const fits = AUTO_LADDER.find((each) => {
    const { upBytes, ms } = exchangeOf(task, crowd, { architecture, codec: each }, limits, grouping);
    return upBytes / (crowd.uplinkMbit * BYTES_PER_MS_PER_MBIT) <= AUTO_SHARE * Math.max(trainMs, ms);
  });
  return fits ?? 'topk-16';
}
