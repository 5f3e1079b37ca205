/** What the coordinator and the averaging thread of a run say to each other. Types only. */
import type { CoordinatorMessage, Decision, Head, RunManifest, Sha256 } from '@murmuration/protocol';

/** With what a thread begins. */
export interface ThreadData {
  readonly manifest: RunManifest;
}

export type ToThread =
  | { readonly kind: 'coordinator-message'; readonly message: CoordinatorMessage }
  /** One envelope of a tab (SPEC T1). */
  | { readonly kind: 'envelope'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The relay gave up the thread's place. */
  | { readonly kind: 'line-lost' }
  /** null: it could not be had. */
  | { readonly kind: 'blob'; readonly sha256: Sha256; readonly bytes: Uint8Array | null };

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'envelope'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** It wants a place on the relay, or gives it up. */
  | { readonly kind: 'line-open' }
  | { readonly kind: 'line-close' }
  | { readonly kind: 'fetch-blob'; readonly sha256: Sha256 }
  | { readonly kind: 'stand'; readonly head: Head | null }
  | { readonly kind: 'stranded' }
  | { readonly kind: 'decided'; readonly decisions: readonly Decision[] };
