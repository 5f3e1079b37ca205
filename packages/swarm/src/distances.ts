/**
 * [N6] Which mates are near and which are far, from round trips that the hands measure on each link: tabs of one network,
 * however their people named it, make a node.
 *
 * Mental model. What delays a packet only ever adds, so of several measures the shortest says how far a mate is. Below
 * one bound it is near, above another far, and between them it stays what it was: a verdict does not flap. Near also
 * needs a link without a translator of addresses between its ends, because a fast line to the neighbour's house is no
 * network of one's own. Pure: it is told the time.
 */
import { LIMITS, type VolunteerId, type VolunteerMessageOf } from '@murmuration/protocol';
import type { LinkMeasure } from './ports.ts';

/** Round trips in a network are a millisecond or two, over a home line ten and more. */
export const NEAR_MAX_MS = 5;
/** No network of one room or house; a guess. */
export const FAR_MIN_MS = 20;
/** One short trip is luck of nobody's, but a link's first may be measured before its path is settled. */
const NEAR_MEASURES_MIN = 3;
/**
 * Of the latest so many all must be long. On a busy machine (two cores, four tabs that draw with them) eight in a row were
 * longer than 20 ms between tabs of one machine.
 */
export const MEASURES_KEPT = 24;
/** A link that is torn may be back at once. */
const ABSENT_MAX_MS = 15_000;
/** Between two words to the coordinator. */
const SAY_EVERY_MS = 2_000;
/** Who has nobody near says that too, after this long. */
const FIRST_WORD_MS = 6_000;

type Word = Pick<VolunteerMessageOf<'distances'>, 'near' | 'far'>;

interface Known {
  readonly roundTripsMs: number[];
  verdict: 'near' | 'far' | null;
  isLocal: boolean;
  seenMs: number;
}

export class Distances {
  readonly #known = new Map<VolunteerId, Known>();
  #said: { readonly text: string; readonly atMs: number } | null = null;
  #firstMs: number | null = null;

  /** All links that are open now. A link without a new measure has none. */
  measured(links: readonly LinkMeasure[], nowMs: number): void {
    this.#firstMs ??= nowMs;
    for (const { peer, roundTripMs, isLocal } of links.slice(0, LIMITS.linksMax)) {
      const known = this.#known.get(peer) ?? { roundTripsMs: [], verdict: null, isLocal, seenMs: nowMs };
      this.#known.set(peer, known);
      known.seenMs = nowMs;
      known.isLocal = isLocal;
      if (roundTripMs === null) continue;
      known.roundTripsMs.push(roundTripMs);
      if (known.roundTripsMs.length > MEASURES_KEPT) known.roundTripsMs.shift();
      const { length } = known.roundTripsMs;
      const shortestMs = Math.min(...known.roundTripsMs);
      if (length >= NEAR_MEASURES_MIN && shortestMs < NEAR_MAX_MS) known.verdict = 'near';
      else if (length >= MEASURES_KEPT && shortestMs > FAR_MIN_MS) known.verdict = 'far';
    }
    for (const [peer, { seenMs }] of this.#known)
      if (nowMs >= seenMs + ABSENT_MAX_MS) this.#known.delete(peer);
  }

  /** What the coordinator is to be told now; null: nothing, or not yet. */
  take(nowMs: number): Word | null {
    const who = (isIt: (known: Known) => boolean) =>
      [...this.#known]
        .flatMap(([peer, known]) => (isIt(known) ? [peer] : []))
        .sort()
        .slice(0, LIMITS.groupMaxMembers);
    const near = who(({ verdict, isLocal }) => verdict === 'near' && isLocal);
    const far = who(({ verdict }) => verdict === 'far');
    const text = `${near.join()}|${far.join()}`;
    const said = this.#said;
    if (said === null && near.length + far.length === 0 && nowMs < (this.#firstMs ?? nowMs) + FIRST_WORD_MS)
      return null;
    if (said !== null && (said.text === text || nowMs < said.atMs + SAY_EVERY_MS)) return null;
    this.#said = { text, atMs: nowMs };
    return { near, far };
  }

  /** Another socket, another coordinator perhaps: it is to be told again. */
  reconnected(): void {
    this.#said = null;
  }
}
