/**
 * The doors of the mind: what can happen to a volunteer (`VolunteerEvent`) and what the mind may wish for (`Effect`).
 * Hands carry the wishes out: the trainer (GPU), the mesh (WebRTC), the coordinator client (WebSocket, HTTP). In the
 * simulator they are imaginary. Nothing here touches the world.
 *
 * Trainer commands are carried out strictly one after another, in the order of their effects; only `capture` does not
 * wait for its turn. Each is answered by exactly one event with the same `ticket`, or by `trainer-failed`.
 */
import type { Fate, Scheme } from '@murmuration/codec';
import type {
  CoordinatorMessage,
  Fingerprint,
  Frame,
  LossParts,
  OutgoingFrame,
  RunManifest,
  Sha256,
  Shard,
  VolunteerId,
  VolunteerMessage,
} from '@murmuration/protocol';
import type { PauseReason } from './view.ts';

/** One mini-batch: batch number `batchIndex` of pass `pass` over a shard (see codec `shuffledIndices`). */
export interface BatchPlan {
  readonly shardIndex: number;
  readonly pass: number;
  readonly batchIndex: number;
}

/**
 * In a run with tiers (SPEC N), what concerns the node that this tab belongs to says so; everything else concerns the run,
 * that is what all nodes share. Each has rounds of its own.
 */
export interface OfTier {
  readonly tier?: 'inside';
}

/** What the browser says of a link. */
export interface LinkMeasure {
  readonly peer: VolunteerId;
  /** Of one probe since the last look; null: none was answered. */
  readonly roundTripMs: number | null;
  /** Packets leave from this machine's own address, and no translator of addresses changes it before they are there. */
  readonly isLocal: boolean;
}

/** An update ready to be averaged. `encoded` was inspected by the codec and may be decoded without trust. */
export interface WeightedUpdate {
  readonly author: VolunteerId;
  readonly sampleCount: number;
  readonly stepCount: number;
  readonly encoded: Uint8Array;
  /** The author's slice of its anchor; empty where anchors are the same. */
  readonly slice: Uint8Array;
}

export type TrainerCommand =
  /** Build the model, compile the shaders, run the gradient self-test. Answer: `prepared`. */
  | { readonly kind: 'prepare'; readonly manifest: RunManifest }
  /**
   * Become the replica at the start of `round`, from all chunks of a state (codec `loadState`): those of earlier rounds
   * are brought forward by the commits, which are ascending and without a gap. Of a node (codec `NodeReplica`): its anchor
   * and what it owes, one after the other; without chunks it begins where the run stands. Answer: `state-loaded`.
   */
  | ({
      readonly kind: 'load-state';
      readonly round: number;
      readonly chunks: readonly { readonly round: number; readonly bytes: Uint8Array }[];
      readonly commits: readonly { readonly round: number; readonly updates: readonly WeightedUpdate[] }[];
    } & OfTier)
  /** Become the replica from a checkpoint: float32 little-endian parameters. Answer: `state-loaded`. */
  | { readonly kind: 'load-checkpoint'; readonly round: number; readonly parameters: Uint8Array }
  /** Keep a shard (layout: protocol dataset.ts) for batches to come. Answer: `done`. */
  | { readonly kind: 'add-shard'; readonly shardIndex: number; readonly bytes: Uint8Array }
  | { readonly kind: 'drop-shard'; readonly shardIndex: number }
  /** Keep the validation samples. Answer: `done`. */
  | { readonly kind: 'add-validation'; readonly bytes: Uint8Array }
  /**
   * Train on from where training stands. Answer: `trained`, with fewer steps than batches after `interrupt-training`,
   * but at least one.
   */
  | { readonly kind: 'train'; readonly round: number; readonly batches: readonly BatchPlan[] }
  /**
   * Form, correct and encode the update of everything trained since the anchor; `withSlice`: and the round's slice of the
   * anchor (codec, slices.ts). `scheme`: the run's, or under `topk-auto` any top-k. Answer: `update-formed`.
   */
  | ({
      readonly kind: 'form-update';
      readonly round: number;
      readonly scheme: Scheme;
      readonly withSlice: boolean;
    } & OfTier)
  /**
   * Average the updates (any order; the result does not depend on it) and move the anchor. Training goes on from it,
   * ahead by what was trained since the update was formed. Slices that come along move the anchor to their mean first.
   * `own`, of the update that is open: counted, the residual keeps only what the encoding lost; uncounted, the whole
   * update; pending, it stays open.
   * Answer: `committed`.
   */
  | ({
      readonly kind: 'commit';
      readonly round: number;
      readonly updates: readonly WeightedUpdate[];
      readonly own: Fate;
      /** The round that begins then; left out: the next number. */
      readonly next?: number;
      /** The name under which our node's update may be among them; in a run with tiers left out: we are of no node yet. */
      readonly node?: VolunteerId;
    } & OfTier)
  /**
   * Copy the replica for newcomers, at once, also between two steps of a `train` at work: who waits for a state does
   * not wait for somebody's round. Answer: `captured`.
   */
  | ({ readonly kind: 'capture' } & OfTier)
  /**
   * Loss, accuracy and error of the running mean of the anchors (codec `Replica.average`) on the validation samples, and its
   * parameters. Answer: `evaluated`, with round and fingerprint of the anchor.
   */
  | { readonly kind: 'evaluate' };

export type TrainerFailure =
  'device-lost' | 'self-test' | 'no-adapter' | 'too-small' | 'not-finite' | 'error';

export type TrainerEvent =
  | { readonly kind: 'prepared'; readonly ticket: number }
  | {
      readonly kind: 'state-loaded';
      readonly ticket: number;
      readonly round: number;
      readonly anchor: Fingerprint;
    }
  | { readonly kind: 'done'; readonly ticket: number }
  | {
      readonly kind: 'trained';
      readonly ticket: number;
      readonly round: number;
      readonly stepCount: number;
      readonly sampleCount: number;
      readonly trainMs: number;
      /** Mean over the batches. */
      readonly loss: number;
    }
  | {
      readonly kind: 'update-formed';
      readonly ticket: number;
      readonly round: number;
      readonly encoded: Uint8Array;
      /** Empty without `withSlice`. */
      readonly slice: Uint8Array;
    }
  /** `round` is the round that begins now. */
  | {
      readonly kind: 'committed';
      readonly ticket: number;
      readonly round: number;
      readonly anchor: Fingerprint;
      /** After a round between nodes: where our node stands, its debts included. */
      readonly inside?: Fingerprint;
    }
  | {
      readonly kind: 'captured';
      readonly ticket: number;
      readonly round: number;
      readonly anchor: Fingerprint;
      /** The state in chunks (codec `encodeState`). */
      readonly chunks: readonly Uint8Array[];
    }
  | {
      readonly kind: 'evaluated';
      readonly ticket: number;
      readonly round: number;
      readonly anchor: Fingerprint;
      readonly loss: number;
      /** 0..1; null: the task has none (protocol task.ts). */
      readonly accuracy: number | null;
      /** Mean absolute error, bits a token or nats a value; null: the task has none, or it was not finite. */
      readonly error: number | null;
      /** Of a loss that is one of several. */
      readonly parts?: LossParts;
      readonly sampleCount: number;
      /** float32 little-endian parameters in the layout's order. */
      readonly parameters: Uint8Array;
    }
  /** The command did not happen. After `device-lost` the trainer has recovered by itself and stands at the anchor. */
  | {
      readonly kind: 'trainer-failed';
      readonly ticket: number;
      readonly failure: TrainerFailure;
      readonly detail: string;
      /** With `too-small`: the buffer that the model needs, and the largest that the device gives. */
      readonly size?: { readonly needsBytes: number; readonly hasBytes: number };
    };

export type PeerGone = 'closed' | 'failed' | 'silent' | 'clogged' | 'strikes' | 'bye' | 'dropped';

export type VolunteerEvent =
  | TrainerEvent
  /** The trainer's device is gone, and there is none in its place; `nextAtMs`: when it is asked for again, in the mind's clock. */
  | { readonly kind: 'device-awaited'; readonly nextAtMs: number }
  | { readonly kind: 'coordinator-open' }
  | { readonly kind: 'coordinator-closed' }
  | { readonly kind: 'coordinator-message'; readonly message: CoordinatorMessage }
  | { readonly kind: 'peer-open'; readonly peer: VolunteerId }
  | { readonly kind: 'peer-closed'; readonly peer: VolunteerId; readonly reason: PeerGone }
  /** A whole frame, decoded within the run's limits. The frame owns its bytes. */
  | { readonly kind: 'peer-frame'; readonly peer: VolunteerId; readonly frame: Frame }
  /** The mesh called this peer and was answered, and found no path to it, again and again. */
  | { readonly kind: 'peer-unreachable'; readonly peer: VolunteerId }
  /** Looked at now and then: every link of WebRTC that is open. */
  | { readonly kind: 'links-measured'; readonly links: readonly LinkMeasure[] }
  /** The mesh refused bytes of this peer before they became a frame. */
  | { readonly kind: 'peer-rejected'; readonly peer: VolunteerId; readonly rejection: string }
  | { readonly kind: 'blob-fetched'; readonly sha256: Sha256; readonly bytes: Uint8Array }
  | { readonly kind: 'blob-failed'; readonly sha256: Sha256; readonly detail: string }
  | { readonly kind: 'checkpoint-stored'; readonly sha256: Sha256 }
  | { readonly kind: 'checkpoint-failed'; readonly detail: string }
  /** `untilMs`: when whoever pauses means to resume, in the mind's clock; null: not known. It is shown, not waited for. */
  | {
      readonly kind: 'wish';
      readonly wish: 'pause';
      readonly reason: PauseReason;
      readonly untilMs: number | null;
    }
  /**
   * Train no more, hand over what was learned, then leave: at `untilMs`, in the mind's clock, at the latest; at
   * `checkpointUntilMs`, where a checkpoint is being made of a replica that nobody else holds.
   */
  | {
      readonly kind: 'wish';
      readonly wish: 'part';
      readonly untilMs: number;
      readonly checkpointUntilMs: number;
    }
  | { readonly kind: 'wish'; readonly wish: 'resume' | 'leave' }
  /** The deadline that the mind asked for has come, or nothing else happened for a while. */
  | { readonly kind: 'tick' };

export type Effect =
  | { readonly kind: 'tell-coordinator'; readonly message: VolunteerMessage }
  /** Drop the socket and open a new one (backoff is the mind's). */
  | { readonly kind: 'connect-coordinator' }
  | { readonly kind: 'train'; readonly ticket: number; readonly command: TrainerCommand }
  /** A `train` command under way (or next in line) ends after the step it is in. Nothing to do otherwise. */
  | { readonly kind: 'interrupt-training' }
  | { readonly kind: 'send'; readonly peer: VolunteerId; readonly frame: OutgoingFrame }
  /** Hold a link with exactly these peers: dial the missing ones whose id is greater, drop the others. */
  | {
      readonly kind: 'hold-links';
      readonly peers: readonly VolunteerId[];
      /** Of these, whom to reach through the coordinator. */
      readonly viaCoordinator: readonly VolunteerId[];
    }
  | { readonly kind: 'drop-link'; readonly peer: VolunteerId; readonly reason: PeerGone }
  /** GET /blobs/:sha256, verify the hash. Answer: `blob-fetched` or `blob-failed`. */
  | { readonly kind: 'fetch-blob'; readonly sha256: Sha256; readonly maxBytes: number }
  /** Hash and PUT the checkpoint. Answer: `checkpoint-stored` or `checkpoint-failed`. */
  | { readonly kind: 'store-checkpoint'; readonly runId: string; readonly parameters: Uint8Array }
  /** The volunteer's part is over: free the device, close everything. */
  | { readonly kind: 'stop'; readonly reason: string };

export type { Shard };
