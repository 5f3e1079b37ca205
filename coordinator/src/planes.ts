/**
 * Planes: fixed random partitions of a swarm into groups. Every seat belongs to one group of each plane, and the round
 * number says which plane averages. A tab therefore needs links only to its `planeCount * (groupSize - 1)` neighbours,
 * for as long as it lives, and yet values mix almost as fast as if groups were drawn anew each round.
 *
 * A seat is a place in the swarm, not a tab: when a tab dies, its seat waits for a newcomer. This file draws; who sits
 * where, who is alive and what a group does is not its business.
 */
import { mulberry, streamSeed } from '@murmuration/codec';

/** The groups of one partition; each is a list of seats, and every seat is in exactly one. */
export type Plane = readonly Uint32Array[];

/**
 * Pure: the same arguments give the same planes on every machine. Group sizes differ by at most one, and none is larger
 * than `groupSize`.
 */
export function drawPlanes(options: {
  readonly seed: number;
  /** Seats of the swarm. */
  readonly seatCount: number;
  readonly groupSize: number;
  readonly planeCount: number;
}): readonly Plane[] {
  const { seed, seatCount, groupSize, planeCount } = options;
  return Array.from({ length: planeCount }, (_, plane) =>
    cutIntoGroups(shuffledSeats(streamSeed(seed, 'plane', plane), seatCount), groupSize),
  );
}

function shuffledSeats(seed: number, seatCount: number): Uint32Array {
  const random = mulberry(seed);
  const seats = new Uint32Array(seatCount);
  for (let seat = 0; seat < seatCount; seat++) seats[seat] = seat;
  for (let last = seatCount - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1));
    const moved = seats[last]!;
    seats[last] = seats[chosen]!;
    seats[chosen] = moved;
  }
  return seats;
}

function cutIntoGroups(seats: Uint32Array, groupSize: number): Plane {
  const groupCount = Math.ceil(seats.length / groupSize);
  return Array.from({ length: groupCount }, (_, group) =>
    seats.subarray(
      Math.floor((group * seats.length) / groupCount),
      Math.floor(((group + 1) * seats.length) / groupCount),
    ),
  );
}
