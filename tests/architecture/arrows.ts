/**
 * The table of arrows: who may import whom, and what of the outside world a room may touch. Each row is a room of
 * ARCHITECTURE.md; a new room is a new row. The rules that read this table are in tidy.ts.
 */

export interface Room {
  /** Folder from the root. A file belongs to the row with the longest matching folder. */
  readonly folder: string;
  /** Rooms whose values it may import, as they stand in an import (`@murmuration/` left out). */
  readonly ours: readonly string[];
  /** Rooms of which it may import types only. */
  readonly oursAsTypes?: readonly string[];
  /** npm packages that it may import: exact names, or a scope followed by `/*`. */
  readonly npm: readonly string[];
  /** `node:*` and Node's globals. */
  readonly node?: true;
  /** Globals of a page: document, navigator, RTCPeerConnection ... */
  readonly dom?: true;
  /**
   * Free of time and chance: every file ('all'), or these entries and whatever they import of their own room.
   * A room that is pure throughout also compiles with lib ES2024 and no types.
   */
  readonly pure?: 'all' | readonly string[];
}

export const ROOMS: readonly Room[] = [
  { folder: 'packages/protocol', ours: [], npm: ['typebox'], pure: 'all' },
  // The typed client: pages and programs alike, so neither DOM nor Node; it wants fetch.
  { folder: 'packages/client', ours: ['protocol'], npm: ['typebox', 'yaml'] },
  { folder: 'packages/codec', ours: [], npm: [], pure: 'all' },
  { folder: 'packages/plan', ours: ['codec', 'protocol'], npm: [], pure: 'all' },
  { folder: 'packages/swarm', ours: ['codec', 'protocol'], npm: [], pure: 'all' },
  {
    folder: 'packages/simulator',
    ours: ['codec', 'protocol', 'swarm', 'coordinator/ledger', 'coordinator/introductions'],
    npm: [],
    pure: 'all',
  },
  {
    folder: 'packages/trainer',
    ours: ['codec', 'protocol'],
    oursAsTypes: ['swarm'],
    npm: ['@tensorflow/*'],
    dom: true,
  },
  {
    folder: 'packages/mesh',
    ours: ['codec', 'protocol'],
    oursAsTypes: ['swarm'],
    npm: ['peerjs'],
    dom: true,
  },
  {
    folder: 'packages/cluster',
    ours: ['client', 'codec', 'protocol', 'plan', 'coordinator', 'simulator'],
    npm: ['fflate', 'peer', 'playwright', 'tsx', 'typebox', 'ws', 'yaml'],
    node: true,
  },
  // What the cluster sends into a page: functions, and a saboteur that speaks the peers' language.
  { folder: 'packages/cluster/page', ours: ['codec', 'protocol'], npm: [], dom: true },
  // The page of the benchmarks; PeerJS in it is what the mesh is measured against.
  {
    folder: 'packages/cluster/bench-page',
    ours: ['mesh', 'protocol', 'trainer'],
    npm: ['peerjs'],
    dom: true,
  },
  {
    folder: 'coordinator',
    ours: ['codec', 'plan', 'protocol'],
    npm: [
      'cookie',
      'fastify',
      '@fastify/*',
      'fflate',
      'h5wasm',
      'hyparquet',
      'hyparquet-compressors',
      'jpeg-js',
      'kysely',
      'libsql',
      'papaparse',
      'pngjs',
      'typebox',
      'yauzl',
    ],
    node: true,
    pure: ['coordinator/src/ledger.ts', 'coordinator/src/introductions.ts'],
  },
  // The thread of a central run: the swarm's mind of a server, on the mesh's own channels.
  {
    folder: 'coordinator/averaging',
    ours: ['mesh', 'protocol', 'swarm', 'coordinator/averaging-words'],
    npm: [],
    node: true,
    dom: true,
  },
  {
    folder: 'apps/volunteer',
    ours: ['codec', 'protocol', 'swarm', 'trainer', 'mesh'],
    npm: ['preact', '@preact/signals', '@picocss/pico', 'typebox'],
    dom: true,
    // The person's limits: what follows from them is decided here and carried out elsewhere.
    pure: [
      'apps/volunteer/src/pauses.ts',
      'apps/volunteer/src/curve.ts',
      'apps/volunteer/src/worker/throttle.ts',
      'apps/volunteer/src/worker/steward.ts',
      'apps/volunteer/src/worker/snapshots.ts',
    ],
  },
  // What the build writes into the page about itself.
  { folder: 'apps/volunteer/building', ours: [], npm: ['vite'], node: true },
  {
    folder: 'apps/admin',
    ours: ['client', 'protocol'],
    npm: ['preact', '@noble/hashes', '@preact/signals', '@picocss/pico', 'papaparse', 'uplot', 'typebox'],
    dom: true,
  },
];

export const FILE_LINES_MAX = 400;
export const TEST_FILE_LINES_MAX = 600;
