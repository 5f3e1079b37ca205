/**
 * What the two halves of the mesh say to each other: the page, where RTCPeerConnection lives, and the worker, where
 * frames are read. The app carries these words between its page and its worker without looking into them. `link`
 * numbers one link with one peer, so that a late word about a former link changes nothing.
 */
import type { IceServer, LinkRoute, VolunteerId } from '@murmuration/protocol';
import type { PeerGone } from '@murmuration/swarm';

interface OfLink {
  readonly peer: VolunteerId;
  readonly link: number;
}

/** From the page to the worker. */
export type LinkNews =
  /** A new link; its channel comes with the word (in its transfer list). */
  | ({ readonly kind: 'link-channel'; readonly channel: RTCDataChannel } & OfLink)
  /** The same where a channel cannot be transferred: the other end of `pipeChannel`. */
  | ({ readonly kind: 'link-pipe'; readonly port: MessagePort } & OfLink)
  /** What the connected link's packets take: known a moment after its channel, and told again when it changes. */
  | ({ readonly kind: 'link-route'; readonly route: Exclude<LinkRoute, 'coordinator'> } & OfLink)
  /** The peer answered, and no path to it was found. */
  | { readonly kind: 'link-unreachable'; readonly peer: VolunteerId }
  | ({ readonly kind: 'link-suspect'; readonly isSuspect: boolean } & OfLink)
  | ({ readonly kind: 'link-gone'; readonly reason: PeerGone } & OfLink);

/** From the worker to the page. */
export type LinkWish =
  | { readonly kind: 'link-hold'; readonly peers: readonly VolunteerId[] }
  | ({ readonly kind: 'link-drop'; readonly reason: PeerGone } & OfLink)
  /** A beat of the worker's clock: timers of a hidden page are slowed to one a minute, messages are not. */
  | { readonly kind: 'link-tick' };

/** What opens signalling: from the coordinator's `welcome`. */
export interface SignalTicket {
  readonly token: string;
  readonly iceServers: readonly IceServer[];
}
