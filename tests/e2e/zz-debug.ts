import { CoordinatorClient, CoordinatorProcess, findBrowser, probeBrowser, TabFleet, buildPages } from '@murmuration/cluster';
import { mkdtempSync } from 'node:fs';
await buildPages({ say: console.log });
const b = await probeBrowser(await findBrowser({ say: console.log, mayInstall: false }));
const c = new CoordinatorProcess({ port: 0, dataDirectory: mkdtempSync('/tmp/probe/dbg-'), logName: 'dbg/c.log' });
await c.start();
const client = new CoordinatorClient(c.address);
const d = await client.createDataset({ kind: 'digits', trainSampleCount: 2000, validationSampleCount: 200 });
const run = await client.createRun({ name: 'x', datasetId: d.id, model: 'mlp', seed: 1, training: { roundsMax: 20 } });
const fleet = await TabFleet.launch({ browser: b, browserCount: 2, logName: 'dbg' });
for (let i = 0; i < 2; i++) {
  const tab = await fleet.openPage(c.address.url + '/');
  tab.page.on('websocket', (ws) => { ws.on('framereceived', (f) => { if (/"error"/.test(String(f.payload))) console.log(i, '<', String(f.payload).slice(0, 300)); }); ws.on('framesent', (f) => { if (/"report"/.test(String(f.payload))) console.log(i, '>', String(f.payload).slice(0, 700)); }); ws.on('close', () => console.log(i, 'closed')); });
  await tab.page.getByRole('button', { name: /^Contribute/ }).click();
}
const t = Date.now();
for await (const l of client.live(run.manifest.id, AbortSignal.timeout(60000))) {
  console.log('LIVE', l.run.state, l.run.round, l.volunteers.map((v) => [v.state, v.totals.rounds, v.totals.peersNow, v.confirmedSamples, v.heartbeatAgeMs].join('/')).join(' '));
  if (l.run.state === 'finished' || Date.now() - t > 40000) break;
}
await fleet.closeAll(); await c.stop();
process.exit(0);
