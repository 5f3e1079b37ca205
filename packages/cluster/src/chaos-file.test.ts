import { describe, expect, it } from 'vitest';
import { CHAOS_PROFILES } from './chaos.ts';
import { parseChaos } from './chaos-file.ts';

const SCRIPT = `cut: 2
script:
  - { fault: cut-pair, at: 10s, tab: 1, with: 3, for: 5.5s }
  - { fault: coordinator-kill, at: 20s, for: 2s }
  - { fault: clog, at: 3s, tab: 2, strength: 0.5, for: 8s }
`;

describe('a chaos file', () => {
  it('holds rates, and faults at fixed times that name their tabs', () => {
    expect(parseChaos(SCRIPT, 'a.yaml', 4)).toEqual({
      profile: { ...CHAOS_PROFILES.none, cut: 2 },
      script: [
        { kind: 'cut-pair', atMs: 10_000, seat: 1, durationMs: 5_500, strength: 3 },
        { kind: 'coordinator-kill', atMs: 20_000, seat: 0, durationMs: 2_000, strength: 1 },
        { kind: 'clog', atMs: 3_000, seat: 2, durationMs: 8_000, strength: 0.5 },
      ],
    });
  });

  it.each([
    ['- 1', 'a.yaml: must be lines of "kind: faults a minute"'],
    ['kil: 1', 'a.yaml: kil: there is no such fault; there are kill, close'],
    ['kill: -1', 'a.yaml: kill: must be a number from 0 to 60'],
    ['script: 1', 'a.yaml: script: must be a list'],
    ['script: [1]', 'a.yaml: script.0: must be a mapping'],
    [
      'script: [{ fault: kill, at: 1s, tab: 1, until: 3s }]',
      'a.yaml: script.0.until: there is no such field',
    ],
    ['script: [{ fault: burn, at: 1s, tab: 1 }]', 'a.yaml: script.0.fault: there is no such fault'],
    ['script: [{ fault: kill, tab: 1 }]', 'a.yaml: script.0.at: must read seconds'],
    ['script: [{ fault: kill, at: 1s }]', 'a.yaml: script.0.tab: must be a tab from 1 to 4'],
    ['script: [{ fault: cut-pair, at: 1s, tab: 1, with: 5 }]', 'a.yaml: script.0.with: must be a tab'],
    ['script: [{ fault: slow, at: 1s, tab: 1, strength: 0 }]', 'a.yaml: script.0.strength: must be a number'],
  ])('%s is refused with the field and the fix', (text, words) => {
    expect(() => parseChaos(text, 'a.yaml', 4)).toThrow(words);
  });
});
