// PeerJS's own signalling server, as an oracle for our client; in a process of its own because its timers never stop.
import { PeerServer } from 'peer';

const port = Number(process.argv[2]);
PeerServer({ host: '127.0.0.1', port, path: '/signal', allow_discovery: false }, (server) =>
  process.send?.(server.address().port),
).on('error', (error) => console.error(String(error)));
