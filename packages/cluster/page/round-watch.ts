/**
 * When the volunteer page shows another round: sent into it by the benchmarks. Playwright sends a function's source text,
 * so each stands alone (see probes.ts).
 */

export interface SeenRound {
  readonly round: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

/** Begins to write down when the number of rounds changes. */
export function watchRounds(everyMs: number): void {
  const seen: SeenRound[] = [];
  Object.assign(globalThis, { seenRounds: seen });
  setInterval(() => {
    const row = [...document.querySelectorAll('dl.numbers > div')].find((each) =>
      (each.querySelector('dt')?.textContent ?? '').startsWith('Rounds'),
    );
    const round = Number((row?.querySelector('dd strong')?.textContent ?? '').replaceAll(/[^\d]/g, ''));
    const last = seen.at(-1);
    if (last === undefined || round > last.round)
      seen.push({ round, atMs: performance.timeOrigin + performance.now() });
  }, everyMs);
}

export function countRounds(): number {
  return (globalThis as unknown as { seenRounds: SeenRound[] }).seenRounds.length;
}

/** What was seen since the last call, and the last of it once more as the next one's first. */
export function takeRounds(): SeenRound[] {
  const { seenRounds } = globalThis as unknown as { seenRounds: SeenRound[] };
  return seenRounds.splice(0, seenRounds.length - 1);
}
