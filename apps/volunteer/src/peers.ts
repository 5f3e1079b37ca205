/**
 * Joins the worker with the mesh's page half, which holds PeerJS and is loaded only when the worker has a ticket for
 * signalling: nothing of WebRTC is on the page before the click.
 *
 * Words that come while it loads are carried in order afterwards. Decides nothing: whom to link with is the worker's.
 */
import type { LinkNews, LinkWish, SignalTicket } from '@murmuration/mesh';
import type { PagePeers, PeerConnection } from '@murmuration/mesh/page';
import type { LinkPolicy, VolunteerId } from '@murmuration/protocol';
import { lateModule } from './late-module.ts';

type Mesh =
  | { readonly state: 'none' }
  | { readonly state: 'open'; readonly id: VolunteerId; readonly peers: PagePeers }
  | { readonly state: 'closed' };

export class Peers {
  readonly #linkPolicy: LinkPolicy;
  readonly #tell: (news: LinkNews, transfer: Transferable[]) => void;
  readonly #failed: (detail: string) => void;
  #mesh: Mesh = { state: 'none' };
  /** Everything asked of the mesh, one after the other; the first step loads it. */
  #turn: Promise<void> = Promise.resolve();

  /** @param parts.failed is told whenever PeerJS could not be loaded; it is tried again. */
  constructor(parts: {
    /** `relay-only`: peers are reached through TURN only; with `no-peers` nothing is ever opened. */
    readonly linkPolicy: LinkPolicy;
    readonly tell: (news: LinkNews, transfer: Transferable[]) => void;
    readonly failed: (detail: string) => void;
  }) {
    this.#linkPolicy = parts.linkPolicy;
    this.#tell = parts.tell;
    this.#failed = parts.failed;
  }

  open(id: VolunteerId, ticket: SignalTicket): void {
    if (this.#linkPolicy === 'no-peers') return;
    this.#next(async () => {
      const loaded = await lateModule(() => import('@murmuration/mesh/page'), {
        isWanted: () => this.#mesh.state !== 'closed',
        failed: this.#failed,
      });
      if (loaded === null || this.#mesh.state === 'closed') return;
      if (this.#mesh.state === 'open') {
        if (this.#mesh.id === id) return this.#mesh.peers.refresh(ticket);
        this.#mesh.peers.close();
      }
      const peers = new loaded.PagePeers({
        id,
        ticket,
        origin: location,
        iceTransportPolicy: this.#linkPolicy === 'relay-only' ? 'relay' : 'all',
        channels: 'transfer',
        toWorker: this.#tell,
        nowMs: () => performance.now(),
        random: () => Math.random(),
      });
      this.#mesh = { state: 'open', id, peers };
    });
  }

  wish(wish: LinkWish): void {
    // A beat is worth nothing later, and must not queue up while the mesh loads.
    if (wish.kind === 'link-tick' && this.#mesh.state !== 'open') return;
    this.#next(() => {
      if (this.#mesh.state === 'open') this.#mesh.peers.receive(wish);
    });
  }

  /** The connections under the links at hand, for their statistics. */
  get connections(): readonly PeerConnection[] {
    return this.#mesh.state === 'open' ? this.#mesh.peers.connections : [];
  }

  close(): void {
    if (this.#mesh.state === 'open') this.#mesh.peers.close();
    this.#mesh = { state: 'closed' };
  }

  #next(step: () => void | Promise<void>): void {
    this.#turn = this.#turn.then(step).catch((reason: unknown) => this.#failed(String(reason)));
  }
}
