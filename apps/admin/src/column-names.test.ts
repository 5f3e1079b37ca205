import { describe, expect, it } from 'vitest';
import { columnNames, namesIn } from './column-names.ts';

describe('names of columns, from the head of a file', () => {
  it('are read whatever stands between them, quotes and a byte order mark included', () => {
    expect(namesIn('a,"b, c",d\n1,2,3\n')).toEqual(['a', 'b, c', 'd']);
    expect(namesIn('\ufeffa;b\r\n1;2\r\n')).toEqual(['a', 'b']);
    expect(namesIn('a\tb\n')).toEqual(['a', 'b']);
  });

  it('are none of what is no plain table, or when the first line does not end', async () => {
    expect(await columnNames(new File(['a,b\n1,2\n'], 'x.CSV'))).toEqual(['a', 'b']);
    expect(await columnNames(new File(['a,b\n1,2\n'], 'x.txt'))).toEqual([]);
    expect(await columnNames(new File([`${'a,'.repeat(40_000)}b\n`], 'x.csv'))).toEqual([]);
  });
});
