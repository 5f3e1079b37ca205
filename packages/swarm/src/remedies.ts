/** What becomes of a trainer's command that failed because its device did. Pure. */
import type { TrainerCommand } from './ports.ts';

/** `again`: as it was; `fetch`: the replica is in doubt; `wait`: it is asked again as long as there is need for it. */
export const REMEDIES: Readonly<Record<TrainerCommand['kind'], 'again' | 'fetch' | 'wait'>> = {
  prepare: 'again',
  'add-shard': 'again',
  'drop-shard': 'again',
  'add-validation': 'again',
  commit: 'again',
  'load-checkpoint': 'fetch',
  'load-state': 'fetch',
  train: 'wait',
  'form-update': 'wait',
  evaluate: 'wait',
  capture: 'wait',
};
