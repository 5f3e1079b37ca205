/**
 * What must hold of the replicas whatever happens, checked from outside the code under test. Ids are those of
 * packages/protocol/SPEC.md, section I. A broken rule is recorded with its time; the run goes on.
 */
import { isFiniteVector, relativeDistance } from '@murmuration/codec';
import type { Head, VolunteerId } from '@murmuration/protocol';

export interface Violation {
  readonly rule: string;
  readonly atMs: number;
  readonly text: string;
}

/** Whoever holds a replica: a tab, or the averaging server of a central run. */
export interface ReplicaHolder {
  readonly id: VolunteerId;
  readonly alive: boolean;
  readonly mute: boolean;
  readonly isHonest: boolean;
  readonly mind: { readonly head: Head | null; readonly isMixed: boolean };
  readonly trainer: { readonly replica: { readonly anchor: Float32Array; readonly average: Float32Array } };
}

/** Broken rules that are kept; more of them say nothing new. */
const VIOLATIONS_MAX = 100;
export class Violations {
  readonly list: Violation[] = [];
  count = 0;

  break(rule: string, atMs: number, text: string): void {
    this.count += 1;
    if (this.list.length < VIOLATIONS_MAX) this.list.push({ rule, atMs, text });
  }
}

/** [I10] With 30 % of the honest tabs connected, a round is completed in any ten minutes. */
const PROGRESS_SHARE = 0.3;
const PROGRESS_MAX_MS = 600_000;
/** Anchors of past rounds that are kept to compare latecomers with. */
const ANCHORS_KEPT = 64;
/**
 * [I23] So many rounds after the last fault all replicas must be one again. A late frame may still part them, but not
 * for longer than a fork takes to heal.
 */
const HEALED_ROUNDS = 10;
const SPREAD_HEALED_MAX = 0.001;
const HEAL_MAX_MS = 15_000;

interface Stand {
  readonly fingerprint: string;
  readonly anchor: Float32Array;
}

export class ReplicaChecks {
  /** Largest relative L2 distance between two anchors of one term and round. */
  spreadMax = 0;
  /** Rounds that ended on more than one anchor. */
  forkCount = 0;
  readonly #violations: Violations;
  readonly #mayFork: boolean;
  readonly #onFork: (tab: ReplicaHolder, head: Head, distance: number) => void;
  readonly #anchors = new Map<string, Stand>();
  readonly #forked = new Set<string>();
  readonly #heads = new WeakMap<ReplicaHolder, Head>();
  #front = { term: 0, round: 0 };
  #advancedAtMs = 0;
  #connectedSinceMs = 0;
  /** Where the front stood when faults stopped. */
  #quietFrom: { term: number; round: number } | null = null;
  #apartSinceMs: number | null = null;

  constructor(
    violations: Violations,
    options: { mayFork: boolean; onFork: (tab: ReplicaHolder, head: Head, distance: number) => void },
  ) {
    this.#violations = violations;
    this.#mayFork = options.mayFork;
    this.#onFork = options.onFork;
  }

  /** The furthest (term, round) that any replica has stood at. */
  get front(): { readonly term: number; readonly round: number } {
    return this.#front;
  }

  /** After each event of a tab. True: its head moved. */
  afterEvent(tab: ReplicaHolder, nowMs: number): boolean {
    const { head } = tab.mind;
    const before = this.#heads.get(tab);
    if (head === null) {
      if (before !== undefined) this.#heads.delete(tab);
      return false;
    }
    if (before === head) return false;
    this.#heads.set(tab, head);
    if (before?.term === head.term && before.round === head.round && before.fingerprint === head.fingerprint)
      return false;
    // [I5] A replica's round never goes back within its term, except by fetching a newer state.
    if (before !== undefined && before.term === head.term && head.round < before.round)
      this.#violations.break('I5', nowMs, `${tab.id} went from round ${before.round} back to ${head.round}`);
    if (!tab.isHonest) return true;
    const { anchor } = tab.trainer.replica;
    // [I8] No honest replica ever holds a value that is not finite.
    if (!isFiniteVector(anchor))
      this.#violations.break('I8', nowMs, `${tab.id} holds a value that is not finite`);
    if (head.term > this.#front.term || (head.term === this.#front.term && head.round > this.#front.round)) {
      this.#front = { term: head.term, round: head.round };
    }
    // A founding is no progress: only a round that somebody completed is.
    if (before?.term === head.term && head.round > before.round) this.#advancedAtMs = nowMs;
    if (!tab.mind.isMixed) this.#compare(tab, head, anchor, nowMs);
    return true;
  }

  forget(tab: ReplicaHolder): void {
    this.#heads.delete(tab);
  }

  /** [I23] Members of one round stand on the same anchor. */
  #compare(tab: ReplicaHolder, head: Head, anchor: Float32Array, nowMs: number): void {
    const key = `${head.term}.${head.round}`;
    const known = this.#anchors.get(key);
    if (known === undefined) {
      this.#anchors.set(key, { fingerprint: head.fingerprint, anchor: anchor.slice() });
      if (this.#anchors.size > ANCHORS_KEPT) this.#anchors.delete(this.#anchors.keys().next().value!);
      return;
    }
    if (known.fingerprint === head.fingerprint) return;
    const distance = relativeDistance(anchor, known.anchor);
    this.spreadMax = Math.max(this.spreadMax, distance);
    if (this.#forked.has(key)) return;
    this.#forked.add(key);
    this.forkCount += 1;
    this.#onFork(tab, head, distance);
    if (!this.#mayFork)
      this.#violations.break('I23', nowMs, `round ${key} ended on two anchors, and nothing was wrong`);
  }

  /** Now: the largest distance between honest replicas that stand at one round. */
  spread(tabs: Iterable<ReplicaHolder>): number {
    const stands = new Map<string, Stand>();
    let spread = 0;
    for (const tab of tabs) {
      const { head } = tab.mind;
      if (!tab.alive || head === null || !tab.isHonest || tab.mute) continue;
      const key = `${head.term}.${head.round}`;
      const { anchor } = tab.trainer.replica;
      const known = stands.get(key);
      if (known === undefined) stands.set(key, { fingerprint: head.fingerprint, anchor });
      else if (known.fingerprint !== head.fingerprint)
        spread = Math.max(spread, relativeDistance(anchor, known.anchor));
    }
    this.spreadMax = Math.max(this.spreadMax, spread);
    return spread;
  }

  /** Now and then. `connectedShare`: of the tabs that the run should have, those that are there and cut off from nobody. */
  look(now: {
    readonly nowMs: number;
    readonly spread: number;
    readonly connectedShare: number;
    readonly faultsOn: boolean;
    readonly isRunning: boolean;
    /** Several crews: anchors differ all the time (SPEC R13). */
    readonly isMixed: boolean;
  }): void {
    const { nowMs } = now;
    if (now.connectedShare < PROGRESS_SHARE || !now.isRunning) this.#connectedSinceMs = nowMs;
    const stuckSinceMs = Math.max(this.#connectedSinceMs, this.#advancedAtMs);
    if (nowMs - stuckSinceMs >= PROGRESS_MAX_MS) {
      this.#violations.break('I10', nowMs, `no round since ${(stuckSinceMs / 1_000).toFixed(0)} s`);
      this.#advancedAtMs = nowMs;
    }
    if (now.faultsOn) {
      this.#quietFrom = null;
      return;
    }
    this.#quietFrom ??= this.#front;
    const isHealed =
      this.#front.term > this.#quietFrom.term || this.#front.round >= this.#quietFrom.round + HEALED_ROUNDS;
    if (!isHealed || now.isMixed || now.spread <= SPREAD_HEALED_MAX) {
      this.#apartSinceMs = null;
      return;
    }
    this.#apartSinceMs ??= nowMs;
    if (nowMs < this.#apartSinceMs + HEAL_MAX_MS) return;
    const seconds = ((nowMs - this.#apartSinceMs) / 1_000).toFixed(0);
    const text = `replicas of one round are ${now.spread.toExponential(1)} apart for ${seconds} s without any fault`;
    this.#violations.break('I23', nowMs, text);
    this.#apartSinceMs = nowMs;
  }
}
