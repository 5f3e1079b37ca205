import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawPlanes } from './planes.ts';

const shapes = fc.record({
  seed: fc.nat(1_000),
  seatCount: fc.integer({ min: 1, max: 300 }),
  groupSize: fc.integer({ min: 1, max: 32 }),
  planeCount: fc.integer({ min: 1, max: 6 }),
});

describe('planes', () => {
  it('every seat is in exactly one group of every plane, in groups of nearly one size', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const planes = drawPlanes(shape);
        expect(planes.length).toBe(shape.planeCount);
        for (const plane of planes) {
          const seats = plane.flatMap((group) => [...group]).sort((a, b) => a - b);
          expect(seats).toEqual(Array.from({ length: shape.seatCount }, (_, seat) => seat));
          const sizes = plane.map((group) => group.length);
          expect(Math.max(...sizes)).toBeLessThanOrEqual(shape.groupSize);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('are the same for a seed, and differ between planes and seeds', () => {
    const shape = { seed: 7, seatCount: 64, groupSize: 8, planeCount: 2 };
    const texts = [...drawPlanes(shape), ...drawPlanes({ ...shape, seed: 8 })].map((plane) =>
      plane.map((group) => group.join()).join(';'),
    );
    expect(new Set(texts).size).toBe(4);
    expect(drawPlanes(shape)).toEqual(drawPlanes(shape));
  });
});
