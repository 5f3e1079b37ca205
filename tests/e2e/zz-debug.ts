import {
  CoordinatorClient,
  CoordinatorProcess,
  findBrowser,
  probeBrowser,
  TabFleet,
  buildPages,
} from '@murmuration/cluster';
import { mkdtempSync } from 'node:fs';
await buildPages({ say: console.log });
const b = await probeBrowser(await findBrowser({ say: console.log, mayInstall: false }));
const c = new CoordinatorProcess({
  port: 0,
  dataDirectory: mkdtempSync('/tmp/probe/dbg-'),
  logName: 'dbg/c.log',
});
await c.start();
const client = new CoordinatorClient(c.address);
const d = await client.createDataset({ kind: 'digits', trainSampleCount: 2000, validationSampleCount: 200 });
const run = await client.createRun({
  name: 'x',
  datasetId: d.id,
  model: 'mlp',
  seed: 1,
  training: { roundsMax: 12 },
});
const fleet = await TabFleet.launch({ browser: b, browserCount: 2, logName: 'dbg' });
for (let i = 0; i < 2; i++) {
  const tab = await fleet.openPage(c.address.url + '/');
  const ctx = tab.context;
  tab.page.on('websocket', (ws) => {
    console.log('WS', i, ws.url().slice(0, 80));
    ws.on('framereceived', (f) => console.log(i, '<', String(f.payload).slice(0, 300)));
    ws.on('framesent', (f) => console.log(i, '>', String(f.payload).slice(0, 500)));
    ws.on('close', () => console.log(i, 'closed'));
  });
  tab.page.on('console', (m) => console.log(i, 'console', m.text()));
  await tab.page.getByRole('button', { name: /^Contribute/ }).click();
}
const t = Date.now();
for await (const l of client.live(run.manifest.id, AbortSignal.timeout(60000))) {
  if (l.run.state === 'finished' || Date.now() - t > 40000) break;
}
for (const t of fleet.openTabs)
  console.log(
    'TAB',
    t.number,
    (await t.page.locator('body').innerText()).replaceAll('\n', ' | ').slice(0, 1500),
    await t.page.locator('main').getAttribute('data-screen'),
  );
await fleet.closeAll();
await c.stop();
process.exit(0);
