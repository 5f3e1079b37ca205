/** What a cluster command was asked for: its flags, read and checked before anything is started. */
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { RunFile } from '@murmuration/protocol';
import { parseAssertion, type Assertion } from './asserts.ts';
import { CHAOS_PROFILES, withChurn, type ChaosName, type ChaosProfile, type Fault } from './chaos.ts';
import { parseChaosFile } from './chaos-file.ts';
import type { Flags } from './flags.ts';
import { freshDirectory, Sentence } from './places.ts';
import { readRunFile } from './run-file.ts';
import { PLANTS } from './tabs.ts';

export const FLAGS = {
  run: { kind: 'text', placeholder: 'FILE.yaml', help: 'the run (default examples/digits.yaml)' },
  tabs: { kind: 'integer', min: 1, max: 64, placeholder: 'N', help: 'volunteer tabs (default 4)' },
  budget: {
    kind: 'text',
    placeholder: '240s',
    help: 'give up so long after the tabs are opened: 240s or 4m (default 240s)',
    refuse: (text: string) =>
      budgetOf(text) === null ? `must read seconds or minutes, for example 240s or 4m, not "${text}"` : null,
  },
  assert: {
    kind: 'list',
    placeholder: '"val_acc>0.9"',
    help: 'what must be true at the end; may be given again; --assert help lists the figures',
    refuse: (text: string) => {
      const parsed = text === 'help' ? null : parseAssertion(text);
      return typeof parsed === 'string' ? parsed : null;
    },
  },
  chaos: {
    kind: 'text',
    placeholder: 'none|light|storm|FILE.yaml',
    help: 'faults a minute: a profile, or a file of `kind: number` (default none)',
  },
  churn: {
    kind: 'text',
    placeholder: '0.3',
    help: 'this share of the tabs leaves in every minute and is replaced, half killed, half closed',
    refuse: (text: string) =>
      Number(text) >= 0 && Number(text) <= 10 ? null : `must be a share a minute from 0 to 10, not "${text}"`,
  },
  seed: {
    kind: 'integer',
    min: 0,
    max: 4_294_967_295,
    placeholder: 'N',
    help: 'seed of the faults (default 1)',
  },
  report: { kind: 'text', placeholder: 'FILE.json', help: 'write the report to this file too' },
  out: {
    kind: 'text',
    placeholder: 'DIR',
    help: 'report.json, junit.xml, metrics.csv, picture.svg, models and logs (default .murmuration/cluster-N)',
  },
  'without-peers': {
    kind: 'integer',
    min: 0,
    max: 64,
    placeholder: 'N',
    help: 'so many of the tabs, the last ones, want no peers: they take part through the coordinator (default 0)',
  },
  nodes: {
    kind: 'integer',
    min: 1,
    max: 32,
    placeholder: 'N',
    help: 'for runs with tiers: tabs say the words of so many nodes, in turn (default: none; they find out who is near)',
  },
  'allow-backend': {
    kind: 'choice',
    choices: ['cpu', 'wasm'],
    help: 'train on the processor instead of WebGPU, in JavaScript or WebAssembly; the verdict says so',
  },
  plant: {
    kind: 'choice',
    choices: PLANTS,
    help: 'break something on purpose, to see this command fail: no WebGPU adapter, or no peer links',
  },
  headed: { kind: 'switch', help: 'show the browsers' },
} as const;

export const COMMAND = 'npm run cluster --';
const OUTPUTS_KEPT = 10;
const TABS_DEFAULT = 4;

/** Milliseconds; null: not a time. */
function budgetOf(text: string): number | null {
  const match = /^(\d{1,5})(s|m)$/.exec(text);
  return match === null || Number(match[1]) === 0
    ? null
    : Number(match[1]) * (match[2] === 's' ? 1_000 : 60_000);
}

/** What the volunteer page of a seat is asked for, behind its address; empty: nothing. */
export function wishesOf({ tabs, withoutPeers, flags }: Plan, seat: number): string {
  const wishes = new URLSearchParams();
  if (flags['allow-backend'] !== undefined) wishes.set('backend', flags['allow-backend']);
  if (seat > tabs - withoutPeers) wishes.set('links', 'no-peers');
  if (flags.nodes !== undefined) wishes.set('node', `node-${1 + ((seat - 1) % flags.nodes)}`);
  return wishes.size === 0 ? '' : `?${wishes}`;
}

/** Everything that was asked for, read and checked. */
export interface Plan {
  readonly command: string;
  readonly file: RunFile;
  readonly tabs: number;
  /** Of these, the last so many want no peers. */
  readonly withoutPeers: number;
  readonly budgetMs: number;
  readonly asserts: readonly Assertion[];
  readonly chaosName: string;
  readonly profile: ChaosProfile;
  /** Faults at fixed times, besides those that are drawn. */
  readonly script: readonly Fault[];
  readonly seed: number;
  readonly out: string;
  readonly flags: Flags<typeof FLAGS>;
}

/** @throws Sentence: what is wrong, and the fix. */
export async function planOf(flags: Flags<typeof FLAGS>, argv: readonly string[]): Promise<Plan> {
  const tabs = flags.tabs ?? TABS_DEFAULT;
  const withoutPeers = flags['without-peers'] ?? 0;
  if (withoutPeers > tabs)
    throw new Sentence(`--without-peers ${withoutPeers}: there are only ${tabs} tabs; give --tabs more`);
  const chaosName = flags.chaos ?? 'none';
  const { profile, script } = Object.hasOwn(CHAOS_PROFILES, chaosName)
    ? { profile: CHAOS_PROFILES[chaosName as ChaosName], script: [] }
    : await parseChaosFile(chaosName, tabs);
  const churn = Number(flags.churn ?? 0);
  const file = await readRunFile(resolve(flags.run ?? join('examples', 'digits.yaml')));
  const out = flags.out === undefined ? await freshDirectory('cluster', OUTPUTS_KEPT) : resolve(flags.out);
  await mkdir(out, { recursive: true });
  if (flags.report !== undefined) await mkdir(dirname(resolve(flags.report)), { recursive: true });
  return {
    command: [COMMAND, ...argv.map((word) => (/[\s<>!]/.test(word) ? `"${word}"` : word))].join(' '),
    file,
    tabs,
    withoutPeers,
    budgetMs: budgetOf(flags.budget ?? '240s')!,
    asserts: flags.assert.map((text) => parseAssertion(text) as Assertion),
    chaosName: churn > 0 ? `${chaosName} and churn ${churn}` : chaosName,
    profile: withChurn(profile, churn, tabs),
    script,
    seed: flags.seed ?? 1,
    out,
    flags,
  };
}
