/** Those who listen to what goes over the coordinator's sockets and to what is trained. Pure. */
import type { SimulateHooks } from './simulate.ts';
import type { TabWatch } from './sim-tab.ts';
import type { World } from './world.ts';

/** The watch, and the hooks of whoever plays. */
export function listening(watch: TabWatch, world: World, { onControl, onTrained }: SimulateHooks): TabWatch {
  return {
    ...watch,
    handled: (tab, event, effectCount) => {
      if (event.kind === 'trained') onTrained?.(event.sampleCount, world.nowMs);
      watch.handled(tab, event, effectCount);
    },
    said: (tab, message) => {
      onControl?.({ direction: 'up', message, nowMs: world.nowMs });
      watch.said(tab, message);
    },
    heard: (tab, message) => {
      onControl?.({ direction: 'down', message, nowMs: world.nowMs });
      watch.heard(tab, message);
    },
  };
}
