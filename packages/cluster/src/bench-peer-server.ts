/** PeerJS's own signalling server for the wire benchmark, in a process of its own because its timers never stop. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PeerServer } from 'peer';

PeerServer({ host: '127.0.0.1', port: 0, path: '/signal', allow_discovery: false }, (server) =>
  process.send!(((server as Server).address() as AddressInfo).port),
);
process.once('disconnect', () => process.exit(0));
