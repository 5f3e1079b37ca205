/** Features that are windows of tokens: L + 1 ids of two bytes, each the target of the one before. No target beside them. */
import type { Preprocessing, Preview } from '@murmuration/protocol';
import type { FeatureForm, TargetForm } from './row-form.ts';

export interface Tokenizer {
  readonly description: Extract<Preprocessing['input'], { kind: 'tokens' }>['tokenizer'];
  readonly vocabularySize: number;
  /** The text that ids stand for. */
  decode(ids: readonly number[]): string;
}

export class TokenFeatures implements FeatureForm {
  readonly encoding = 'token';
  readonly sampleShape: readonly number[];
  readonly rawBytes: number;
  readonly #tokenizer: Tokenizer;
  readonly #charactersPerToken: () => number;

  /** @param charactersPerToken asked for when all tokens were read */
  constructor(sequenceLength: number, tokenizer: Tokenizer, charactersPerToken: () => number) {
    this.sampleShape = [sequenceLength];
    this.rawBytes = 2 * (sequenceLength + 1);
    this.#tokenizer = tokenizer;
    this.#charactersPerToken = charactersPerToken;
  }
  survey(): void {}
  fit(): void {}
  count(): void {}
  encode(view: DataView, at: number, out: DataView, outAt: number): void {
    for (let i = 0; i < this.rawBytes; i += 2) out.setUint16(outAt + i, view.getUint16(at + i, true), true);
  }
  preprocessing(): Preprocessing['input'] {
    return {
      kind: 'tokens',
      sequenceLength: this.sampleShape[0]!,
      tokenizer: this.#tokenizer.description,
      charactersPerToken: this.#charactersPerToken(),
    };
  }
  preview(): Pick<Preview, 'columns' | 'values'> {
    return { columns: [], values: null };
  }
  sample(view: DataView, at: number): Preview['samples'][number]['input'] {
    const ids = Array.from({ length: this.rawBytes / 2 }, (_, i) => view.getUint16(at + 2 * i, true));
    return { kind: 'text', text: this.#tokenizer.decode(ids) };
  }
}

export class NextTokenTarget implements TargetForm {
  readonly rawSize = 0;
  readonly #vocabularySize: number;

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
  }
  survey(): void {}
  fit(): void {}
  encode(): void {}
  target() {
    return { kind: 'next-token' as const, vocabularySize: this.#vocabularySize };
  }
  classCounts(): null {
    return null;
  }
  classOf(): number {
    return 0;
  }
  preprocessing() {
    return { kind: 'next-token' as const };
  }
  sample(): null {
    return null;
  }
}
