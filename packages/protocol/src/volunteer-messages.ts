/**
 * What a volunteer says to the coordinator over its WebSocket, one JSON object a message. Anything else is answered
 * with `error` and changes nothing. No tensor travels here.
 */
import Type, { type Static } from 'typebox';
import { DecisionSchema, DECISIONS_TOLD_MAX } from './decisions.ts';
import { RunIdSchema, Sha256Schema, VolunteerIdSchema } from './ids.ts';
import { LIMITS } from './limits.ts';
import { LinkPolicySchema, RoutesSchema } from './link-policy.ts';
import { LossPartsSchema } from './objective.ts';
import { NodeKeySchema } from './tiers.ts';

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const Counter32 = Type.Integer({ minimum: 0, maximum: 4_294_967_295 });
const Text = (max: number) => Type.String({ maxLength: max });
/** A loss may be beyond measure; null says that it was not finite. */
const Measure = Type.Union([Type.Number(), Type.Null()]);
const FingerprintSchema = Type.String({ pattern: '^[0-9a-f]{16}$' });

/** What trains: the graphics card, or the processor, in JavaScript or in WebAssembly, where somebody asked for it by name. */
export const BackendSchema = Type.Union([Type.Literal('webgpu'), Type.Literal('cpu'), Type.Literal('wasm')]);
export type Backend = Static<typeof BackendSchema>;

/** What the tab found on its device. Shown to people; admission depends on the self-test, never on these words. */
export const AdapterSchema = Type.Object(
  {
    backend: BackendSchema,
    vendor: Text(128),
    architecture: Text(128),
    description: Text(256),
    isFallbackAdapter: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type Adapter = Static<typeof AdapterSchema>;

/** Where a replica stands: `term` counts re-foundings from a checkpoint, `round` counts commits inside the run. */
export const HeadSchema = Type.Object(
  { term: Counter32, round: Counter32, fingerprint: FingerprintSchema },
  { additionalProperties: false },
);
export type Head = Static<typeof HeadSchema>;

/** Numbers of one tab since it joined, sent with every report; all are totals, so a lost report costs nothing. */
export const TabTotalsSchema = Type.Object(
  {
    localSteps: Count,
    samples: Count,
    rounds: Count,
    bytesSentPeers: Count,
    bytesReceivedPeers: Count,
    /** Of the peer bytes, those of whole states for newcomers. */
    bytesSentState: Count,
    /** Peer bytes and links by the way they took. */
    routes: RoutesSchema,
    /** Words and blobs; peers' frames that go through the coordinator are counted as peer bytes. */
    bytesSentCoordinator: Count,
    bytesReceivedCoordinator: Count,
    peersNow: Count,
    peersMax: Count,
    rejectedFrames: Count,
    /** Milliseconds spent inside training steps. */
    trainMs: Count,
  },
  { additionalProperties: false },
);
export type TabTotals = Static<typeof TabTotalsSchema>;

const message = <T extends string, P extends Record<string, Type.TSchema>>(type: T, properties: P) =>
  Type.Object({ type: Type.Literal(type), ...properties }, { additionalProperties: false });

export const VolunteerMessageSchema = Type.Union([
  /** First message on a socket. With `resume`, a volunteer that was here before keeps its id. */
  message('hello', {
    protocolVersion: Type.Integer({ minimum: 0, maximum: 65_535 }),
    adapter: AdapterSchema,
    /** Whom the person lets see their address; absent: `direct`. */
    links: Type.Optional(LinkPolicySchema),
    /** A word: who says the same one shares a machine or a network (SPEC N1). Peers never hear it. */
    node: Type.Optional(NodeKeySchema),
    resume: Type.Optional(
      Type.Object({ volunteerId: VolunteerIdSchema, secret: Text(128) }, { additionalProperties: false }),
    ),
    /** Present when the tab already holds a replica of this run (a reconnection). */
    head: Type.Optional(
      Type.Object({ runId: RunIdSchema, head: HeadSchema }, { additionalProperties: false }),
    ),
  }),
  /** Shaders are compiled and the self-test passed: this tab can hold a replica of the run. */
  message('ready', { runId: RunIdSchema }),
  /** Wants shards to train on. `held` is how many leases it still holds. */
  message('lease-request', { runId: RunIdSchema, held: Type.Integer({ minimum: 0, maximum: 16 }) }),
  /** All samples of a leased shard were trained on. Sent again until acknowledged. */
  message('lease-result', {
    runId: RunIdSchema,
    shardIndex: Counter32,
    generation: Counter32,
    sampleCount: Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax }),
  }),
  /** After each round, at most one a second; doubles as the heartbeat. `head` null: no replica yet. */
  message('report', {
    runId: RunIdSchema,
    head: Type.Union([HeadSchema, Type.Null()]),
    /** Mean training loss over the last round, this tab's samples. */
    loss: Measure,
    stepsPerSecond: Type.Number({ minimum: 0, maximum: 1e6 }),
    state: Text(64),
    totals: TabTotalsSchema,
    /** It leaves as soon as what it holds is with others (SPEC R15, K3); left out: it stays. */
    isParting: Type.Optional(Type.Boolean()),
    /** Share of the last half minute in which the device was at work; left out: not measured. For people. */
    duty: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    /** Median round trip to the peers that it links with by WebRTC; left out: there is none. For people. */
    rttMs: Type.Optional(Type.Number({ minimum: 0, maximum: LIMITS.roundTripMaxMs })),
    /** What its uplink carried while something waited (SPEC C5); left out: not measured. */
    uplinkKbit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.uplinkMaxKbit })),
    /** What it decided by itself since its last report (SPEC C4); left out: nothing. For people. */
    decisions: Type.Optional(Type.Array(DecisionSchema, { maxItems: DECISIONS_TOLD_MAX })),
  }),
  /** Answer to `evaluate`, sent after its checkpoint was stored by PUT /api/runs/:id/checkpoints/:sha256. */
  message('evaluation', {
    runId: RunIdSchema,
    generation: Counter32,
    head: HeadSchema,
    checkpointSha256: Sha256Schema,
    loss: Measure,
    /** Accuracy and error as task.ts has them; null where the target has none. */
    accuracy: Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()]),
    error: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    /** Where the loss is one of several. */
    parts: Type.Optional(LossPartsSchema),
    sampleCount: Type.Integer({ minimum: 1, maximum: LIMITS.samplesMax }),
  }),
  /**
   * Both tabs answered each other's calls, and no path was found between them: asks for a way through the coordinator.
   * Both are introduced again.
   */
  message('no-route', { runId: RunIdSchema, peer: VolunteerIdSchema }),
  /**
   * In a run with tiers, when it changed (SPEC N6): mates whose links run inside one network and are fast, and mates that are far
   * away. Neither list names who is between the two.
   */
  message('distances', {
    runId: RunIdSchema,
    near: Type.Array(VolunteerIdSchema, { maxItems: LIMITS.groupMaxMembers, uniqueItems: true }),
    far: Type.Array(VolunteerIdSchema, { maxItems: LIMITS.groupMaxMembers, uniqueItems: true }),
  }),
  /** No peer could give it a state: asks to be introduced again or to found a new term. */
  message('stranded', { runId: RunIdSchema, reason: Text(200) }),
  message('heartbeat', {}),
  message('leaving', { reason: Text(64) }),
]);
export type VolunteerMessage = Static<typeof VolunteerMessageSchema>;
export type VolunteerMessageOf<T extends VolunteerMessage['type']> = Extract<VolunteerMessage, { type: T }>;
