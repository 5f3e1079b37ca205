/** The worker's half of the mesh. The page's half, which loads PeerJS, is `@murmuration/mesh/page`. */
export { ChannelTransport, MESH_TICK_MS, type MeshEvent, type MeshRun, type MeshTotals } from './channels.ts';
export type { LinkRejection, LinkTotals } from './link.ts';
export { RelayPeers, type EnvelopeSocket, type RelayTicket } from './relay-peers.ts';
export type { LinkNews, LinkWish, SignalTicket } from './link-words.ts';
