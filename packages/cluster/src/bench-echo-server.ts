/**
 * The bare server that the coordinator is measured against: `ws`, and every message is sent back. A process of its own,
 * started by bench-coordinator.ts; it says its port and lives until its parent is gone.
 */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false }, () => {
  process.send!((server.address() as AddressInfo).port);
});
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => socket.terminate());
});
process.once('disconnect', () => process.exit(0));
