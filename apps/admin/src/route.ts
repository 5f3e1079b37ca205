/** Which screen is in view: the fragment of the address, so that a link to a run can be shared and Back works. */
import { signal } from '@preact/signals';
import type { RunId } from '@murmuration/protocol';

export type Route =
  | { readonly screen: 'runs' }
  | { readonly screen: 'new-run' }
  | { readonly screen: 'run'; readonly runId: RunId };

const RUN_ROUTE = /^#\/runs\/(run_[0-9a-z]{26})$/;

/** Anything unknown is the list of runs. */
export function routeOf(hash: string): Route {
  if (hash === '#/new') return { screen: 'new-run' };
  const runId = RUN_ROUTE.exec(hash)?.[1];
  return runId === undefined ? { screen: 'runs' } : { screen: 'run', runId };
}

export function addressOf(route: Route): string {
  switch (route.screen) {
    case 'runs':
      return '#/';
    case 'new-run':
      return '#/new';
    case 'run':
      return `#/runs/${route.runId}`;
    default:
      return route satisfies never;
  }
}

export const route = signal<Route>(routeOf(location.hash));
addEventListener('hashchange', () => {
  route.value = routeOf(location.hash);
});

export const goTo = (target: Route): void => {
  location.hash = addressOf(target);
};
