/**
 * What the page learns of the device while it contributes, for the rules in the worker: power, the wish to save data,
 * whether the tab is in view, and when the person last touched it. Begins with the click; tells changes only.
 */
import type { Facts } from './pauses.ts';

type Told = Partial<Omit<Facts, 'use'>>;

/** Somebody who scrolls touches the tab many times a second; the rules look at minutes. */
const USED_TOLD_EVERY_MS = 5_000;
/** Browsers answer at once; one that does not must not hold the start up. */
const BATTERY_ANSWER_MAX_MS = 500;

interface Battery extends EventTarget {
  readonly charging: boolean;
}
interface BatteryNavigator {
  readonly getBattery?: () => Promise<Battery>;
  readonly connection?: EventTarget & { readonly saveData?: boolean };
}

const device = (): BatteryNavigator => navigator as Navigator & BatteryNavigator;

/** Whether this browser can say that a device runs on its battery. Asks nothing. */
export const tellsPower = (): boolean => 'getBattery' in navigator;

/** How things stand at the click, and from then on every change to `tell`, until `until` aborts. */
export async function watchDevice(
  tell: (facts: Told) => void,
  until: AbortSignal,
): Promise<Omit<Facts, 'use'>> {
  const options = { signal: until, passive: true };
  document.addEventListener('visibilitychange', () => tell({ isHidden: document.hidden }), options);
  let toldMs = Date.now();
  const touched = () => {
    const nowMs = Date.now();
    if (nowMs < toldMs + USED_TOLD_EVERY_MS) return;
    toldMs = nowMs;
    tell({ usedAtMs: nowMs });
  };
  for (const name of ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'])
    addEventListener(name, touched, options);
  const { connection } = device();
  connection?.addEventListener('change', () => tell({ savesData: connection.saveData === true }), options);
  const battery = await batteryHere();
  battery?.addEventListener('chargingchange', () => tell({ power: powerOf(battery) }), options);
  return {
    power: powerOf(battery),
    savesData: connection?.saveData === true,
    isHidden: document.hidden,
    usedAtMs: null,
  };
}

const powerOf = (battery: Battery | null): Facts['power'] =>
  battery === null ? 'unknown' : battery.charging ? 'mains' : 'battery';

async function batteryHere(): Promise<Battery | null> {
  const { getBattery } = device();
  if (getBattery === undefined) return null;
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), BATTERY_ANSWER_MAX_MS));
  return Promise.race([getBattery.call(navigator).catch(() => null), late]);
}
