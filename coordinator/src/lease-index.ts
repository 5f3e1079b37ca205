/**
 * Where the shards are: which one is lent next, and what each volunteer holds. Follows the ledger's records, so that an
 * event needs no look at a hundred thousand shards. It decides nothing and remembers nothing of its own: it is built
 * from the state, and built again after a restart.
 */
import type { VolunteerId } from '@murmuration/protocol';
import { LIMITS } from '@murmuration/protocol';
import type { LedgerRecord } from './ledger-records.ts';
import type { LedgerState } from './ledger-state.ts';
import type { ShardState } from './shard-state.ts';

export class LeaseIndex {
  readonly #shards: readonly ShardState[];
  /** Free shards: a heap, the least counted first, then the lowest index. */
  readonly #free: number[] = [];
  readonly #heldBy = new Map<VolunteerId, number[]>();

  constructor({ shards }: Readonly<LedgerState>) {
    this.#shards = shards;
    for (const [index, shard] of shards.entries())
      if (shard.live) this.#hold(index);
      else this.#push(index);
  }

  /** The free shard that was counted least often; null when every shard is out. */
  get next(): number | null {
    return this.#free.length === 0 ? null : this.#free[0]! % LIMITS.shardsMax;
  }

  /** Shards that nobody holds. */
  get freeCount(): number {
    return this.#free.length;
  }

  /** Volunteers that hold a shard. */
  get lesseeCount(): number {
    return this.#heldBy.size;
  }

  /** Shards that the volunteer holds now, ascending. */
  heldBy(volunteerId: VolunteerId): readonly number[] {
    return this.#heldBy.get(volunteerId) ?? [];
  }

  /** A record was applied to the state. */
  follow(record: LedgerRecord): void {
    switch (record.kind) {
      case 'leased':
        this.#pop();
        return this.#hold(record.shardIndex);
      case 'released':
      case 'counted':
        // A late result counts for a shard that is free already, and moves it back in the line.
        if (!this.#letGo(record.shardIndex)) this.#remove(record.shardIndex);
        return this.#push(record.shardIndex);
      default:
    }
  }

  #hold(index: number): void {
    const lessee = this.#shards[index]!.lessee!;
    this.#heldBy.set(
      lessee,
      [...this.heldBy(lessee), index].sort((a, b) => a - b),
    );
  }

  /** False: nobody held it. */
  #letGo(index: number): boolean {
    const lessee = this.#shards[index]!.lessee!;
    const held = this.heldBy(lessee);
    const rest = held.filter((other) => other !== index);
    if (rest.length > 0) this.#heldBy.set(lessee, rest);
    else this.#heldBy.delete(lessee);
    return rest.length < held.length;
  }

  #push(index: number): void {
    let at = this.#free.push(this.#shards[index]!.timesCounted * LIMITS.shardsMax + index) - 1;
    while (at > 0 && this.#free[(at - 1) >> 1]! > this.#free[at]!) at = this.#swap(at, (at - 1) >> 1);
  }

  #pop(): void {
    const last = this.#free.pop()!;
    if (this.#free.length === 0) return;
    this.#free[0] = last;
    this.#sink(0);
  }

  /** Rare: looks for it. */
  #remove(index: number): void {
    const at = this.#free.findIndex((key) => key % LIMITS.shardsMax === index);
    this.#free[at] = -1;
    for (let hole = at; hole > 0;) hole = this.#swap(hole, (hole - 1) >> 1);
    this.#pop();
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#free.length && this.#free[child]! < this.#free[least]!) least = child;
      if (least === at) return;
      at = this.#swap(at, least);
    }
  }

  #swap(from: number, to: number): number {
    const moved = this.#free[from]!;
    this.#free[from] = this.#free[to]!;
    this.#free[to] = moved;
    return to;
  }
}
