import { describe, expect, it } from 'vitest';
import { operatorOf } from './operator.ts';

const contactOf = (contact: unknown) => operatorOf({ operator: { name: 'Ada', contact } })?.contact ?? null;

describe('who asks', () => {
  it('is a name, with a contact where one is given', () => {
    expect(operatorOf({ operator: null })).toBeNull();
    expect(operatorOf({ operator: { name: 'Ada', contact: null } })).toEqual({ name: 'Ada', contact: null });
    expect(contactOf('ada@example.org')?.href).toBe('mailto:ada@example.org');
    expect(contactOf('https://example.org')?.href).toBe('https://example.org/');
  });

  it.each(['javascript:alert(1)', 'http://example.org', 'https://', 'data:text/html,x', 7])(
    'never makes a link of %s',
    (contact) => expect(contactOf(contact)).toBeNull(),
  );

  it('refuses an answer of another shape', () => {
    expect(() => operatorOf({})).toThrow(/operator.name/);
    expect(() => operatorOf({ operator: { name: 1 } })).toThrow(/operator.name/);
  });
});
