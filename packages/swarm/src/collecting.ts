/** How an averaging server collects updates: by rounds (server-round.ts), or as they come (server-buffer.ts). Pure. */
import {
  meanRuleOf,
  schemeOf,
  TOP_K_LADDER,
  type CodecRule,
  type Scheme,
  type TopKScheme,
} from '@murmuration/codec';
import { isAdaptive, stalenessMaxOf, type Head, type RunManifest } from '@murmuration/protocol';
import type { HeldUpdate } from './held-updates.ts';
import { RoundLength } from './round-length.ts';
import { ServerBuffer } from './server-buffer.ts';
import { ServerRound } from './server-round.ts';

export type Collecting = ServerRound | ServerBuffer;

export function collectingFor(
  { parameterCount, training }: Pick<RunManifest, 'parameterCount' | 'training'>,
  head: Head,
  nowMs: number,
): Collecting {
  const { codec } = training;
  const stalenessMax = stalenessMaxOf(training);
  const common = { codec, rule: meanRuleOf(training), parameterCount, head };
  return stalenessMax === null
    ? new ServerRound({ ...common, adapts: isAdaptive(training), length: new RoundLength(training), nowMs })
    : new ServerBuffer({ ...common, stalenessMax });
}

/** What their mean is encoded in: the run's codec; under `topk-auto` the largest that came. */
export function schemeForAll(updates: readonly HeldUpdate[], codec: CodecRule): Scheme {
  if (codec !== 'topk-auto') return codec;
  const steps = updates.map(({ encoded }) => TOP_K_LADDER.indexOf(schemeOf(encoded) as TopKScheme));
  return TOP_K_LADDER[Math.max(...steps)]!;
}
