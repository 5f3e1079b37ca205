import { describe, expect, it } from 'vitest';
import { LiveScreen } from './live-screen.ts';

class Paper {
  readonly isTTY: boolean;
  readonly columns = 80;
  text = '';
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string): void {
    this.text += text;
  }
}

describe('lines that change below lines that stay', () => {
  it('on a terminal, the old drawing is erased before the new one and around a line that stays', () => {
    const paper = new Paper(true);
    const screen = new LiveScreen(paper);
    screen.draw(['a', 'b'], 0);
    screen.say('stays');
    screen.draw(['c'], 1);
    screen.finish(['d']);
    screen.say('last');
    expect(paper.text).toBe(
      'a\nb\n\u001B[2A\u001B[Jstays\na\nb\n\u001B[2A\u001B[Jc\n\u001B[1A\u001B[Jd\nlast\n',
    );
  });
  it('without a terminal, plain lines at most every 5 s, and the last ones in any case', () => {
    const paper = new Paper(false);
    const screen = new LiveScreen(paper);
    for (let nowMs = 0; nowMs < 11_000; nowMs += 1000) screen.draw([`at ${nowMs}`], nowMs);
    screen.say('stays');
    screen.finish(['end']);
    expect(paper.text).toBe('at 0\nat 5000\nat 10000\nstays\nend\n');
    expect(paper.text).not.toContain('\u001B');
  });
});
