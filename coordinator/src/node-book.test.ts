import { idFromRandomBytes, ownNodeName, type VolunteerId } from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { NodeBook } from './node-book.ts';

const id = (n: number): VolunteerId => idFromRandomBytes('vol', new Uint8Array(26).fill(n));
const own = (n: number): VolunteerId => ownNodeName(id(n));
const [ROOM, OTHER_ROOM] = [id(30), id(31)];

/** Tabs by number; each says at once how it stands to all others. */
class Crowd {
  readonly book = new NodeBook();
  readonly #places = new Map<number, string>();

  /** @param place where it really is: tabs of one place are near each other */
  come(n: number, place: string, word: VolunteerId | null = null): void {
    this.#places.set(n, place);
    this.book.enter(id(n), word, null);
  }
  leave(n: number): void {
    this.#places.delete(n);
    this.book.left(id(n));
  }
  move(n: number, place: string): void {
    this.#places.set(n, place);
  }
  say(n: number): void {
    const others = [...this.#places].filter(([other]) => other !== n);
    const at = (isIt: (place: string) => boolean) =>
      others.flatMap(([other, place]) => (isIt(place) ? [id(other)] : []));
    const here = this.#places.get(n);
    this.book.says(id(n), { near: at((place) => place === here), far: at((place) => place !== here) });
  }
  measure(): ReturnType<NodeBook['settle']> {
    for (const n of this.#places.keys()) this.say(n);
    return this.settle();
  }
  settle(): ReturnType<NodeBook['settle']> {
    return this.book.settle([...this.#places.keys()].map(id));
  }
  /** Who is together, by number, ascending. */
  get nodes(): number[][] {
    const nodes = new Map<VolunteerId, number[]>();
    for (const n of [...this.#places.keys()].sort((a, b) => a - b)) {
      const node = this.book.nodeOf(id(n));
      nodes.set(node, [...(nodes.get(node) ?? []), n]);
    }
    return [...nodes.values()];
  }
}

describe('tabs find their nodes', () => {
  it('[N6] tabs that say so of each other are a node; one of them alone says nothing', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3]) crowd.come(n, n < 3 ? 'a' : 'b');
    crowd.say(1);
    expect(crowd.settle()).toEqual([]);
    crowd.say(2);
    expect(crowd.settle()).toEqual([{ volunteerId: id(2), node: own(1), why: 'near' }]);
    expect(crowd.nodes).toEqual([[1, 2], [3]]);
  });

  it('[N6] whatever the order in which they measure, the places come out, and stay', () => {
    for (let order = 0; order < 24; order++) {
      const crowd = new Crowd();
      const tabs = Array.from({ length: 9 }, (_, i) => 1 + ((i * (order + 2) + order) % 9));
      for (const n of new Set([...tabs, 1, 2, 3, 4, 5, 6, 7, 8, 9])) crowd.come(n, `place ${n % 3}`);
      for (const n of tabs) {
        crowd.say(n);
        crowd.settle();
      }
      crowd.measure();
      expect(crowd.nodes).toEqual([
        [1, 4, 7],
        [2, 5, 8],
        [3, 6, 9],
      ]);
      expect(crowd.measure()).toEqual([]);
    }
  });

  it('[N6] a node keeps its name while members stay; who was first and comes back elsewhere gets another', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3]) crowd.come(n, 'a');
    crowd.measure();
    expect(crowd.book.nodeOf(id(3))).toBe(own(1));
    crowd.leave(1);
    crowd.come(1, 'b');
    expect(crowd.book.nodeOf(id(1))).toBe(own(1));
    expect(crowd.measure().map(({ volunteerId }) => volunteerId)).toEqual([id(1)]);
    expect(crowd.book.nodeOf(id(2))).toBe(own(1));
    expect(crowd.book.nodeOf(id(1))).not.toBe(own(1));
    expect(crowd.nodes).toEqual([[1], [2, 3]]);
  });

  it('[N6] the smaller of two nodes goes to the larger', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3, 4, 5]) crowd.come(n, n < 3 ? 'a' : 'b');
    crowd.measure();
    for (const n of [1, 2]) crowd.move(n, 'b');
    expect(crowd.measure().map(({ volunteerId, node }) => [volunteerId, node])).toEqual([
      [id(1), own(3)],
      [id(2), own(3)],
    ]);
  });

  it('[N6] one missing link keeps nobody out, and a tab that is near to half of a node only does not come in', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3, 4, 5]) crowd.come(n, 'a');
    const near = (n: number, others: readonly number[]) =>
      crowd.book.says(id(n), { near: others.map(id), far: [] });
    for (const n of [1, 2, 3, 4]) near(n, [1, 2, 3, 4, 5]);
    near(5, [1, 2]);
    crowd.settle();
    expect(crowd.nodes).toEqual([[1, 2, 3, 4], [5]]);
    near(5, [1, 2, 3]);
    crowd.settle();
    expect(crowd.nodes).toEqual([[1, 2, 3, 4, 5]]);
    // It leaves when most others say so too.
    near(5, []);
    for (const n of [1, 2]) near(n, [1, 2, 3, 4]);
    expect(crowd.settle()).toEqual([]);
    near(3, [1, 2, 4]);
    expect(crowd.settle()).toEqual([{ volunteerId: id(5), node: own(5), why: 'not-near' }]);
  });

  it('[N6] who has not spoken since it came is left where it is', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3]) crowd.come(n, 'a');
    crowd.measure();
    // Another socket, and another coordinator perhaps.
    crowd.book.enter(id(2), null, null);
    crowd.say(1);
    expect(crowd.settle()).toEqual([]);
    for (const n of [1, 2, 3]) crowd.book.says(id(n), { near: n === 2 ? [] : [id(1), id(3)], far: [] });
    expect(crowd.settle()).toMatchObject([{ volunteerId: id(2), why: 'not-near' }]);
  });

  it('[N6] only those are looked at that have links', () => {
    const crowd = new Crowd();
    for (const n of [1, 2]) crowd.come(n, 'a');
    for (const n of [1, 2]) crowd.say(n);
    expect(crowd.book.settle([id(1)])).toEqual([]);
  });
});

describe('words', () => {
  it('[N1] the same word makes a node before anybody measured, and nearness never joins two words', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3, 4]) crowd.come(n, 'a', n < 3 ? ROOM : OTHER_ROOM);
    expect(crowd.nodes).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(crowd.measure()).toEqual([]);
  });

  it('[N6] who says no word goes to whoever is near, and the node goes by the word', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3]) crowd.come(n, 'a');
    crowd.measure();
    crowd.come(4, 'a', ROOM);
    crowd.measure();
    expect(crowd.nodes).toEqual([[1, 2, 3, 4]]);
    expect(crowd.book.nodeOf(id(1))).toBe(ROOM);
  });

  it('[N6] mates by word that are far from each other are one node no more, and come together when they are near', () => {
    const crowd = new Crowd();
    for (const n of [1, 2, 3, 4]) crowd.come(n, n < 3 ? 'a' : 'b', ROOM);
    const changes = crowd.measure();
    expect(changes.map(({ why }) => why)).toContain('far');
    expect(crowd.nodes).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(crowd.book.nodeOf(id(1))).toBe(ROOM);
    for (const n of [3, 4]) crowd.move(n, 'a');
    crowd.measure();
    expect(crowd.nodes).toEqual([[1, 2, 3, 4]]);
    expect(crowd.book.nodeOf(id(3))).toBe(ROOM);
  });

  it('[N6] mates by word need not be near: neither near nor far is a word as good as any', () => {
    const crowd = new Crowd();
    for (const n of [1, 2]) crowd.come(n, 'a', ROOM);
    for (const n of [1, 2]) crowd.book.says(id(n), { near: [], far: [] });
    expect(crowd.settle()).toEqual([]);
    // One of two alone is no evidence.
    crowd.book.says(id(1), { near: [], far: [id(2)] });
    expect(crowd.settle()).toEqual([]);
  });
});
