/**
 * Where a model comes from: `manifest.json` and the model card. Hashes of configuration, data and code, the devices, and who
 * came and went, so that a result can be questioned and repeated. Pure, apart from the hash of the code, which reads its own
 * source once.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorUnitOf, taskOf } from '@murmuration/protocol';
import type { ChosenStrategy, Provenance, RunEvent, Sha256 } from '@murmuration/protocol';
import { servedCheckpoint } from '../ledger.ts';
import type { RunLedger } from '../ledger.ts';
import { configurationOf } from '../run-summary.ts';

const CHURN_KINDS = new Set(['joined', 'left', 'restarted', 'founded', 'released', 'diverged']);

export function provenanceOf(ledger: RunLedger, codeSha256: Sha256): Provenance {
  const { state } = ledger;
  const { manifest, shards, createdAtMs } = state.setup;
  const since = (ms: number) => Math.max(0, Math.round(ms - createdAtMs));
  const byAdapter = new Map<string, Provenance['adapters'][number]>();
  for (const { adapter, confirmedSamples } of state.volunteers.values()) {
    const key = canonical(adapter);
    const known = byAdapter.get(key) ?? { adapter, tabs: 0, samples: 0 };
    byAdapter.set(key, { adapter, tabs: known.tabs + 1, samples: known.samples + confirmedSamples });
  }
  return {
    format: 'murmuration-run/1',
    run: manifest,
    state: state.state,
    reason: state.reason,
    createdAt: new Date(createdAtMs).toISOString(),
    seed: manifest.seed,
    configurationSha256: sha256(canonical(configurationOf(manifest))),
    datasetSha256: sha256(
      [...shards.map((shard) => shard.sha256), manifest.dataset.validation.sha256].join('\n'),
    ),
    codeSha256,
    checkpoint: servedCheckpoint(state),
    adapters: [...byAdapter.values()],
    volunteers: [...state.volunteers].map(([id, volunteer]) => ({
      id,
      joinedAtMs: since(volunteer.joinedAtMs),
      leftAtMs: volunteer.leftAtMs === null ? null : since(volunteer.leftAtMs),
      exit: volunteer.exit,
      confirmedSamples: volunteer.confirmedSamples,
      totals: ledger.present.get(id)?.totals ?? volunteer.totals,
    })),
    churn: state.events.filter(({ kind }) => CHURN_KINDS.has(kind)).map(withoutSequence),
  };
}

const withoutSequence = ({ atMs, kind, volunteerId, text }: RunEvent) => ({ atMs, kind, volunteerId, text });

/** README.md of an exported model, with the front matter that model hubs read. */
export function modelCard(provenance: Provenance): string {
  const { run, checkpoint, adapters, volunteers, seed, state } = provenance;
  const { dataset, model, training } = run;
  const unit = errorUnitOf(taskOf(run));
  const results = [
    `- held-out loss: ${number(checkpoint.loss)} on ${dataset.validation.sampleCount} samples`,
    ...(checkpoint.accuracy === null ? [] : [`- held-out accuracy: ${number(checkpoint.accuracy)}`]),
    ...(checkpoint.parts === undefined
      ? []
      : [
          `- of it, nats a sample: reconstruction ${number(checkpoint.parts.reconstruction)}, KL divergence ${number(checkpoint.parts.kl)} (weight ${training.klWeight})`,
        ]),
    ...(checkpoint.error == null ? [] : [`- held-out error: ${number(checkpoint.error)} ${unit ?? ''}`]),
  ];
  return `---
library_name: keras
license: other
tags: [murmuration, ${model.name}]
---

# ${plain(run.name)}

Trained by a Murmuration grid: ${volunteers.length} browser tabs averaged their updates peer to peer. The run is ${state}
(${plain(provenance.reason)}); this is its checkpoint of round ${checkpoint.round}.

## Results

${results.join('\n')}

## Model

\`${model.name}\`, ${run.parameterCount} parameters, input [${model.inputShape.join(', ')}], ${model.layers.length} layers. The weights
come as safetensors, tfjs and \`.keras\`.

## Data

${plain(dataset.name)} (${dataset.kind}): ${dataset.trainSampleCount} samples to train, ${dataset.validation.sampleCount} held out. Licence: ${plain(dataset.licence) || 'not stated'}.

## Training

${Object.entries(training)
  .map(([key, value]) => `- ${key}: ${String(value)}`)
  .join('\n')}
- seed: ${seed}${run.chosen === undefined ? '' : chosenWords(run.chosen)}${run.forkOf === undefined ? '' : `\n- begun with round ${run.forkOf.round} of ${run.forkOf.runId}`}

Devices: ${adapters.map(({ adapter, tabs }) => `${tabs} x ${plain(adapter.vendor)} ${plain(adapter.architecture)}`).join('; ') || 'none took part'}.

## Provenance

| what | SHA-256 |
| --- | --- |
| checkpoint | ${checkpoint.sha256} |
| configuration | ${provenance.configurationSha256} |
| data | ${provenance.datasetSha256} |
| code | ${provenance.codeSha256} |

Who took part, who came and went: \`manifest.json\`. Updates are clipped and voted on, not audited: whoever took part may have
tried to bend the model.
`;
}

/** What the plan chose, with why as a list below it. */
const chosenWords = ({ knobs, why }: ChosenStrategy): string =>
  [`\n- chosen by the plan: ${knobs.join(', ')}`, ...why.map((sentence) => `  - ${plain(sentence)}`)].join(
    '\n',
  );

const number = (value: number | null) => (value === null ? 'not measured' : value.toPrecision(5));
/** Names come from people; in a card they are words, not markup. */
const plain = (text: string) => text.replaceAll(/[<>|`[\]\r\n]/g, ' ').trim();

/** JSON with sorted keys, so that equal configurations have equal hashes. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`)
    .join(',')}}`;
}

const sha256 = (text: string): Sha256 => createHash('sha256').update(text).digest('hex');

let codeHash: Sha256 | null = null;
/** Over path and content of every source file that decides what is learned: here, and in the packages beside us. */
export function codeSha256(): Sha256 {
  if (codeHash !== null) return codeHash;
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const hash = createHash('sha256');
  for (const room of [
    'coordinator',
    'packages/protocol',
    'packages/codec',
    'packages/swarm',
    'packages/trainer',
  ]) {
    const names = readdirSync(join(root, room, 'src'), { recursive: true, encoding: 'utf8' });
    for (const name of names
      .filter((each) => each.endsWith('.ts') && !each.endsWith('.test.ts'))
      .toSorted()) {
      const path = join(root, room, 'src', name);
      hash.update(`${relative(root, path).split(sep).join('/')}\n`).update(readFileSync(path));
    }
  }
  codeHash = hash.digest('hex');
  return codeHash;
}
