/**
 * A sweep's plan: which trials it has, as a pure function of what was asked for, and which of them begin now. The same seed
 * gives the same trials on every machine, so a table can be reproduced and a restart needs no list of its own.
 */
import { mulberry, streamSeed } from '@murmuration/codec';
import { SWEEP_TRIALS_MAX } from '@murmuration/protocol';
import type { DrawnParameter, Search } from '@murmuration/protocol';

/** Key of the run request to value. */
export type Assignment = Readonly<Record<string, unknown>>;

/** A sentence for the field `search`, or null when the plan is sound. */
export function planFault(search: Search): string | null {
  const keys = search.parameters.map(({ key }) => key);
  const twice = keys.find((key, index) => keys.indexOf(key) !== index);
  if (twice !== undefined) return `${twice} is named twice`;
  if (search.kind === 'grid') {
    const count = search.parameters.reduce((product, { values }) => product * values.length, 1);
    return count > SWEEP_TRIALS_MAX
      ? `the grid has ${count} combinations; at most ${SWEEP_TRIALS_MAX} are tried`
      : null;
  }
  for (const parameter of search.parameters) {
    if (!('min' in parameter)) continue;
    if (parameter.max < parameter.min) return `${parameter.key}: max is less than min`;
    if (parameter.scale === 'log' && parameter.min <= 0)
      return `${parameter.key}: a logarithmic range begins above 0`;
  }
  return null;
}

export function trialsOf(search: Search): Assignment[] {
  if (search.kind === 'grid') {
    let trials: Assignment[] = [{}];
    for (const { key, values } of search.parameters)
      trials = trials.flatMap((trial) => values.map((value) => ({ ...trial, [key]: value })));
    return trials;
  }
  return Array.from({ length: search.trials }, (_, index) =>
    Object.fromEntries(
      search.parameters.map((parameter) => {
        const random = mulberry(streamSeed(search.seed, 'trial', index, parameter.key))();
        return [
          parameter.key,
          'values' in parameter
            ? parameter.values[Math.floor(random * parameter.values.length)]
            : drawn(parameter, random),
        ];
      }),
    ),
  );
}

function drawn({ min, max, scale, integer = false }: DrawnParameter, random: number): number {
  const at = (from: number, to: number) => from + random * (to - from);
  if (integer && scale === 'linear') return Math.floor(at(Math.ceil(min), Math.floor(max) + 1));
  const value = scale === 'log' ? Math.exp(at(Math.log(min), Math.log(max))) : at(min, max);
  return integer ? Math.min(Math.floor(max), Math.max(Math.ceil(min), Math.round(value))) : value;
}

/** `base` with the keys of the assignment set; objects on the way are made, lists are not. */
export function assigned(base: object, assignment: Assignment): unknown {
  const request = structuredClone(base) as Record<string, unknown>;
  for (const [key, value] of Object.entries(assignment)) {
    const path = key.split('.');
    let place: Record<string, unknown> = request;
    for (const name of path.slice(0, -1)) {
      if (typeof place[name] !== 'object' || place[name] === null) place[name] = {};
      place = place[name] as Record<string, unknown>;
    }
    place[path.at(-1)!] = value;
  }
  return request;
}

/** How a trial stands, as far as the plan minds. */
export type TrialPhase = 'pending' | 'open' | 'over';

/** Which trials begin now: the first pending ones, as many as are missing to `parallel` open ones. */
export function trialsToBegin(phases: readonly TrialPhase[], parallel: number): number[] {
  const missing = parallel - phases.filter((phase) => phase === 'open').length;
  return phases
    .flatMap((phase, index) => (phase === 'pending' ? [index] : []))
    .slice(0, Math.max(0, missing));
}
