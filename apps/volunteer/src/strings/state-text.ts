/** How a state of the volunteer is put into words: the word, and a sentence that depends on the word in brackets. */
export interface StateText {
  /** The state word as people read it; also the tab's title. */
  readonly word: string;
  /** What it means and what comes next. `detail` is the word in brackets, e.g. `need-peers 1/2`. */
  readonly sentence: (detail: string) => string;
}

export const fixed = (word: string, sentence: string): StateText => ({ word, sentence: () => sentence });

/** Looks the detail's first word up; an unknown one is shown as it came, never hidden. */
export const byDetail = (
  word: string,
  sentences: Readonly<Record<string, string | ((rest: string) => string)>>,
  otherwise: (detail: string) => string,
): StateText => ({
  word,
  sentence: (detail) => {
    const [first = '', ...rest] = detail.split(' ');
    const found = sentences[first];
    if (found === undefined) return otherwise(detail);
    return typeof found === 'string' ? found : found(rest.join(' '));
  },
});

export const inBrackets = (detail: string) => (detail === '' ? '' : ` (${detail})`);
