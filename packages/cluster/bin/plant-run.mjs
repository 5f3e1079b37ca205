/**
 * A process with one planted bug: runs seeds of the simulator and writes a line of JSON for each. Its argument is a
 * JSON text: { plant: null | { file, find, replace }, root, seeds, rounds }.
 */
import { register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const job = JSON.parse(process.argv[2]);
if (job.plant !== null) {
  const data = { ...job.plant, url: pathToFileURL(join(job.root, job.plant.file)).href };
  register('./plant-hooks.mjs', import.meta.url, { data });
}
const { register: registerTsx } = await import('tsx/esm/api');
registerTsx();
const { runPlanted } = await import('../src/plant-seeds.ts');
runPlanted(job, (line) => process.stdout.write(`${JSON.stringify(line)}\n`));
