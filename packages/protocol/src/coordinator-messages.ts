/** What the coordinator says to a volunteer over its WebSocket, one JSON object a message. */
import Type, { type Static } from 'typebox';
import { ShardSchema } from './dataset.ts';
import { RunIdSchema, Sha256Schema, VolunteerIdSchema } from './ids.ts';
import { LIMITS } from './limits.ts';
import { LinkPolicySchema } from './link-policy.ts';
import { RunManifestSchema, RunStateSchema } from './run.ts';

const Counter32 = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });
const message = <T extends string, P extends Record<string, Type.TSchema>>(type: T, properties: P) =>
  Type.Object({ type: Type.Literal(type), ...properties }, { additionalProperties: false });

/** How often the coordinator wants to hear of somebody, ms. */
const PaceSchema = Type.Integer({ minimum: 1, maximum: 30_000 });

export const IceServerSchema = Type.Object(
  {
    urls: Type.Array(Type.String({ maxLength: 256 }), { minItems: 1, maxItems: 8 }),
    username: Type.Optional(Type.String({ maxLength: 256 })),
    credential: Type.Optional(Type.String({ maxLength: 256 })),
  },
  { additionalProperties: false },
);
export type IceServer = Static<typeof IceServerSchema>;

export const CoordinatorMessageSchema = Type.Union([
  /** Answer to `hello`. `signalToken` opens /signal/peerjs for this id; `secret` resumes the id and authorises uploads. */
  message('welcome', {
    volunteerId: VolunteerIdSchema,
    secret: Type.String({ minLength: 16, maxLength: 128 }),
    signalToken: Type.String({ minLength: 16, maxLength: 256 }),
    iceServers: Type.Array(IceServerSchema, { maxItems: 8 }),
    /** As wished in `hello`; a `relay-only` tab where no relay is set up is treated as `no-peers`. */
    links: LinkPolicySchema,
  }),
  /** The run this volunteer takes part in, or null: there is no work now. Sent again whenever it changes. */
  message('assignment', { run: Type.Union([RunManifestSchema, Type.Null()]) }),
  message('run-state', {
    runId: RunIdSchema,
    state: RunStateSchema,
    reason: Type.String({ maxLength: 200 }),
  }),
  /**
   * This volunteer starts the replica of a new term from the checkpoint. Granted to exactly one ready volunteer
   * when nobody connected holds a replica; all others get `join`.
   */
  message('found', {
    runId: RunIdSchema,
    term: Counter32,
    round: Counter32,
    checkpointSha256: Sha256Schema,
  }),
  /** Somebody holds a replica: fetch the state from a peer of this term (or a later one). */
  message('join', { runId: RunIdSchema, term: Counter32 }),
  /**
   * Peers to hold links with and to exchange with in rounds of this plane (round modulo `planeCount`). The smaller id
   * dials. Replaces the plane's former list; another `planeCount` replaces the lists of all planes.
   */
  message('introduce', {
    runId: RunIdSchema,
    plane: Type.Integer({ minimum: 0, maximum: LIMITS.planesMax - 1 }),
    planeCount: Type.Integer({ minimum: 1, maximum: LIMITS.planesMax }),
    peers: Type.Array(VolunteerIdSchema, { maxItems: LIMITS.groupMaxMembers }),
    /** Of these, the ones to be reached through the coordinator (/ws/relay): there is no other way, or none is wanted. */
    viaCoordinator: Type.Array(VolunteerIdSchema, { maxItems: LIMITS.groupMaxMembers }),
    /** In a run with tiers: the node of this volunteer, and of each of `peers` in their order. */
    nodes: Type.Optional(
      Type.Object(
        {
          own: VolunteerIdSchema,
          ofPeers: Type.Array(VolunteerIdSchema, { maxItems: LIMITS.groupMaxMembers }),
        },
        { additionalProperties: false },
      ),
    ),
  }),
  /** A peer's socket closed or fell silent: nobody should wait for it. Its links may still live. */
  message('peer-left', { volunteerId: VolunteerIdSchema }),
  /** A shard to train on before the deadline, counted from receipt (volunteers' clocks are not trusted). */
  message('lease', {
    runId: RunIdSchema,
    shard: ShardSchema,
    generation: Counter32,
    ttlMs: Type.Integer({ minimum: 1, maximum: 86_400_000 }),
    /** From one wish for a lease to the next at the least. */
    askEveryMs: PaceSchema,
  }),
  /** Nothing to lease now; ask again after this long. */
  message('no-lease', { runId: RunIdSchema, retryMs: Type.Integer({ minimum: 1, maximum: 3_600_000 }) }),
  message('lease-ack', {
    runId: RunIdSchema,
    shardIndex: Counter32,
    generation: Counter32,
    outcome: Type.Union([Type.Literal('counted'), Type.Literal('duplicate'), Type.Literal('stale')]),
  }),
  /** Evaluate the shared model at the next round boundary with round >= `roundMin`, upload it, answer `evaluation`. */
  message('evaluate', { runId: RunIdSchema, generation: Counter32, roundMin: Counter32 }),
  /** The run as a whole, for the volunteer's page: when it changed, in a small run once a second at most. */
  message('progress', {
    runId: RunIdSchema,
    round: Counter32,
    volunteers: Counter32,
    /** Samples that this volunteer trained and the coordinator counted. */
    confirmedSamples: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    loss: Type.Union([Type.Number(), Type.Null()]),
    accuracy: Type.Union([Type.Number(), Type.Null()]),
    targetAccuracy: Type.Union([Type.Number(), Type.Null()]),
    /** From one report to the next at the least. */
    reportEveryMs: PaceSchema,
  }),
  message('error', {
    code: Type.String({ maxLength: 64 }),
    message: Type.String({ maxLength: 200 }),
  }),
]);
export type CoordinatorMessage = Static<typeof CoordinatorMessageSchema>;
export type CoordinatorMessageOf<T extends CoordinatorMessage['type']> = Extract<
  CoordinatorMessage,
  { type: T }
>;
