import {
  crewMembersOf,
  idFromRandomBytes,
  LIMITS,
  ownNodeName,
  PLANE_COUNT,
  type VolunteerId,
} from '@murmuration/protocol';
import { describe, expect, it } from 'vitest';
import { Crews } from './crews.ts';
import { Introductions } from './introductions.ts';
import type { Moved } from './introductions.ts';

/** Makes exactly these the members, by who is missing and who is new. */
function movingTo<T>(change: (moved: Moved) => T): (members: readonly string[]) => T {
  let now: readonly string[] = [];
  return (members) => {
    const moved = {
      gone: now.filter((id) => !members.includes(id)),
      come: members.filter((id) => !now.includes(id)),
    };
    now = members;
    return change(moved);
  };
}
const newBook = () => {
  const book = new Introductions(1);
  return { book, update: movingTo((moved) => book.change(moved)) };
};
const newCrews = (seed: number, group: number | null = null) => {
  const crews = new Crews(seed, group);
  return { crews, update: movingTo((moved) => crews.change(moved)) };
};

describe('introductions', () => {
  const one = { plane: 0, planeCount: 1 };

  it('everybody is told of everybody else once, and again only when it changes', () => {
    const { update } = newBook();
    expect(update(['a', 'b'])).toEqual([
      { to: 'a', ...one, peers: ['b'], viaCoordinator: [] },
      { to: 'b', ...one, peers: ['a'], viaCoordinator: [] },
    ]);
    expect(update(['a', 'b'])).toEqual([]);
    expect(update(['a', 'b', 'c']).map(({ to }) => to)).toEqual(['a', 'b', 'c']);
    expect(update(['b', 'a', 'c'])).toEqual([]);
  });

  it('a member with a new socket is told again, the others are not', () => {
    const { book, update } = newBook();
    update(['a', 'b']);
    book.forget('a');
    expect(update(['a', 'b'])).toEqual([{ to: 'a', ...one, peers: ['b'], viaCoordinator: [] }]);
  });

  it('[T2] who wants no peers is reached through the coordinator, and a change of mind is told to its mates', () => {
    const { book, update } = newBook();
    book.links('c', 'no-peers');
    expect(update(['a', 'b', 'c'])).toEqual([
      { to: 'a', ...one, peers: ['b', 'c'], viaCoordinator: ['c'] },
      { to: 'b', ...one, peers: ['a', 'c'], viaCoordinator: ['c'] },
      { to: 'c', ...one, peers: ['a', 'b'], viaCoordinator: ['a', 'b'] },
    ]);
    book.links('c', 'no-peers');
    book.links('a', 'relay-only');
    expect(update(['a', 'b', 'c'])).toEqual([]);
    book.links('c', 'direct');
    expect(
      update(['a', 'b', 'c'])
        .map(({ to, viaCoordinator }) => [to, viaCoordinator])
        .sort(),
    ).toEqual([
      ['a', []],
      ['b', []],
      ['c', []],
    ]);
  });

  it('[T2] a pair without a path is told to go through the coordinator, once, and nobody else is told anything', () => {
    const { book, update } = newBook();
    update(['a', 'b', 'c']);
    book.noPath('a', 'b');
    book.noPath('b', 'a');
    expect(update(['a', 'b', 'c'])).toEqual([
      { to: 'a', ...one, peers: ['b', 'c'], viaCoordinator: ['b'] },
      { to: 'b', ...one, peers: ['a', 'c'], viaCoordinator: ['a'] },
    ]);
    expect([book.isViaCoordinator('b', 'a'), book.isViaCoordinator('a', 'c')]).toEqual([true, false]);
    // Strangers cannot ask for a way; who comes back tries again.
    book.noPath('a', 'z');
    expect(book.isViaCoordinator('a', 'z')).toBe(false);
    update(['a', 'c']);
    update(['a', 'b', 'c']);
    expect(book.isViaCoordinator('a', 'b')).toBe(false);
  });

  it('who left is introduced to nobody', () => {
    const { book, update } = newBook();
    update(['a', 'b', 'c']);
    expect(book.areIntroduced('a', 'c')).toBe(true);
    book.left('c');
    update(['a', 'b']);
    expect(book.areIntroduced('a', 'c')).toBe(false);
    expect(book.areIntroduced('a', 'b')).toBe(true);
  });
});

describe('crews of a large swarm', () => {
  const id = (n: number) =>
    idFromRandomBytes(
      'vol',
      Uint8Array.from({ length: 26 }, (_, i) => (n >> (5 * (i % 4))) & 31),
    );
  const swarm = (count: number) => Array.from({ length: count }, (_, n) => id(n));
  const sizes = (crews: Crews, members: readonly string[]) =>
    members.flatMap((member) =>
      Array.from({ length: crews.planeCount }, (_, plane) => crews.crew(member, plane).length),
    );

  it('[R13] everybody is in one crew of each plane, and crews stay between 5 and 12 while a third of the swarm changes', () => {
    const { crews, update } = newCrews(7);
    let members = swarm(300);
    update(members);
    for (let turn = 1; turn <= 40; turn++) {
      members = members.filter((_, i) => (i + turn) % 9 > 2);
      members.push(
        ...swarm(300)
          .map((_, i) => id(1_000 * turn + i))
          .slice(0, 100 - turn),
      );
      update(members);
      expect(crews.planeCount).toBe(PLANE_COUNT);
      const found = sizes(crews, members);
      expect(Math.min(...found)).toBeGreaterThanOrEqual(5);
      expect(Math.max(...found)).toBeLessThanOrEqual(12);
      const isInCrewOfMates = (member: string, plane: number) =>
        crews.crew(member, plane).every((mate) => crews.crew(mate, plane).includes(member));
      for (let plane = 0; plane < PLANE_COUNT; plane++)
        expect(members.filter((member) => !isInCrewOfMates(member, plane))).toEqual([]);
    }
  });

  it.each([2, 3, 4, 16])('[R13] groups of %d: one up to so many, then crews of about so many', (group) => {
    const { crews, update } = newCrews(7, group);
    update(swarm(group));
    expect([crews.planeCount, crews.groupSize]).toEqual([1, group]);
    let members = swarm(20 * group);
    update(members);
    expect([crews.planeCount, crews.groupSize]).toEqual([PLANE_COUNT, group]);
    expect(Math.max(...sizes(crews, members))).toBeLessThanOrEqual(group);
    for (let turn = 1; turn <= 30; turn++) {
      members = members.filter((_, i) => (i + turn) % 9 > 2);
      members.push(...swarm(Math.max(0, 7 * group - turn)).map((_, i) => id(1_000 * turn + i)));
      update(members);
      const found = sizes(crews, members);
      if (crews.planeCount > 1) expect(Math.min(...found)).toBeGreaterThanOrEqual(2);
      expect(Math.max(...found)).toBeLessThanOrEqual(Math.floor(1.5 * group));
      // Mates of all planes are linked with.
      expect(PLANE_COUNT * (Math.max(...found) - 1)).toBeLessThanOrEqual(LIMITS.linksMax);
    }
    update(members.slice(0, Math.max(1, Math.floor(group / 2))));
    expect(crews.planeCount).toBe(1);
  });

  it.each([
    [null, 40],
    [null, 100],
    [4, 40],
    [8, 20],
    [16, 64],
  ] as const)(
    '[R13] with group %s and %d tabs that came one by one crews are as large as a plan is told',
    (group, tabs) => {
      const { crews, update } = newCrews(7, group);
      for (let count = 1; count <= tabs; count++) update(swarm(count));
      const together = swarm(tabs).map((member) => crews.crew(member, 0).length);
      const mean = together.reduce((sum, size) => sum + size, 0) / tabs;
      expect(Math.abs(mean / crewMembersOf(tabs, group) - 1)).toBeLessThan(0.1);
    },
  );

  it('[R13] an arrival and a departure concern few crews, not the swarm', () => {
    const { update } = newCrews(7);
    update(swarm(1_000));
    expect(update(swarm(1_001)).size).toBeLessThanOrEqual(PLANE_COUNT * 12);
    expect(update(swarm(1_001).slice(1)).size).toBeLessThanOrEqual(2 * PLANE_COUNT * 12);
  });

  it('[R13] a swarm becomes one group again only well below the size at which it was cut', () => {
    const { crews, update } = newCrews(7);
    const planesAt = (count: number) => {
      update(swarm(count));
      return crews.planeCount;
    };
    expect(planesAt(LIMITS.groupMaxMembers)).toBe(1);
    expect(planesAt(LIMITS.groupMaxMembers + 1)).toBe(PLANE_COUNT);
    expect(planesAt(LIMITS.groupMaxMembers)).toBe(PLANE_COUNT);
    expect(planesAt(LIMITS.groupMaxMembers - 8)).toBe(1);
  });

  it('the same arrivals and departures give the same crews', () => {
    const build = () => {
      const { crews, update } = newCrews(3);
      for (const count of [10, 50, 80, 60, 61]) update(swarm(count));
      return swarm(61).map((member) => [...crews.crew(member, 2)]);
    };
    expect(build()).toEqual(build());
  });
});

describe('nodes', () => {
  const id = (n: number): VolunteerId => idFromRandomBytes('vol', new Uint8Array(26).fill(n));
  const [room, other] = [id(200), id(201)];
  const tell = (introductions: Introductions, members: readonly VolunteerId[]) =>
    new Map(introductions.change({ gone: [], come: members }).map((each) => [each.to, each]));

  it('[N1] who said the same word is introduced as a node, and who said none as one of its own', () => {
    const introductions = new Introductions(1, null, null, true);
    introductions.links(id(1), 'direct', { word: room, former: room });
    introductions.links(id(2), 'direct', { word: room, former: room });
    introductions.links(id(3), 'direct');
    const told = tell(introductions, [id(1), id(2), id(3)]);
    expect(told.get(id(1))).toMatchObject({
      peers: [id(2), id(3)],
      nodes: { own: room, ofPeers: [room, ownNodeName(id(3))] },
    });
    expect(told.get(id(3))?.nodes).toEqual({ own: ownNodeName(id(3)), ofPeers: [room, room] });
    // It comes back from another room: everybody is told.
    introductions.links(id(2), 'direct', { word: other, former: other });
    const again = introductions.change({ gone: [], come: [] });
    expect(again.map(({ to }) => to).sort()).toEqual([id(1), id(2), id(3)]);
    expect(again.find(({ to }) => to === id(2))?.nodes?.own).toBe(other);
  });

  it('[N6] who is found to be near is introduced as a node, to everybody, and again after a moment without a replica', () => {
    const introductions = new Introductions(1, null, null, true);
    for (const n of [1, 2, 3]) introductions.links(id(n), 'direct');
    tell(introductions, [id(1), id(2), id(3)]);
    introductions.distances(id(1), { near: [id(2)], far: [] });
    introductions.distances(id(2), { near: [id(1)], far: [] });
    expect(introductions.settleNodes(() => true)).toEqual([
      { volunteerId: id(2), node: ownNodeName(id(1)), why: 'near' },
    ]);
    const told = tell(introductions, []);
    expect(told.get(id(3))?.nodes).toEqual({
      own: ownNodeName(id(3)),
      ofPeers: [ownNodeName(id(1)), ownNodeName(id(1))],
    });
    expect(told.get(id(2))?.nodes?.own).toBe(ownNodeName(id(1)));
    introductions.change({ gone: [id(2)], come: [] });
    expect(tell(introductions, [id(2)]).get(id(2))?.nodes?.own).toBe(ownNodeName(id(1)));
    expect(new Introductions(1).distances(id(1), { near: [id(2)], far: [] })).toBe(false);
  });

  it('[N1] a run with tiers is one group: who comes when it is full waits for a place', () => {
    const introductions = new Introductions(1, null, null, true);
    const members = Array.from({ length: LIMITS.groupMaxMembers + 1 }, (_, i) => id(i));
    const told = tell(introductions, members);
    expect(told.size).toBe(LIMITS.groupMaxMembers);
    expect(introductions.planeCount).toBe(1);
    const last = members.at(-1)!;
    expect(told.has(last)).toBe(false);
    const later = introductions.change({ gone: [members[0]!], come: [] });
    expect(later.map(({ to }) => to)).toContain(last);
  });
});
