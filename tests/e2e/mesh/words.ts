/** What the mesh test's worker and its page say to each other, besides the mesh's own words. */
import type { LinkNews, LinkWish, MeshTotals } from '@murmuration/mesh';

/** One event of the transport, small enough to be looked at from outside. */
export interface Seen {
  readonly kind: string;
  readonly peer: string;
  /** Of `peer-closed` and `peer-rejected`. */
  readonly why?: string;
  /** Of `peer-frame`. */
  readonly frame?: string;
  readonly bytes?: number;
  readonly crc?: number;
  /** Milliseconds since 1970, comparable between the pages of one machine. */
  readonly atMs: number;
}

export type ToWorker =
  | { readonly kind: 'news'; readonly news: LinkNews }
  | { readonly kind: 'hold'; readonly peers: readonly string[] }
  | { readonly kind: 'send-state'; readonly peer: string; readonly bytes: number; readonly seed: number }
  | { readonly kind: 'totals' }
  | { readonly kind: 'check-rules' }
  | {
      readonly kind: 'pair';
      readonly left: RTCDataChannel | MessagePort;
      readonly right: RTCDataChannel | MessagePort;
    };

export type ToPage =
  | { readonly kind: 'wish'; readonly wish: LinkWish }
  | { readonly kind: 'seen'; readonly seen: Seen }
  | { readonly kind: 'totals'; readonly totals: MeshTotals }
  | { readonly kind: 'sent'; readonly crc: number }
  | { readonly kind: 'need-pair'; readonly piped: boolean }
  | { readonly kind: 'rules-kept'; readonly titles: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };
