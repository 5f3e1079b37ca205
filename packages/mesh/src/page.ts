/** The page's half of the mesh. Loads PeerJS: import it dynamically, after consent. */
export { PagePeers, type PagePeersOptions, type PeerConnection } from './page-peers.ts';
