/**
 * A few lines that change, below lines that stay. On a terminal they are redrawn in place; anywhere else (a file, CI)
 * they are printed whole, but not more often than a log can bear.
 */

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const PLAIN_EVERY_MS = 5_000;
const WIDTH_WITHOUT_TERMINAL = 160;

export class LiveScreen {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];
  #printedAtMs = Number.NEGATIVE_INFINITY;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  get width(): number {
    // One column is left free: a full line would move the cursor to the next one.
    return this.#terminal.isTTY ? Math.max(20, (this.#terminal.columns ?? 80) - 1) : WIDTH_WITHOUT_TERMINAL;
  }

  /** A line that stays. */
  say(line: string): void {
    this.#erase();
    this.#terminal.write(`${line}\n`);
    if (this.#terminal.isTTY) this.#write(this.#drawn);
  }

  /** The lines that change. `nowMs`: any monotonic clock. */
  draw(lines: readonly string[], nowMs: number): void {
    if (this.#terminal.isTTY) {
      this.#erase();
      this.#write(lines);
      this.#drawn = lines;
    } else if (nowMs - this.#printedAtMs >= PLAIN_EVERY_MS) {
      this.#write(lines);
      this.#printedAtMs = nowMs;
    }
  }

  /** The last drawing stays where it is; on a plain output it is printed once more, whatever the clock says. */
  finish(lines: readonly string[]): void {
    this.#erase();
    this.#write(lines);
    this.#drawn = [];
  }

  #erase(): void {
    // Up so many lines, then clear to the end of the screen.
    if (this.#terminal.isTTY && this.#drawn.length > 0)
      this.#terminal.write(`\u001B[${this.#drawn.length}A\u001B[J`);
  }
  #write(lines: readonly string[]): void {
    if (lines.length > 0) this.#terminal.write(`${lines.join('\n')}\n`);
  }
}
