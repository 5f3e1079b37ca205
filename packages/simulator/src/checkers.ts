/**
 * What must hold whatever happens, checked from outside the code under test. Ids are those of
 * packages/protocol/SPEC.md, section I. A broken rule is recorded with its time; the run goes on.
 */
import { isFiniteVector, relativeDistance } from '@murmuration/codec';
import type { LedgerRecord } from '@murmuration/coordinator/ledger';
import type { SimTab } from './sim-tab.ts';

export interface Violation {
  readonly rule: string;
  readonly atMs: number;
  readonly text: string;
}

export class Checkers {
  readonly violations: Violation[] = [];
  /** Largest relative L2 distance seen between the anchors of two members of one term, at most one round apart. */
  spreadMax = 0;
  /** Fingerprints seen for a (term, round); two make a fork. */
  readonly #fingerprints = new Map<string, string>();
  readonly #forked = new Set<string>();
  readonly #heads = new Map<SimTab, { term: number; round: number }>();
  #recordsSeen = 0;
  readonly #generations = new Map<number, number>();
  readonly #counted = new Map<number, number>();

  /** Rounds that were closed in two ways. A fork heals, but it must not happen without a partition. */
  get forks(): number {
    return this.#forked.size;
  }

  /** After each event of a tab. */
  afterEvent(tab: SimTab, nowMs: number): void {
    const head = tab.mind.head;
    if (head === null) {
      this.#heads.delete(tab);
      return;
    }
    const before = this.#heads.get(tab);
    if (before?.term === head.term && before.round === head.round) return;
    this.#heads.set(tab, { term: head.term, round: head.round });
    // [I5] A replica's round never goes back within its term, except by fetching a newer state.
    if (before !== undefined && before.term === head.term && head.round < before.round)
      this.#break('I5', nowMs, `${tab.id} went from round ${before.round} back to ${head.round}`);
    // [I23] Members of one round stand on the same anchor.
    const key = `${head.term}.${head.round}`;
    const known = this.#fingerprints.get(key);
    if (known === undefined) this.#fingerprints.set(key, head.fingerprint);
    else if (known !== head.fingerprint) this.#forked.add(key);
    // [I8] No replica ever holds a value that is not finite.
    if (!isFiniteVector(tab.trainer.replica.anchor))
      this.#break('I8', nowMs, `${tab.id} holds a value that is not finite`);
  }

  /** Now and then: how far apart are the replicas? */
  measureSpread(tabs: readonly SimTab[]): number {
    const standing = tabs.filter((tab) => tab.alive && tab.mind.head !== null);
    const front = standing.reduce<SimTab | null>((best, tab) => {
      if (best === null) return tab;
      const a = tab.mind.head!;
      const b = best.mind.head!;
      return a.term > b.term || (a.term === b.term && a.round > b.round) ? tab : best;
    }, null);
    if (front === null) return 0;
    let spread = 0;
    for (const tab of standing) {
      const head = tab.mind.head!;
      if (head.term !== front.mind.head!.term || head.round < front.mind.head!.round - 1) continue;
      spread = Math.max(spread, relativeDistance(tab.trainer.replica.anchor, front.trainer.replica.anchor));
    }
    this.spreadMax = Math.max(this.spreadMax, spread);
    return spread;
  }

  /** Everything that the coordinator wrote down since the last look. */
  readRecords(records: readonly LedgerRecord[], nowMs: number): void {
    for (; this.#recordsSeen < records.length; this.#recordsSeen++) {
      const record = records[this.#recordsSeen]!;
      if (record.kind === 'leased') {
        // [I2] Generations of a shard's leases only grow.
        const last = this.#generations.get(record.shardIndex) ?? 0;
        if (record.generation <= last)
          this.#break(
            'I2',
            nowMs,
            `shard ${record.shardIndex}: generation ${record.generation} after ${last}`,
          );
        this.#generations.set(record.shardIndex, record.generation);
      }
      if (record.kind === 'counted') {
        // [I1] One lease is counted at most once.
        const generation = this.#generations.get(record.shardIndex) ?? 0;
        if (this.#counted.get(record.shardIndex) === generation)
          this.#break('I1', nowMs, `shard ${record.shardIndex}, generation ${generation} was counted twice`);
        this.#counted.set(record.shardIndex, generation);
      }
    }
  }

  #break(rule: string, atMs: number, text: string): void {
    this.violations.push({ rule, atMs, text });
  }
}
