/**
 * What a column of a table holds, judged from its texts. Pure.
 *
 * A column is numbers when everything that is not missing is one, and a category when it has few different texts. What
 * says nothing that a model could use is left out, with the reason; what looks like a slip of the pen is refused, with
 * its row.
 */
import { LIMITS } from '@murmuration/protocol';
import { DatasetError } from './dataset-error.ts';

const MISSING = new Set(['', 'na', 'n/a', 'nan', 'null', 'none', '?']);
const MISSING_LENGTH_MAX = 4;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** With at most this share of texts among numbers, the texts are mistakes. A guess. */
const SLIP_SHARE_MAX = 0.05;
/** A column counts the rows when this share of its values is one more than the value above, and they go as far. */
const COUNTING_SHARE_MIN = 0.9;
/** Fewer rows than this may well be numbered by a real measurement. */
const COUNTING_ROWS_MIN = 10;
/** Whole numbers of so few kinds are classes unless the wish says otherwise. A guess. */
const NUMBER_CLASSES_MAX = 20;

/** `text` without the space around it. */
export const isMissing = (text: string): boolean =>
  text.length <= MISSING_LENGTH_MAX && MISSING.has(text.toLowerCase());

/** NaN: it is no number, or one that no float64 holds. */
export function numberOf(text: string): number {
  if (!NUMBER.test(text)) return Number.NaN;
  const value = Number(text);
  return Number.isFinite(value) ? value : Number.NaN;
}

/** Follows one column through all rows. */
export class ColumnSurvey {
  readonly name: string;
  #rowCount = 0;
  #missing = 0;
  #numbers = 0;
  #allWhole = true;
  #previous = Number.NaN;
  #countedOn = 0;
  #min = Infinity;
  #max = -Infinity;
  #firstText: { readonly text: string; readonly row: number } | null = null;
  /** Null: too many different ones. */
  #texts: Set<string> | null = new Set();

  constructor(name: string) {
    this.name = name;
  }

  add(text: string): void {
    const row = this.#rowCount++;
    if (isMissing(text)) {
      this.#missing += 1;
      return;
    }
    const value = numberOf(text);
    if (Number.isNaN(value)) {
      this.#firstText ??= { text: own(text), row };
    } else {
      this.#numbers += 1;
      if (!Number.isInteger(value)) this.#allWhole = false;
      if (value === this.#previous + 1) this.#countedOn += 1;
      this.#previous = value;
      if (value < this.#min) this.#min = value;
      if (value > this.#max) this.#max = value;
    }
    if (this.#texts !== null && !this.#texts.has(text)) {
      this.#texts.add(own(text));
      if (this.#texts.size > LIMITS.categoriesMax) this.#texts = null;
    }
  }

  /**
   * As a feature.
   * @param place names a row for people, e.g. `row 5 (line 7)`
   */
  feature(
    isForcedCategory: boolean,
    place: (row: number) => string,
  ): { kind: 'number' } | { kind: 'category'; categories: string[] } | { kind: 'left-out'; reason: string } {
    const present = this.#rowCount - this.#missing;
    if (present === 0) return { kind: 'left-out', reason: 'it has no values' };
    if (this.#texts?.size === 1 && this.#missing === 0)
      return { kind: 'left-out', reason: 'it is the same in every row' };
    if (isForcedCategory) {
      if (this.#texts === null)
        throw new DatasetError(
          'categorical',
          `column "${this.name}" has more than ${LIMITS.categoriesMax} different values`,
        );
      return { kind: 'category', categories: this.#sorted() };
    }
    if (this.#firstText === null)
      return this.#isCounting ? { kind: 'left-out', reason: 'it counts the rows' } : { kind: 'number' };
    this.#refuseSlip(place);
    if (this.#texts === null)
      return { kind: 'left-out', reason: `it has more than ${LIMITS.categoriesMax} different texts` };
    return { kind: 'category', categories: this.#sorted() };
  }

  /** As what is to be predicted. @returns the classes, or null for numbers. */
  target(task: 'classes' | 'values' | undefined, place: (row: number) => string): string[] | null {
    if (this.#rowCount === this.#missing)
      throw new DatasetError('target', `column "${this.name}" has no values; name another column`);
    const few = this.#texts !== null && this.#allWhole && this.#texts.size <= NUMBER_CLASSES_MAX;
    if (this.#firstText === null && (task === 'values' || (task === undefined && !few))) return null;
    if (task === 'values') {
      const { text, row } = this.#firstText!;
      throw new DatasetError(
        'target',
        `column "${this.name}", ${place(row)}: "${shown(text)}" is not a number`,
      );
    }
    if (task === undefined && this.#firstText !== null) this.#refuseSlip(place);
    if (this.#texts === null)
      throw new DatasetError(
        'target',
        `column "${this.name}" has more than ${LIMITS.datasetClassesMax} different values; name another column, or set task to "values"`,
      );
    return this.#sorted();
  }

  get #isCounting(): boolean {
    const steps = COUNTING_SHARE_MIN * (this.#rowCount - 1);
    return this.#rowCount >= COUNTING_ROWS_MIN && this.#countedOn >= steps && this.#max - this.#min >= steps;
  }

  #refuseSlip(place: (row: number) => string): void {
    const { text, row } = this.#firstText!;
    const present = this.#rowCount - this.#missing;
    const texts = present - this.#numbers;
    if (this.#numbers > 0 && texts / present <= SLIP_SHARE_MAX)
      throw new DatasetError(
        'file',
        `column "${shown(this.name)}", ${place(row)}: "${shown(text)}" is not a number, as most of the column are; mend it, or name the column in categorical or leaveOut`,
      );
  }

  #sorted(): string[] {
    const texts = [...this.#texts!];
    return this.#firstText === null
      ? texts.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1))
      : texts.sort();
  }
}

/** A copy: a piece of a string would keep the whole of it in memory. */
const own = (text: string): string => Buffer.from(text).toString();
export const shown = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);
