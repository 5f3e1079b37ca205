/**
 * Which screen is in view, and how it is looked at: the fragment of the address, so that a link to a run can be shared
 * and Back works. `#/runs/run_...?smooth=0.6` is a screen and its query; changing the query makes no step in the history.
 */
import { signal } from '@preact/signals';
import type { DatasetId, ModelId, RunId } from '@murmuration/protocol';

export type Route =
  | { readonly screen: 'runs' }
  | { readonly screen: 'compare' }
  /** The data or the model that the draft begins with. */
  | { readonly screen: 'new-run'; readonly datasetId?: DatasetId; readonly modelId?: ModelId }
  | { readonly screen: 'data' }
  | { readonly screen: 'dataset'; readonly datasetId: DatasetId }
  | { readonly screen: 'models' }
  | { readonly screen: 'model'; readonly modelId: ModelId }
  | { readonly screen: 'sweeps' }
  | { readonly screen: 'new-sweep' }
  | { readonly screen: 'sweep'; readonly sweepId: string }
  | { readonly screen: 'access' }
  | { readonly screen: 'run'; readonly runId: RunId };

const NEW_RUN_ROUTE = /^#\/new(?:\/(?:(data_[0-9a-z]{26})|(model_[0-9a-z]{26})))?$/;
const DATA_ROUTE = /^#\/data(?:\/(data_[0-9a-z]{26}))?$/;
const MODELS_ROUTE = /^#\/models(?:\/(model_[0-9a-z]{26}))?$/;
const RUN_ROUTE = /^#\/runs\/(run_[0-9a-z]{26})$/;
const SWEEP_ROUTE = /^#\/sweeps\/(sweep_[0-9a-z]{26})$/;

const pathOf = (hash: string): string => hash.split('?')[0]!;
const queryOf = (hash: string): URLSearchParams => new URLSearchParams(hash.split('?')[1] ?? '');

/** Anything unknown is the list of runs. */
export function routeOf(hash: string): Route {
  const path = pathOf(hash);
  if (path === '#/compare') return { screen: 'compare' };
  const launch = NEW_RUN_ROUTE.exec(path);
  if (launch !== null) {
    const [, datasetId, modelId] = launch;
    return {
      screen: 'new-run',
      ...(datasetId === undefined ? {} : { datasetId }),
      ...(modelId === undefined ? {} : { modelId }),
    };
  }
  const data = DATA_ROUTE.exec(path);
  if (data !== null)
    return data[1] === undefined ? { screen: 'data' } : { screen: 'dataset', datasetId: data[1] };
  const models = MODELS_ROUTE.exec(path);
  if (models !== null)
    return models[1] === undefined ? { screen: 'models' } : { screen: 'model', modelId: models[1] };
  if (path === '#/sweeps') return { screen: 'sweeps' };
  if (path === '#/sweeps/new') return { screen: 'new-sweep' };
  if (path === '#/access') return { screen: 'access' };
  const sweepId = SWEEP_ROUTE.exec(path)?.[1];
  if (sweepId !== undefined) return { screen: 'sweep', sweepId };
  const runId = RUN_ROUTE.exec(path)?.[1];
  return runId === undefined ? { screen: 'runs' } : { screen: 'run', runId };
}

export function addressOf(route: Route, asked: Readonly<Record<string, string>> = {}): string {
  // Commas are read by people and need no escape in a fragment.
  const words = new URLSearchParams(asked).toString().replaceAll('%2C', ',');
  return words === '' ? placeOf(route) : `${placeOf(route)}?${words}`;
}

function placeOf(route: Route): string {
  switch (route.screen) {
    case 'runs':
      return '#/';
    case 'new-run': {
      const begin = route.datasetId ?? route.modelId;
      return begin === undefined ? '#/new' : `#/new/${begin}`;
    }
    case 'compare':
      return '#/compare';
    case 'data':
      return '#/data';
    case 'dataset':
      return `#/data/${route.datasetId}`;
    case 'models':
      return '#/models';
    case 'model':
      return `#/models/${route.modelId}`;
    case 'sweeps':
      return '#/sweeps';
    case 'new-sweep':
      return '#/sweeps/new';
    case 'sweep':
      return `#/sweeps/${route.sweepId}`;
    case 'access':
      return '#/access';
    case 'run':
      return `#/runs/${route.runId}`;
    default:
      return route satisfies never;
  }
}

export const route = signal<Route>(routeOf(location.hash));
export const query = signal<URLSearchParams>(queryOf(location.hash));
addEventListener('hashchange', () => {
  const next = routeOf(location.hash);
  if (addressOf(next) !== addressOf(route.value)) route.value = next;
  query.value = queryOf(location.hash);
});

export const goTo = (target: Route, asked?: Readonly<Record<string, string>>): void => {
  location.hash = addressOf(target, asked);
};

/** Changes how the screen is looked at; null takes a word away. */
export function changeQuery(changes: Readonly<Record<string, string | null>>): void {
  const words = new Map(query.value);
  for (const [name, value] of Object.entries(changes))
    if (value === null) words.delete(name);
    else words.set(name, value);
  const address = addressOf(route.value, Object.fromEntries(words));
  // replaceState tells nobody; whoever reads the query is told here.
  history.replaceState(null, '', `${location.pathname}${location.search}${address}`);
  query.value = queryOf(address);
}
