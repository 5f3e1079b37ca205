/** The connection check in English: what it does, what it finds, and what to change. */
export const enConnectivity = {
  heading: 'Check my connection',
  note: 'Looks only when you ask: reaches for the coordinator, then opens a test link from this page to itself, through the servers that the coordinator names. These servers see your IP address; the other devices hear nothing of it.',
  check: 'Check now',
  again: 'Check again',
  looking: 'Looking; this takes up to half a minute …',
  failed: 'The check itself could not be carried out here.',
  reportNote:
    'What was found, for whoever helps you. No address of yours is in it, and it stays here unless you copy it.',
  ways: {
    direct: {
      word: 'Direct',
      sentence: 'Your browser can link with other devices directly. Nothing needs to be changed.',
    },
    relayed: {
      word: 'Relayed',
      sentence:
        'Direct links are not possible from here, but the relay works: your device can take part through it.',
    },
    coordinator: {
      word: 'Through the coordinator',
      sentence:
        'Links with other devices are blocked here. Your device can take part all the same: the coordinator passes everything on, more slowly.',
    },
    blocked: {
      word: 'Blocked',
      sentence:
        'The coordinator cannot be reached from here as it must be, so your device cannot take part now.',
    },
  },
  advice: {
    'http-blocked':
      'The coordinator does not answer. Check that this device is online, and that no VPN, firewall or content blocker stands between; else it is away: try again later.',
    'socket-blocked':
      'The page loads, but a lasting connection (WebSocket) is refused. Company proxies and some content blockers do that: allow WebSockets for this address, or use another network.',
    'no-webrtc':
      'WebRTC, by which browsers link, is switched off: by an extension, by a policy, or in the browser’s settings. Allow it for this address to link with other devices.',
    'no-candidates':
      'The browser gives no address to link with. An extension or setting that “prevents WebRTC leaks” does that: allow WebRTC for this address.',
    'udp-blocked':
      'No server outside answers over UDP. Mostly the network lets none out: allow outgoing UDP in the firewall, leave the VPN, or use another network, for instance a phone’s hotspot. Or the coordinator’s servers are away.',
    'relay-silent':
      'The relay of this coordinator does not answer from here. Who has a strict network needs it; tell the people who run the coordinator.',
    'relay-refused':
      'The relay of this coordinator refuses the credentials that the coordinator gave. Tell the people who run the coordinator: the secrets of the two must be the same.',
    'no-relay':
      'This coordinator has no relay. A device in a strict network, and one that hides its address, takes part through the coordinator instead.',
    'no-address-server':
      'This coordinator has no server that tells devices their address, so only devices in your own network can be expected to reach yours directly.',
  },
};

export type ConnectivityText = typeof enConnectivity;
