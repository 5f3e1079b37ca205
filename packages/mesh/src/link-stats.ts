/** What a browser's statistics say of the pair of addresses that a link uses. Pure. */
import type { LinkMeasure } from '@murmuration/swarm';

type Entry = Readonly<Record<string, unknown>>;

export interface SelectedPair {
  /** Of the answered probes: how many, and how long the last one took; null: the browser does not say. */
  readonly responsesReceived: number | null;
  readonly roundTripMs: number | null;
  readonly local: string;
  readonly remote: string;
}

/** Null: no pair is selected yet. Candidates go by their types: `host`, `srflx`, `prflx`, `relay`. */
export function selectedPairOf(stats: RTCStatsReport): SelectedPair | null {
  const byId = new Map<string, Entry>();
  stats.forEach((each: Entry) => byId.set(String(each['id']), each));
  const all = [...byId.values()];
  const selectedId = all.find(({ type }) => type === 'transport')?.['selectedCandidatePairId'];
  const pair =
    byId.get(String(selectedId)) ??
    // Firefox has no transport in its report and marks the pair instead.
    all.find(({ type, selected }) => type === 'candidate-pair' && selected === true);
  if (pair === undefined) return null;
  const numberIn = (name: string) => (typeof pair[name] === 'number' ? pair[name] : null);
  const seconds = numberIn('currentRoundTripTime');
  const typeOf = (end: string) => String(byId.get(String(pair[end]))?.['candidateType']);
  return {
    responsesReceived: numberIn('responsesReceived'),
    roundTripMs: seconds === null ? null : 1_000 * seconds,
    local: typeOf('localCandidateId'),
    remote: typeOf('remoteCandidateId'),
  };
}

/** 'relayed' when either end of the selected pair is a relay's address; null: no pair is selected yet. */
export function routeOf(stats: RTCStatsReport): 'direct' | 'relayed' | null {
  const pair = selectedPairOf(stats);
  if (pair === null) return null;
  return pair.local === 'relay' || pair.remote === 'relay' ? 'relayed' : 'direct';
}

/**
 * Whether our packets keep their address on the way: this end is known by the machine's own. The other end's may be one that
 * was learned from its packets (`prflx`) before its name was resolved; whether it is its own, that end knows (SPEC N6).
 */
export const isLocalPair = ({ local, remote }: SelectedPair): boolean =>
  local === 'host' && (remote === 'host' || remote === 'prflx');

/** Of one link, look by look: a probe is told once. */
export class LinkMeter {
  #responses: number | null = null;

  take(stats: RTCStatsReport): Omit<LinkMeasure, 'peer'> {
    const pair = selectedPairOf(stats);
    if (pair === null) return { roundTripMs: null, isLocal: false };
    const isNew = pair.responsesReceived === null || pair.responsesReceived !== this.#responses;
    this.#responses = pair.responsesReceived;
    return { roundTripMs: isNew ? pair.roundTripMs : null, isLocal: isLocalPair(pair) };
  }
}
