import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CoordinatorClient } from './coordinator-client.ts';
import { CoordinatorProcess } from './coordinator-process.ts';

const undo: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});
function coordinatorIn(dataDirectory: string, port = 0): CoordinatorProcess {
  const coordinator = new CoordinatorProcess({
    port,
    dataDirectory,
    logName: 'tests/coordinator-process.log',
  });
  undo.push(() => coordinator.kill());
  return coordinator;
}
function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'coordinator-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe('the coordinator as a child process', () => {
  it('after kill -9 it starts again as the same: port, admin token, datasets and runs', async () => {
    const coordinator = coordinatorIn(freshDirectory());
    await coordinator.start();
    const address = coordinator.address;
    const client = new CoordinatorClient(address);
    const dataset = await client.createDataset({
      kind: 'digits',
      trainSampleCount: 200,
      validationSampleCount: 100,
    });
    const { manifest } = await client.createRun({
      name: 'a run',
      datasetId: dataset.id,
      model: 'mlp',
      seed: 7,
    });
    await coordinator.kill();
    await expect(client.run(manifest.id)).rejects.toThrow(TypeError);
    await coordinator.start();
    expect(coordinator.address).toEqual(address);
    expect((await client.run(manifest.id)).manifest).toEqual(manifest);
    expect(
      await client.createDataset({ kind: 'digits', trainSampleCount: 200, validationSampleCount: 100 }),
    ).toEqual(dataset);
    const { run, volunteers } = await client.snapshot(manifest.id);
    expect([run.state, volunteers]).toEqual(['waiting', []]);
    await coordinator.stop();
  }, 60_000);

  it('a refusal names the field, an answer that is no answer says so, and so does a port in use', async () => {
    const coordinator = coordinatorIn(freshDirectory());
    await coordinator.start();
    const client = new CoordinatorClient(coordinator.address);
    await expect(
      client.createRun({ name: 'x', datasetId: `data_${'0'.repeat(26)}`, model: 'mlp' }),
    ).rejects.toThrow('POST /api/runs: datasetId: no such dataset');
    const stranger = new CoordinatorClient({ ...coordinator.address, adminToken: 'not-the-admin-token' });
    await expect(stranger.createDataset({ kind: 'digits' })).rejects.toThrow('POST /api/datasets: ');
    // With the last words of the process.
    const port = Number(new URL(coordinator.address.url).port);
    await expect(coordinatorIn(freshDirectory(), port).start()).rejects.toThrow(
      /ended at its start \(exit code 4\).*\n--port: \d+ is in use/,
    );
    await coordinator.stop();
  }, 60_000);
});
