/**
 * A run is launched from the admin page: form and YAML are one draft, a newcomer's own CSV becomes a live curve by few
 * decisions, an upload that was broken off goes on, and the copied curl commands do the same.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from '@playwright/test';
import { expect, test, type Grid } from './fixtures.ts';

/** Issue 7: from opening the page to a live curve. */
const DECISIONS_MAX = 6;
const START_MAX_MS = 240_000;
/** Of a file that is to be large and not long. */
const DECIMALS = 60;

/** Two clusters of points and a colour; `rows` of them. The more decimals, the fewer rows fill a file. */
const points = (rows: number, decimals = 4): string =>
  `x,y,colour,side\n${Array.from({ length: rows }, (_, i) => {
    const isLeft = i % 2 === 0;
    const [a, b] = [((i * 37) % 101) / 101, ((i * 53) % 97) / 97];
    return `${(isLeft ? a : 3 + a).toFixed(decimals)},${i % 17 === 0 ? '' : b.toFixed(decimals)},${i % 3 === 0 ? 'red' : 'blue'},${isLeft ? 'left' : 'right'}`;
  }).join('\n')}\n`;
const csv = (name: string, text: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

async function openAdmin(grid: Grid, fragment: string): Promise<Page> {
  const { page } = await grid.fleet.openPage(`${grid.url}admin#token=${grid.coordinator.adminToken}`);
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  await page.goto(`${grid.url}admin${fragment}`);
  return page;
}

const yamlOf = (page: Page): Locator => page.getByLabel('The run as YAML');
const field = (page: Page, name: string): Locator => page.locator(`[id="${name}"]`);

test.use({ browsers: 1 });

test('form and YAML edit each other, with faults at field and line; a broken upload goes on, and the dataset can be looked at', async ({
  grid,
}) => {
  const page = await openAdmin(grid, '#/new');
  await editBoth(page);
  await page.goto(`${grid.url}admin#/data`);
  await breakUpload(grid, page);
});

/** A fault is said at its field and at its line. */
async function editBoth(page: Page): Promise<void> {
  const yaml = yamlOf(page);
  await expect(page.getByText('This is a run.')).toBeVisible();
  await yaml.fill(
    '# mine\nname: digits\ndata:\n  kind: digits\nmodel: cnn # small\ntraining:\n  # a guess\n  batchSize: 8\n',
  );
  await expect(field(page, 'name')).toHaveValue('digits');
  await expect(field(page, 'model')).toHaveValue('cnn');
  await page.getByText('Everything else').click();
  await expect(field(page, 'training.batchSize')).toHaveValue('8');

  // From the form: one line changes, comments stay; an emptied field is its default again.
  await field(page, 'training.batchSize').fill('12');
  await field(page, 'model').selectOption('mlp');
  await field(page, 'training.learningRate').pressSequentially('0.002');
  await expect(yaml).toHaveValue(
    '# mine\nname: digits\ndata:\n  kind: digits\nmodel: mlp # small\ntraining:\n  # a guess\n  batchSize: 12\n  learningRate: 0.002\n',
  );
  await field(page, 'training.learningRate').fill('');
  await expect(yaml).not.toHaveValue(/learningRate/);

  // Nonsense in the form is a fault at its field and at its line, and the line's button goes there.
  await field(page, 'training.batchSize').fill('many');
  await expect(field(page, 'training.batchSize')).toHaveAttribute('aria-invalid', 'true');
  await page.getByRole('button', { name: 'Line 8' }).click();
  await expect(yaml).toBeFocused();
  expect(
    await yaml.evaluate((area: HTMLTextAreaElement) =>
      area.value.slice(area.selectionStart, area.selectionEnd),
    ),
  ).toBe('  batchSize: many');

  // An object where words may be, too, is chosen by hand and has a field for each key; a contradiction is said at its field.
  await yaml.fill('name: digits\ndata:\n  kind: digits\nmodel: mlp\ntraining:\n  localSteps: 50\n');
  await field(page, 'training.tiers').selectOption({ label: 'As the next fields say' });
  await field(page, 'training.tiers.insideEvery').fill('4');
  await expect(yaml).toHaveValue(/ {2}tiers:\n {4}insideEvery: 4\n {4}betweenEvery: 10\n$/);
  await expect(page.locator('[id="training.localSteps-note"]')).toContainText(
    'leave localSteps out, or make it 4',
  );
  await field(page, 'training.localSteps').fill('');
  await expect(page.getByText('This is a run.')).toBeVisible();

  // A text that cannot be read has no fields; mended, they come back.
  await yaml.fill('name: [digits\n');
  await expect(page.getByText(/Line \d+ of the YAML cannot be read/)).toBeVisible();
  await expect(field(page, 'name')).toBeDisabled();
  await yaml.fill('name: again\ndata:\n  kind: digits\nmodel: mlp\n');
  await expect(field(page, 'name')).toHaveValue('again');
  await expect(field(page, 'name')).toBeEnabled();
}

test('a newcomer’s CSV becomes a live curve by at most 6 decisions; curl launches the same', async ({
  grid,
}) => {
  const page = await openAdmin(grid, '#/');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.getByRole('link', { name: 'New run' }).click();
  await page.getByRole('radio', { name: 'A file of your own' }).check();

  // A bad file is refused by its row, at its field.
  const file = field(page, 'data.file');
  await file.setInputFiles(csv('points.csv', `${points(50)}1,2,red,left,more\n`));
  await page.getByLabel('This goes to volunteers’ devices').check();
  await page.getByRole('button', { name: 'Create the run' }).click();
  await expect(page.locator('[id="data.file-note"]')).toContainText('row 51 has 5 cells, the header 4');

  const text = points(400);
  await file.setInputFiles(csv('points.csv', text));
  // Another file needs its own tick; what is asked is all there, and all but file and tick has something that works.
  const tick = page.getByLabel('This goes to volunteers’ devices');
  await expect(tick).not.toBeChecked();
  const decisions = await page
    .locator('[data-decision]')
    .evaluateAll((cards) => cards.map((card) => (card as HTMLElement).dataset['decision']));
  process.stdout.write(`decisions of a newcomer: ${decisions.length} (${decisions.join(', ')})\n`);
  expect(decisions.length).toBeLessThanOrEqual(DECISIONS_MAX);
  expect(decisions).toContain('terms');
  await expect(page.locator('details.card').first()).not.toHaveAttribute('open');
  await tick.check();
  await expect(page.getByText('This is a run.')).toBeVisible();
  for (const name of [
    'data.kind',
    'data.licence',
    'model',
    'training.targetAccuracy',
    'training.roundsMax',
    'name',
  ])
    await expect(field(page, name)).not.toHaveValue('');
  await expect(field(page, 'data.target')).toHaveAttribute('placeholder', 'side (the last)');

  await page.getByRole('button', { name: 'Bring the data here' }).click();
  await expect(page.getByText('It would be created as it stands.')).toBeVisible();
  const preflight = page.getByRole('region', { name: 'Before you launch' });
  await expect(preflight).toContainText('points:');
  // It is asked again as the draft changes, and what it would refuse stands at its field.
  await page.getByText('Everything else').click();
  await field(page, 'training.batchSize').fill('4096');
  await expect(preflight).toContainText('a batch must fit into it');
  await expect(field(page, 'training.batchSize')).toHaveAttribute('aria-invalid', 'true');
  await field(page, 'training.batchSize').fill('');
  await expect(page.getByText('It would be created as it stands.')).toBeVisible();

  await page.getByRole('button', { name: 'Copy as curl' }).click();
  await expect(page.getByText('Copied.').first()).toBeVisible();
  const commands = await page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole('button', { name: 'Create the run' }).click();
  await expect(page.locator('main[data-screen="run"]')).toBeVisible();

  const { items } = await grid.client.runs();
  expect(items.map(({ name, datasetName }) => [name, datasetName])).toEqual([['points', 'points']]);
  const runId = items[0]!.id;
  await grid.openVolunteer(runId);
  await grid.until(runId, 'the curve has a point', START_MAX_MS, ({ points: curve }) =>
    curve.some(({ loss }) => loss !== null),
  );
  await expect(page.getByText('No point yet; the first comes with the first round.')).toHaveCount(0);

  const directory = await mkdtemp(join(tmpdir(), 'murmuration-curl-'));
  try {
    await writeFile(join(directory, 'points.csv'), text);
    const said = execFileSync('sh', ['-euc', commands], {
      cwd: directory,
      env: { PATH: process.env['PATH'], MURMURATION_TOKEN: grid.coordinator.adminToken },
    }).toString();
    const { manifest } = JSON.parse(said) as { manifest: { id: string; dataset: { id: string } } };
    const launched = await grid.client.run(runId);
    // The same content is kept once.
    expect(manifest.dataset).toEqual(launched.manifest.dataset);
    expect(manifest.id).not.toBe(runId);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

/** It goes on where it stopped. */
async function breakUpload(grid: Grid, page: Page): Promise<void> {
  const offsets: string[] = [];
  let isBroken = true;
  await page.route('**/api/uploads/parts/*?*', (route) => {
    const offset = new URL(route.request().url()).searchParams.get('offset')!;
    if (isBroken && offset !== '0') return route.abort();
    offsets.push(offset);
    return route.continue();
  });
  const probe = await grid.client.beginUpload({ byteLength: 1 });
  await grid.client.deletePartialUpload(probe.id);
  const rows = Math.ceil((1.05 * probe.partMaxBytes) / (points(1_000, DECIMALS).length / 1_000));
  await field(page, 'data.file').setInputFiles(csv('many.csv', points(rows, DECIMALS)));
  await page.getByLabel('This goes to volunteers’ devices').check();
  const make = page.getByRole('button', { name: 'Upload and make the dataset' });
  await make.click();
  await expect(page.getByText('What has arrived is kept; press again to go on.')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Uploads that were broken off' })).toBeVisible();

  isBroken = false;
  await make.click();
  await expect(page.getByRole('heading', { name: 'many', level: 1 })).toBeVisible();
  expect(offsets).toEqual(['0', String(probe.partMaxBytes)]);
  await expect(page.getByRole('heading', { name: 'Class balance' })).toBeVisible();
  await expect(page.getByRole('row', { name: /^colour/ })).toContainText('blue');
  await expect(page.getByRole('row', { name: /^y / })).toContainText(
    String(Math.ceil(rows / 17).toLocaleString('en')),
  );
  await page.getByRole('button', { name: 'New run on it' }).click();
  await expect(yamlOf(page)).toHaveValue(/kind: stored\n {2}id: data_/);
  await expect(page.getByText('It would be created as it stands.')).toBeVisible();
}
