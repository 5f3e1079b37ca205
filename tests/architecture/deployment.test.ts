/**
 * What cannot be run here (GitHub Actions, Docker) is at least read: YAML that parses, commands and flags that exist,
 * nothing of a caller's input inside a script.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFile(join(ROOT, path), 'utf8');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Workflow {
  readonly permissions: unknown;
  readonly jobs: Readonly<
    Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly Step[] }>
  >;
}
interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

describe('the workflow and the reusable action', () => {
  it('runs what npm runs, with a time limit, few rights, and no input inside a script', async () => {
    const workflow = parse(await read('.github/workflows/ci.yml')) as Workflow;
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
    for (const job of Object.values(workflow.jobs)) expect(job['timeout-minutes']).toBeGreaterThan(0);
    expect(steps.some(({ run }) => run === 'npm test')).toBe(true);
    for (const { run } of steps) expect(run ?? '').not.toContain('${{');
  });

  it('passes every input to the cluster command, and the command knows every flag', async () => {
    const { inputs, runs } = parse(await read('.github/actions/cluster/action.yml')) as Action;
    expect(runs.using).toBe('composite');
    const script = runs.steps.find(({ run }) => run !== undefined)!;
    expect(script.run).not.toContain('${{');
    const command = await read('packages/cluster/src/cluster-plan.ts');
    for (const [flag] of script.run!.matchAll(/--[a-z]+/g))
      expect(command).toContain(`  ${flag.slice(2)}: {`);
    for (const name of Object.keys(inputs))
      expect(Object.values(script.env!)).toContain(`\${{ inputs.${name} }}`);
    const workflow = parse(await read('.github/workflows/ci.yml')) as Workflow;
    const call = Object.values(workflow.jobs)
      .flatMap((job) => job.steps)
      .find(({ uses }) => uses === './.github/actions/cluster')!;
    expect(Object.keys(inputs)).toEqual(expect.arrayContaining(Object.keys(call.with!)));
  });
});

describe('the container and the composition', () => {
  it('is no root, holds the data in a volume, and starts a command that exists', async () => {
    const dockerfile = await read('Dockerfile');
    expect(dockerfile.indexOf('USER node')).toBeGreaterThan(dockerfile.indexOf('apt-get'));
    expect(dockerfile).toContain('VOLUME /data');
    expect(dockerfile).toContain('ENTRYPOINT ["node", "packages/cluster/bin/murmur.mjs"]');
    const settings = await read('coordinator/src/settings.ts');
    const { services } = parse(await read('compose.yaml')) as {
      services: Record<string, { command: readonly string[] | string; environment?: Record<string, string> }>;
    };
    const { command } = services['coordinator']!;
    const flags = [
      ...(command as string[]),
      ...(/CMD \["start".*$/m.exec(dockerfile)?.[0] ?? '').split('"'),
    ].filter((word) => word.startsWith('--'));
    expect(flags.length).toBeGreaterThan(5);
    for (const flag of flags) expect(settings).toContain(flag.slice(2));
    expect(Object.keys(services)).toEqual(['coordinator', 'proxy', 'turn']);
    // Both sides of TURN know the secret; only the coordinator's environment and coturn's arguments hold it.
    expect(services['coordinator']!.environment).toHaveProperty('MURMURATION_TURN_SECRET');
    expect(services['turn']!.command).toContain('--use-auth-secret');
  });
});
