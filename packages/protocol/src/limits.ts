/**
 * Every bound of the wire, in one place. A limit has a unit in its name and a reason beside it. They are starting
 * points: where a measurement disagrees, the measurement wins and is written here.
 */

export const PROTOCOL_VERSION = 1;

export const LIMITS = {
  /** One WebSocket text message in either direction. The largest honest one is an introduction of a full group. */
  controlMessageMaxBytes: 65_536,
  /** Nesting of any JSON that a stranger sends. */
  jsonDepthMax: 16,
  /** One signalling message (an SDP offer of one data channel is about 1 KiB). */
  signalMessageMaxBytes: 16_384,
  /** Token bucket of one volunteer's WebSocket: steady rate and burst, messages. */
  controlMessagesPerSecond: 20,
  controlMessagesBurst: 60,
  /** A volunteer that says nothing for this long is gone (it beats every `heartbeatMs`). */
  volunteerSilenceMaxMs: 45_000,
  heartbeatMs: 5_000,
  /** A round trip that takes longer is told as this long. */
  roundTripMaxMs: 60_000,
  /** An uplink that carries more is told as this much. */
  uplinkMaxKbit: 100_000_000,
  /** Peers beat faster: a dead peer costs its group at most this much when nobody else notices. */
  peerHeartbeatMs: 2_000,
  peerSilenceMaxMs: 8_000,
  /** One data-channel message: SCTP carries 256 KiB, throughput is flat from 64 KiB on. */
  peerMessageMaxBytes: 65_536,
  /** Data-channel messages a second from one peer, steady and burst (a 50 M-parameter state is 4,000 messages). */
  peerMessagesPerSecond: 2_000,
  peerMessagesBurst: 8_000,
  /** Transfers that one peer may have open towards us at once. */
  peerTransfersMax: 4,
  /** A transfer that made no progress for this long is dropped. */
  peerTransferSilenceMaxMs: 30_000,
  /** Nonsense from one peer before its channel is closed. */
  peerStrikesMax: 3,
  /** Bytes queued towards one peer before its link counts as clogged. */
  peerQueueMaxBytes: 64 * 1024 * 1024,
  /**
   * Bytes of one channel through the coordinator that its receiver has not taken. With 100 ms of round trip a channel
   * carries 20 Mbit/s; a slow reader in a full group of 32 makes the coordinator keep at most 8 MiB.
   */
  relayWindowBytes: 256 * 1024,
  /** Receivers of one envelope of a hybrid run: as many as a tab has links, so one message in makes at most so many out. */
  fanOutMaxReceivers: 64,
  /** Members of one group: everybody sends to everybody, so bytes grow with it. */
  groupMaxMembers: 32,
  /** Members of a crew when a larger swarm is cut into crews: 4 planes of 8 are 28 links a tab. */
  crewMembers: 8,
  /** Partitions of a large swarm into groups; see the coordinator's crews. */
  planesMax: 8,
  /** Links of one tab, over all its groups. */
  linksMax: 64,
  parametersMax: 50_000_000,
  /** Chunks of a replica's state: 51,200 values each (codec state.ts), so the largest model has 977. */
  stateChunksMax: 1_024,
  /** With tiers: a node's state is the model twice, and must fit into as many chunks. */
  tiersParametersMax: 26_000_000,
  layersMax: 200,
  /** Inputs of one `add` or `concatenate`. */
  layerInputsMax: 16,
  dimensionMax: 65_536,
  rankMax: 5,
  classesMax: 1_000,
  shardMaxBytes: 16 * 1024 * 1024,
  shardsMax: 100_000,
  samplesMax: 10_000_000,
  /** A label of a shard is one byte. */
  datasetClassesMax: 256,
  /** A token's id is two bytes. */
  vocabularyMax: 65_536,
  /** Numbers that are predicted of one sample; mean and deviation of each travel with the run. */
  targetValuesMax: 64,
  /** One uploaded file. */
  uploadMaxBytes: 1024 * 1024 * 1024,
  /** Columns of a table, and the length of a column's name. */
  columnsMax: 4_096,
  columnNameMaxCharacters: 200,
  /** Distinct texts of one column that become a value of the input each. */
  categoriesMax: 256,
  /** Side of a sample that an image is brought to, pixels. */
  imageSideMax: 512,
  /** Tokens of one sample of text. */
  sequenceMax: 4_096,
  /** Vocabulary of the byte-pair tokenizer; more would take minutes to learn. */
  bytePairsMax: 8_192,
  localStepsMax: 1_000,
  batchMax: 4_096,
  nameMaxCharacters: 64,
} as const;
