/** Whether what a process holds grows: the middle of the last third of its samples over that of the first. Pure. */
export interface MemorySample {
  readonly atMs: number;
  /** Bytes by holder. */
  readonly held: Readonly<Record<string, number>>;
}

/**
 * Growth by holder as a share, e.g. 0.02; samples before `warmMs` do not count. Medians: collectors let memory saw up and
 * down. @throws Error with fewer than six samples: thirds of less say nothing.
 */
export function growthOf(samples: readonly MemorySample[], warmMs: number): Map<string, number> {
  const warm = samples.filter(({ atMs }) => atMs >= warmMs);
  const third = Math.floor(warm.length / 3);
  if (third < 2) throw new Error(`${warm.length} samples after warming up; at least 6 are needed`);
  return new Map(
    Object.keys(warm[0]!.held).map((name) => {
      const middle = (part: readonly MemorySample[]) => median(part.map(({ held }) => held[name] ?? 0));
      const before = middle(warm.slice(0, third));
      const after = middle(warm.slice(-third));
      return [name, before === 0 ? 0 : after / before - 1];
    }),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
