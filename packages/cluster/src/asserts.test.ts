import { describe, expect, it } from 'vitest';
import { FIGURES, judge, parseAssertion, type Assertion, type Figures } from './asserts.ts';

const figures = {
  ...Object.fromEntries(Object.keys(FIGURES).map((name) => [name, null])),
  val_acc: 0.91,
} as Figures;
const parsed = (text: string) => parseAssertion(text) as Assertion;

describe('--assert', () => {
  it.each([
    ['val_acc>0.9', true],
    ['val_acc > .95', false],
    ['val_acc>=0.91', true],
    ['val_acc<1e-1', false],
    ['val_acc!=0.91', false],
    ['val_acc==0.91', true],
    ['val_acc<=0.91', true],
  ])('%s: %s', (text, holds) => {
    expect(judge(parsed(text), figures)).toEqual({ text, value: 0.91, holds });
  });

  it.each(['val_loss>0', 'val_loss<9', 'val_loss!=3'])(
    'a figure that was not measured fulfils nothing: %s',
    (text) => {
      expect(judge(parsed(text), figures)).toEqual({ text, value: null, holds: false });
    },
  );

  it.each([
    ['accuracy>0.9', 'there is no figure "accuracy"; there are val_acc'],
    ['val_acc', 'must read figure, comparison and number'],
    ['val_acc=0.9', 'must read'],
    ['val_acc>high', 'must read'],
    ['', 'must read'],
    ['constructor>1', 'there is no figure'],
  ])('"%s" is refused with the fix', (text, fix) => {
    expect(parseAssertion(text)).toContain(fix);
  });
});
