/**
 * Module hooks that plant one bug: the source of one file is changed on its way into the process, by replacing one
 * exact string that must be there exactly once. Production code carries no switch for it. Registered by plant-run.mjs
 * before tsx, so that what is replaced is the TypeScript as it stands in the repository.
 */
let plant = null;

export function initialize(data) {
  plant = data;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (plant === null || url.split('?')[0] !== plant.url) return loaded;
  const source = Buffer.from(loaded.source).toString('utf8');
  const parts = source.split(plant.find);
  if (parts.length !== 2)
    throw new Error(
      `a planted bug cannot be planted: its string is in ${url} ${parts.length - 1} times, and must be there once`,
    );
  return { ...loaded, source: parts.join(plant.replace) };
}
