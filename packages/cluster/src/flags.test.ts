import { describe, expect, it } from 'vitest';
import { parseFlags } from './flags.ts';

const TABLE = {
  tabs: { kind: 'integer', min: 1, max: 64, placeholder: 'N', help: 'how many' },
  share: { kind: 'number', min: 0.5, max: 8, placeholder: 'X', help: 'how much' },
  data: { kind: 'text', placeholder: 'DIR', help: 'where' },
  model: { kind: 'choice', choices: ['mlp', 'cnn'], help: 'which' },
  exit: { kind: 'switch', help: 'leave' },
  set: { kind: 'list', placeholder: 'KEY=VALUE', help: 'any' },
} as const;
const parse = (...argv: string[]) => parseFlags('npm run demo --', TABLE, argv);
const message = (...argv: string[]) => {
  const parsed = parse(...argv);
  return parsed.kind === 'wrong' ? parsed.message : `accepted as ${parsed.kind}`;
};

describe('flags of a command', () => {
  it('reads both spellings, and leaves out what was not given', () => {
    expect(parse('--tabs', '4', '--share', '0.75', '--model=cnn', '--exit')).toEqual({
      kind: 'flags',
      flags: { tabs: 4, share: 0.75, data: undefined, model: 'cnn', exit: true, set: [] },
    });
  });
  it('keeps every value of a flag that may be repeated, in order', () => {
    expect(parse('--set', 'a=1', '--set=b=2')).toMatchObject({ flags: { set: ['a=1', 'b=2'] } });
  });
  it('a bad flag is answered with its name and the fix', () => {
    expect(message('--tab', '4')).toContain('--tab: there is no such flag; did you mean --tabs?');
    expect(message('--colour', 'red')).toMatch(/^--colour: there is no such flag\n/);
    expect(message('--tabs', '0')).toContain('--tabs: needs a whole number from 1 to 64, not "0"');
    expect(message('--tabs', '4.5')).toContain('--tabs: needs a whole number');
    expect(message('--tabs', '1e1')).toContain('--tabs: needs a whole number');
    expect(message('--share', '8.5')).toContain('--share: needs a number from 0.5 to 8, not "8.5"');
    expect(message('--share', '1,5')).toContain('--share: needs a number');
    expect(message('--tabs')).toContain('--tabs: needs a value; write --tabs N');
    expect(message('--tabs', '--exit')).toContain('--tabs: needs a value');
    expect(message('--data=')).toContain('--data: needs a value; write --data DIR');
    expect(message('--model', 'gpt')).toContain('--model: must be one of mlp, cnn, not "gpt"');
    expect(message('--exit=yes')).toContain('--exit: takes no value; write --exit alone');
  });
  it('a flag that npm swallowed (no -- before it) leaves a bare value, and the message shows the right form', () => {
    expect(message('4')).toContain(
      '"4" is not a flag; flags begin with -- and follow the command: npm run demo -- --tabs 1',
    );
  });
  it('a name that every object inherits is no flag', () => {
    expect(message('--constructor', '1')).toContain('--constructor: there is no such flag');
  });
  it('--help wins and lists every flag', () => {
    const parsed = parse('--help');
    expect(parsed.kind).toBe('help');
    for (const name of Object.keys(TABLE))
      expect(parsed.kind === 'help' && parsed.text).toContain(`--${name}`);
  });
});
