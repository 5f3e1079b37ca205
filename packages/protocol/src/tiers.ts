/**
 * Averaging in two tiers: often inside a node (the tabs of one machine or network), now and then between nodes. Rounds of a
 * node are numbered through: in each cycle `betweenEvery` of them, and one place at which the node waits for the round
 * between nodes, whose number is the cycle's. So a node that gets there early, and one that stops short, stand at the same
 * number.
 */
import Type, { type Static } from 'typebox';
import { idFromRandomBytes, type RunId, type VolunteerId } from './ids.ts';
import { LIMITS } from './limits.ts';

/** Rounds of a cycle at most: a million cycles of them are still counted in 32 bits. */
const BETWEEN_EVERY_MAX = 4_000;
/**
 * Between two rounds of nodes, if the run does not say: of 1, 8, 10 and 50, of which the last three took two thirds of the
 * first one's time to a loss, it had the least loss of these three (docs/strategies.md, K').
 */
const BETWEEN_EVERY = 10;
/** Local steps of a run that does not say, either (run.ts). */
const INSIDE_EVERY = 5;

/** What the machines of a node say to be known as one. */
const NODE_KEY = '^[0-9A-Za-z._-]{1,64}$';
export const NodeKeySchema = Type.String({ pattern: NODE_KEY });
/** Null: the text is no such word. */
export const nodeKeyIn = (text: string | null): string | null =>
  text !== null && new RegExp(NODE_KEY).test(text) ? text : null;

/** `auto`: the run's local steps, and a round between nodes after ten inside. Nothing of the crowd is looked at. */
export const TiersSchema = Type.Union([
  Type.Enum(['off', 'auto']),
  Type.Object(
    {
      insideEvery: Type.Integer({
        minimum: 1,
        maximum: LIMITS.localStepsMax,
        default: INSIDE_EVERY,
        title: 'Steps of a round inside a node',
        description: "After so many local steps tabs of a node exchange; they are the run's local steps.",
      }),
      betweenEvery: Type.Integer({
        minimum: 1,
        maximum: BETWEEN_EVERY_MAX,
        default: BETWEEN_EVERY,
        title: 'Rounds inside for one between nodes',
        description: "So many rounds inside make a round between nodes (K'), which is what the run counts.",
      }),
    },
    { additionalProperties: false },
  ),
]);

export interface Tiers {
  /** Local steps between two rounds inside a node. */
  readonly insideEvery: number;
  /** Rounds inside between two rounds of nodes (K'). */
  readonly betweenEvery: number;
}

/** Null: everybody averages with everybody. */
export function tiersOf(training: {
  readonly tiers?: Static<typeof TiersSchema>;
  readonly localSteps: number;
}): Tiers | null {
  const { tiers, localSteps } = training;
  if (tiers === undefined || tiers === 'off') return null;
  return tiers === 'auto' ? { insideEvery: localSteps, betweenEvery: BETWEEN_EVERY } : tiers;
}

type Cycle = Pick<Tiers, 'betweenEvery'>;
/** Which round between nodes this round of a node leads to. */
export const cycleOf = ({ betweenEvery }: Cycle, round: number): number =>
  Math.floor(round / (betweenEvery + 1));
/** Where a node's cycle begins, and where it waits for the other nodes. */
export const firstOf = ({ betweenEvery }: Cycle, cycle: number): number => cycle * (betweenEvery + 1);
export const betweenAt = (tiers: Cycle, cycle: number): number => firstOf(tiers, cycle) + tiers.betweenEvery;

/**
 * Under which the tabs that say this key are a node of this run: nobody learns the key, and no key is in two runs the same
 * node.
 */
const nodeIdOf = (runId: RunId, key: string): VolunteerId => hashedId(`${runId} ${key}`);

function hashedId(text: string): VolunteerId {
  return idFromRandomBytes(
    'vol',
    Uint8Array.from({ length: 26 }, (_, i) => hashByte(text, i)),
  );
}

/** FNV-1a over the text, begun with a number: 26 of them are as good as one long hash for telling a few nodes apart. */
function hashByte(text: string, salt: number): number {
  let hash = Math.imul(0x811c9dc5 ^ salt, 0x01000193);
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 3) & 0xff;
}

/** The node of who says this key of its machine, in this run; null: it is one of its own, or the run has no tiers. */
export const nodeIn = (
  { id, training }: { readonly id: RunId; readonly training: Parameters<typeof tiersOf>[0] },
  key: string | undefined,
): VolunteerId | null => (key === undefined || tiersOf(training) === null ? null : nodeIdOf(id, key));

/**
 * The name of a tab's own node, which stays when others come to it. It is no tab's id: any tab of a node may speak in its name.
 * @param turn how many of this tab's names are those of others by now
 */
export const ownNodeName = (volunteerId: VolunteerId, turn = 0): VolunteerId =>
  hashedId(`${volunteerId} ${turn}`);

/** What makes no sense beside tiers: the field, and why. Null: it does, or there are none. */
export function tiersContradiction(
  training: Parameters<typeof tiersOf>[0] & {
    readonly architecture?: string;
    readonly exchange?: string;
    readonly group?: number | 'auto';
    readonly codec: string;
  },
): { readonly field: string; readonly message: string } | null {
  const { architecture = 'decentralised', exchange = 'pseudo-gradients', group = 'auto', codec } = training;
  const tiers = tiersOf(training);
  if (tiers === null) return null;
  if (training.localSteps !== tiers.insideEvery)
    return {
      field: 'training.localSteps',
      message: `tiers say it by insideEvery: ${tiers.insideEvery}; leave localSteps out, or make it ${tiers.insideEvery}`,
    };
  const refused = (message: string) => ({ field: 'training.tiers', message });
  if (architecture === 'central')
    return refused('needs architecture: decentralised; in a central run no tab has another to average with');
  if (architecture === 'hybrid')
    return refused(
      'needs architecture: decentralised; hybrid copies what a tab sends to many, and of a node one tab speaks to one of each other node',
    );
  if (exchange !== 'pseudo-gradients')
    return refused(
      "needs exchange: pseudo-gradients; between nodes goes what a node learned in many rounds, which is neither a gradient nor a tab's weights",
    );
  if (group !== 'auto')
    return refused('needs group: auto; groups of a run with tiers are its nodes, and one of them all');
  if (codec === 'topk-auto')
    return refused(
      'needs a codec that is the same for all: under topk-auto each tab chooses by its own uplink, and any tab of a node must form the same update',
    );
  return null;
}
