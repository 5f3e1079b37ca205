/**
 * How this browser reaches the others, from what was found out about it: directly, through a relay, through the
 * coordinator only, or not at all; and what to change. Pure: probe.ts finds the facts out, the page finds the words.
 */

/** `ok`, or what went wrong in the browser's own words. */
export type Attempt = { readonly ok: true } | { readonly ok: false; readonly detail: string };

/** Two connections of this page to each other, over every path or over relays only. */
export interface Loop {
  /** A message went there and back through the data channel. */
  readonly channel: Attempt;
  /** Ways to this browser that were found: its own addresses, its address as seen from outside, relays reached by UDP or TCP. */
  readonly candidates: Readonly<Record<'host' | 'srflx' | 'relayUdp' | 'relayTcp', number>>;
  /** The browser has looked everywhere; false: it still waits for somebody's answer. */
  readonly isGathered: boolean;
  /** Servers that did not answer, with WebRTC's code of the error. */
  readonly errors: readonly { readonly url: string; readonly code: number; readonly text: string }[];
}

export interface ConnectivityFacts {
  readonly http: Attempt;
  readonly socket: Attempt;
  readonly hasWebRtc: boolean;
  /** What the coordinator offers to find a way: servers that tell an address, and relays. */
  readonly servers: { readonly stun: readonly string[]; readonly turn: readonly string[] };
  /** Null: it was not tried, because something before it failed. */
  readonly all: Loop | null;
  /** Null: there is no relay, or it was not tried. */
  readonly relayOnly: Loop | null;
}

export type Way = 'direct' | 'relayed' | 'coordinator' | 'blocked';
/** What to change, or to know; the page has a sentence for each. */
export type Advice =
  | 'http-blocked'
  | 'socket-blocked'
  | 'no-webrtc'
  | 'no-candidates'
  | 'udp-blocked'
  | 'relay-silent'
  | 'relay-refused'
  | 'no-relay'
  | 'no-address-server';

export interface ConnectivityVerdict {
  readonly way: Way;
  readonly advice: readonly Advice[];
}

export function verdictOf(facts: ConnectivityFacts): ConnectivityVerdict {
  const { http, socket, hasWebRtc, servers, all, relayOnly } = facts;
  if (!http.ok) return { way: 'blocked', advice: ['http-blocked'] };
  if (!socket.ok) return { way: 'blocked', advice: ['socket-blocked'] };
  if (!hasWebRtc || all === null) return { way: 'coordinator', advice: ['no-webrtc'] };

  const relayTrouble = relayAdvice(servers.turn.length > 0, relayOnly);
  const isRelayOpen = relayOnly?.channel.ok === true;
  const asks = servers.stun.length + servers.turn.length > 0;
  if (all.channel.ok && !isShutIn(all))
    return { way: 'direct', advice: asks ? relayTrouble : ['no-address-server', ...relayTrouble] };
  if (isRelayOpen) return { way: 'relayed', advice: ['udp-blocked'] };
  const cause: Advice = all.candidates.host + all.candidates.srflx === 0 ? 'no-candidates' : 'udp-blocked';
  return { way: 'coordinator', advice: [cause, ...relayTrouble] };
}

/** WebRTC's code for a server that could not be reached. */
const UNREACHABLE = 701;

/**
 * No server outside was reached by UDP, though some were asked. An error alone proves nothing: browsers report one for
 * each of their own addresses that does not fit a server. A server that is silent for long is one that was not reached.
 */
const isShutIn = ({ candidates, errors, isGathered }: Loop): boolean =>
  candidates.srflx + candidates.relayUdp === 0 &&
  (!isGathered || errors.some(({ code }) => code === UNREACHABLE));

function relayAdvice(isOffered: boolean, relayOnly: Loop | null): Advice[] {
  if (!isOffered) return ['no-relay'];
  if (relayOnly === null || relayOnly.channel.ok) return [];
  // Anything else than silence is an answer: wrong or expired credentials, no room.
  const isRefused = relayOnly.errors.some(({ code }) => code !== UNREACHABLE);
  return [isRefused ? 'relay-refused' : 'relay-silent'];
}

/** A report for whoever helps: what was found out, and no address of anybody. */
export function reportLines({ way, advice }: ConnectivityVerdict, facts: ConnectivityFacts): string[] {
  const attempt = (it: Attempt) => (it.ok ? 'ok' : it.detail);
  const loop = (name: string, it: Loop | null) =>
    it === null
      ? [`${name}: not tried`]
      : [
          `${name}: ${attempt(it.channel)}`,
          `${name} candidates: ${Object.entries(it.candidates)
            .map(([kind, count]) => `${kind} ${count}`)
            .join(', ')}`,
          ...it.errors.map(({ url, code, text }) => `${name} error: ${url} ${code} ${text}`.trim()),
        ];
  return [
    `verdict: ${way}${advice.length === 0 ? '' : ` (${advice.join(', ')})`}`,
    `coordinator by HTTP: ${attempt(facts.http)}`,
    `coordinator by WebSocket: ${attempt(facts.socket)}`,
    `RTCPeerConnection: ${facts.hasWebRtc}`,
    `address servers: ${facts.servers.stun.join(', ') || 'none'}`,
    `relays: ${facts.servers.turn.join(', ') || 'none'}`,
    ...loop('data channel', facts.all),
    ...loop('data channel by relay', facts.relayOnly),
  ];
}
