import { describe, expect, it } from 'vitest';
import { reportLines, verdictOf, type ConnectivityFacts, type Loop } from './verdict.ts';

const ok = { ok: true } as const;
const failed = { ok: false, detail: 'no answer in 10 s' } as const;
const loop = (changes: Partial<Loop> = {}): Loop => ({
  channel: ok,
  candidates: { host: 2, srflx: 1, relayUdp: 1, relayTcp: 0 },
  isGathered: true,
  errors: [],
  ...changes,
});
const byRelay = loop({ candidates: { host: 0, srflx: 0, relayUdp: 1, relayTcp: 0 } });
const silence = { url: 'stun:stun.example', code: 701, text: 'STUN server address is incompatible.' };
const refusal = { url: 'turn:relay.example', code: 401, text: 'Unauthorized' };

const FACTS: ConnectivityFacts = {
  http: ok,
  socket: ok,
  hasWebRtc: true,
  servers: { stun: ['stun:stun.example'], turn: ['turn:relay.example'] },
  all: loop(),
  relayOnly: byRelay,
};
const none = { host: 0, srflx: 0, relayUdp: 0, relayTcp: 0 };
const noTurn = { stun: ['stun:stun.example'], turn: [] };

describe('the connection is', () => {
  it.each<[string, Partial<ConnectivityFacts>, string, string[]]>([
    ['direct when the channel opens and the address is known', {}, 'direct', []],
    [
      'direct, with a relay that refuses us told',
      { relayOnly: loop({ channel: failed, candidates: none, errors: [refusal] }) },
      'direct',
      ['relay-refused'],
    ],
    [
      'direct, with a relay that is silent told',
      { relayOnly: loop({ channel: failed, candidates: none, errors: [] }) },
      'direct',
      ['relay-silent'],
    ],
    ['direct without any relay', { servers: noTurn, relayOnly: null }, 'direct', ['no-relay']],
    [
      'direct on one’s own network, as far as can be told without servers',
      { servers: { stun: [], turn: [] }, relayOnly: null },
      'direct',
      ['no-address-server', 'no-relay'],
    ],
    [
      'direct though one of its own addresses does not fit the server',
      { all: loop({ errors: [silence] }) },
      'direct',
      [],
    ],
    [
      // An address server that sees the very address that the browser has adds no candidate.
      'direct without a translated address, when the servers answered',
      { all: loop({ candidates: { ...none, host: 1 } }) },
      'direct',
      [],
    ],
    [
      'relayed when nobody outside answers but a relay by TCP',
      { all: loop({ candidates: { ...none, host: 1, relayTcp: 1 }, errors: [silence] }) },
      'relayed',
      ['udp-blocked'],
    ],
    [
      'relayed when the browser still waits for every server but that relay',
      { all: loop({ candidates: { ...none, host: 1, relayTcp: 1 }, isGathered: false }) },
      'relayed',
      ['udp-blocked'],
    ],
    [
      'relayed when only the relay opens a channel',
      { all: loop({ channel: failed, candidates: none }) },
      'relayed',
      ['udp-blocked'],
    ],
    [
      'through the coordinator when no channel opens',
      {
        all: loop({ channel: failed }),
        relayOnly: loop({ channel: failed, candidates: none, errors: [{ ...silence, url: 'turn:x' }] }),
      },
      'coordinator',
      ['udp-blocked', 'relay-silent'],
    ],
    [
      'through the coordinator when an extension hides every address',
      { servers: noTurn, all: loop({ channel: failed, candidates: none }), relayOnly: null },
      'coordinator',
      ['no-candidates', 'no-relay'],
    ],
    ['through the coordinator without WebRTC', { hasWebRtc: false, all: null }, 'coordinator', ['no-webrtc']],
    ['blocked without WebSocket', { socket: failed, all: null }, 'blocked', ['socket-blocked']],
    ['blocked without HTTP', { http: failed, socket: failed, all: null }, 'blocked', ['http-blocked']],
  ])('%s', (_, changes, way, advice) => {
    expect(verdictOf({ ...FACTS, ...changes })).toEqual({ way, advice });
  });
});

describe('the report', () => {
  it('names every fact, the servers’ errors too', () => {
    const facts = { ...FACTS, relayOnly: loop({ channel: failed, candidates: none, errors: [refusal] }) };
    expect(reportLines(verdictOf(facts), facts)).toEqual([
      'verdict: direct (relay-refused)',
      'coordinator by HTTP: ok',
      'coordinator by WebSocket: ok',
      'RTCPeerConnection: true',
      'address servers: stun:stun.example',
      'relays: turn:relay.example',
      'data channel: ok',
      'data channel candidates: host 2, srflx 1, relayUdp 1, relayTcp 0',
      'data channel by relay: no answer in 10 s',
      'data channel by relay candidates: host 0, srflx 0, relayUdp 0, relayTcp 0',
      'data channel by relay error: turn:relay.example 401 Unauthorized',
    ]);
  });
});
