/** What happened in a run, in sentences: faults, forks, foundings, resyncs, broken rules. Bounded; the newest stay. */

export interface StoryLine {
  readonly atMs: number;
  readonly text: string;
}

const LINES_MAX = 2_000;

export class Story {
  readonly #lines: StoryLine[] = [];

  tell(atMs: number, text: string): void {
    this.#lines.push({ atMs, text });
    if (this.#lines.length > LINES_MAX) this.#lines.splice(0, LINES_MAX / 2);
  }

  get lines(): readonly StoryLine[] {
    return this.#lines;
  }
}

/** The last `countMax` lines before the end, or around the moment that matters. */
export function shortStory(
  lines: readonly StoryLine[],
  { countMax, aroundMs }: { countMax: number; aroundMs: number | null },
): string[] {
  const after = aroundMs === null ? -1 : lines.findIndex(({ atMs }) => atMs > aroundMs);
  const end = after === -1 ? lines.length : Math.min(lines.length, after + 3);
  return lines
    .slice(Math.max(0, end - countMax), end)
    .map(({ atMs, text }) => `${(atMs / 1_000).toFixed(3).padStart(9)} s  ${text}`);
}
