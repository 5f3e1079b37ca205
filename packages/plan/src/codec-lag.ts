/** How long what a codec leaves out waits. Pure. */
import type { Codec } from '@murmuration/protocol';

/** Relative error of one update of Gaussian values (bench:codec, docs/codec.md): what stays in the residual. */
const RELATIVE_ERROR: Readonly<Record<Exclude<Codec, 'topk-auto'>, number>> = {
  fp32: 0,
  fp16: 0.0002,
  int8: 0.007,
  int4: 0.1186,
  sign: 0.6018,
  'topk-16': 0.9801,
  'topk-32': 0.9649,
  'topk-64': 0.9388,
  'topk-128': 0.8952,
  'topk-256': 0.8236,
  'topk-512': 0.7098,
  'topk-1024': 0.54,
};

/**
 * Rounds that a change waits in the residual in the mean: an update that carries the share s of what is there leaves 1 - s
 * for the next, so a change waits (1 - s) / s rounds.
 */
export function codecLagRounds(codec: Exclude<Codec, 'topk-auto'>): number {
  const carried = 1 - RELATIVE_ERROR[codec] ** 2;
  return (1 - carried) / carried;
}
