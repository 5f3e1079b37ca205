/**
 * `--assert "val_acc>0.9"`: a figure of the report, a comparison, a number. A figure that was not measured fulfils no
 * assertion. Pure.
 */

/** The figures of a run that can be asserted, and what they mean; the same names stand in the report. */
export const FIGURES = {
  val_acc: 'validation accuracy of the best checkpoint, 0 to 1',
  val_loss: 'validation loss of that checkpoint',
  val_error:
    'validation error of that checkpoint: mean absolute error in the units of the data, bits a token, or nats a value of an autoencoder',
  val_reconstruction: "an autoencoder's validation loss without its KL part, nats a sample",
  val_kl: 'its KL divergence from the standard normal, nats a sample',
  rounds: 'rounds that were closed',
  local_steps: 'optimiser steps of all tabs together',
  samples: 'samples trained, all tabs together',
  seconds: 'from the first training report to the end',
  reached: "1 when the run's own target was reached, else 0",
  divergences: 'replicas of one round that reported different bits',
  spread:
    'relative distance between replicas of one round; known to be 0 without divergences, else not measured',
  tabs: 'tabs that count: they trained, or were there at the end',
  tabs_webgpu: 'of these, tabs that trained on WebGPU with a named adapter',
  nodes: 'in a run with tiers: nodes that the tabs which stayed to the end were of; else not measured',
  tabs_exchanging: 'of these, tabs that closed rounds and received bytes of peers over data channels',
  bytes_per_param_step: 'bytes that a tab sends to each peer, a parameter and local step',
  bytes_to_peers: 'bytes that left for peers on any way, all tabs together',
  coordinator_share: 'share of the peer bytes that arrived through the coordinator, 0 to 1',
  bytes_to_coordinator: 'bytes to the coordinator, all tabs together',
  lost_updates: "updates' worth of training of departed tabs that no counted lease confirms",
  departures: 'tabs that left before the run ended',
  faults: 'faults that were carried out',
} as const;

export type FigureName = keyof typeof FIGURES;
/** null: not measured in this run. */
export type Figures = Readonly<Record<FigureName, number | null>>;

const COMPARISONS = {
  '>=': (a: number, b: number) => a >= b,
  '<=': (a: number, b: number) => a <= b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
  '>': (a: number, b: number) => a > b,
  '<': (a: number, b: number) => a < b,
} as const;

export interface Assertion {
  readonly text: string;
  readonly figure: FigureName;
  readonly comparison: keyof typeof COMPARISONS;
  readonly bound: number;
}

export interface AssertionOutcome {
  readonly text: string;
  readonly value: number | null;
  readonly holds: boolean;
}

/** The assertion, or the fix when the text is none. */
export function parseAssertion(text: string): Assertion | string {
  const match = /^\s*([a-z_]+)\s*(>=|<=|==|!=|>|<)\s*(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*$/i.exec(text);
  if (match === null)
    return `must read figure, comparison and number, for example "val_acc>0.9", not "${text}"`;
  const [, name, comparison, bound] = match as unknown as [string, string, Assertion['comparison'], string];
  if (!Object.hasOwn(FIGURES, name))
    return `there is no figure "${name}"; there are ${Object.keys(FIGURES).join(', ')}`;
  return { text: text.trim(), figure: name as FigureName, comparison, bound: Number(bound) };
}

export function judge({ text, figure, comparison, bound }: Assertion, figures: Figures): AssertionOutcome {
  const value = figures[figure];
  return { text, value, holds: value !== null && COMPARISONS[comparison](value, bound) };
}
