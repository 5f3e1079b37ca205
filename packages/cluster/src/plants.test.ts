/** Every planted bug still applies: its string is in its file, once. The long table is a command of its own. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT_DIRECTORY } from './places.ts';
import { PLANTS } from './plants.ts';

describe('planted bugs', () => {
  it.each(PLANTS.map((plant) => [plant.bug, plant] as const))('%s', async (_, { file, find, replace }) => {
    const source = await readFile(join(ROOT_DIRECTORY, file), 'utf8');
    expect(source.split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });

  it('are at least twenty different ones', () => {
    expect(
      new Set(PLANTS.map(({ file, find, replace }) => `${file} ${find} ${replace}`)).size,
    ).toBeGreaterThanOrEqual(20);
  });
});
