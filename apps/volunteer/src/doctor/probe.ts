/**
 * Finds out how this browser reaches the others, when the person asks: the coordinator by HTTP and by WebSocket, then two
 * connections of this page to each other through the coordinator's servers, over every path and over relays only. Loaded
 * with that click. It joins no run and no volunteer learns of it; what the facts mean is verdict.ts's.
 */
import type { Attempt, ConnectivityFacts, Loop } from './verdict.ts';

const ANSWER_MAX_MS = 8_000;
/** A TURN allocation over a slow line takes a few round trips; browsers give a silent server about ten seconds. */
const CHANNEL_MAX_MS = 15_000;
/** For servers that do not answer: browsers give one up after ten seconds. */
const GATHER_MAX_MS = 12_000;
const ERRORS_MAX = 8;

export async function probeConnection(): Promise<ConnectivityFacts> {
  const answer = await iceServersHere();
  const http: Attempt = 'detail' in answer ? { ok: false, detail: answer.detail } : { ok: true };
  const servers = 'detail' in answer ? [] : answer.servers;
  const urls = servers.flatMap((server) => server.urls);
  const found = {
    http,
    hasWebRtc: 'RTCPeerConnection' in window,
    servers: {
      stun: urls.filter((url) => /^stuns?:/.test(url)),
      turn: urls.filter((url) => /^turns?:/.test(url)),
    },
  };
  const socket: Attempt = http.ok ? await socketOpens() : { ok: false, detail: 'not tried' };
  if (!socket.ok || !found.hasWebRtc) return { ...found, socket, all: null, relayOnly: null };
  const all = await loop(servers, 'all');
  const relayOnly = found.servers.turn.length === 0 ? null : await loop(servers, 'relay');
  return { ...found, socket, all, relayOnly };
}

interface Server {
  readonly urls: string[];
  readonly username?: string;
  readonly credential?: string;
}

async function iceServersHere(): Promise<
  { readonly servers: readonly Server[] } | { readonly detail: string }
> {
  try {
    const answer = await fetch('/api/public/ice-servers', { signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    if (!answer.ok) return { detail: `the coordinator answered ${answer.status}` };
    const { iceServers } = (await answer.json()) as { iceServers: readonly Server[] };
    return { servers: iceServers };
  } catch (reason) {
    return { detail: String(reason) };
  }
}

/** The socket that volunteers speak over; nothing is said, so nobody joins. */
async function socketOpens(): Promise<Attempt> {
  let socket: WebSocket | null = null;
  const opened = new Promise<void>((resolve, reject) => {
    // What is blocked by a policy throws at once.
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws/volunteer`);
    socket.onopen = () => resolve();
    socket.onclose = ({ code }) => reject(new Error(`closed with code ${code}`));
  });
  return within(ANSWER_MAX_MS, opened)
    .then(() => ({ ok: true }) as const, failed)
    .finally(() => socket?.close());
}

const failed = (reason: unknown): Attempt => ({
  ok: false,
  detail: reason instanceof Error ? reason.message : String(reason),
});

async function loop(servers: readonly Server[], iceTransportPolicy: RTCIceTransportPolicy): Promise<Loop> {
  const configuration = { iceServers: [...servers], iceTransportPolicy };
  const candidates = { host: 0, srflx: 0, relayUdp: 0, relayTcp: 0 };
  const errors: { url: string; code: number; text: string }[] = [];
  const ends = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)] as const;
  const [here, there] = ends;
  try {
    const gathered = new Promise<void>((resolve) => {
      here.addEventListener('icecandidate', ({ candidate }) => {
        if (candidate === null) return resolve();
        const { type } = candidate;
        if (type === 'host' || type === 'srflx') candidates[type] += 1;
        if (type === 'relay') candidates[isByUdp(candidate) ? 'relayUdp' : 'relayTcp'] += 1;
      });
    });
    here.addEventListener('icecandidateerror', ({ url, errorCode, errorText }) => {
      const isKnown = errors.some((error) => error.url === url && error.code === errorCode);
      if (!isKnown && errors.length < ERRORS_MAX) errors.push({ url, code: errorCode, text: errorText });
    });
    const heard = echo(here, there);
    const isFound = () => Object.values(candidates).some((count) => count > 0);
    const nothing = gathered.then(() => {
      if (!isFound()) throw new Error('no way to this browser was found');
      return heard;
    });
    const channel = await within(CHANNEL_MAX_MS, Promise.race([heard, nothing])).then(
      (): Attempt => ({ ok: true }),
      failed,
    );
    const isGathered = await within(GATHER_MAX_MS, gathered).then(
      () => true,
      () => false,
    );
    return { channel, candidates, isGathered, errors };
  } finally {
    for (const end of ends) end.close();
  }
}

/** How the relay was reached; a browser that does not tell speaks UDP where it can. */
const isByUdp = (candidate: RTCIceCandidate & { readonly relayProtocol?: string | null }): boolean =>
  (candidate.relayProtocol ?? 'udp') === 'udp';

/** A word there and back through a data channel. */
async function echo(here: RTCPeerConnection, there: RTCPeerConnection): Promise<void> {
  const tellOther = (from: RTCPeerConnection, to: RTCPeerConnection) =>
    from.addEventListener('icecandidate', ({ candidate }) => {
      // A candidate that the other end does not understand is one way less.
      if (candidate !== null) void to.addIceCandidate(candidate).catch(() => {});
    });
  there.addEventListener('datachannel', ({ channel }) => {
    channel.onmessage = ({ data }: MessageEvent<string>) => channel.send(data);
  });
  const channel = here.createDataChannel('connection check');
  const heard = new Promise<void>((resolve, reject) => {
    channel.onopen = () => channel.send('are you there?');
    channel.onmessage = () => resolve();
    here.onconnectionstatechange = () => {
      if (here.connectionState === 'failed') reject(new Error('no path was found'));
    };
  });
  await here.setLocalDescription(await here.createOffer());
  // What was found by now stands in the description; what comes from now on is told.
  const offered = there.setRemoteDescription(here.localDescription!);
  tellOther(here, there);
  await offered;
  await there.setLocalDescription(await there.createAnswer());
  const answered = here.setRemoteDescription(there.localDescription!);
  tellOther(there, here);
  await answered;
  await heard;
}

function within<T>(maxMs: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${maxMs / 1_000} s`)), maxMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
