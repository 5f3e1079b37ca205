/**
 * Draws the screen that the address names (`?screen=training&dir=rtl`) with the page's real components, and says which
 * screens there are (`globalThis.screens`). Nothing here trains, connects or stores.
 */
import '../src/style/all.ts';
import { render } from 'preact';
import { Page } from '../src/page.tsx';
import { language, strings } from '../src/strings/index.ts';
import { SCREENS } from './screens.ts';

const asked = new URLSearchParams(location.search);
const name = asked.get('screen') ?? 'training';
const shown = SCREENS[name];
Object.assign(globalThis, { screens: Object.keys(SCREENS) });
const mount = document.getElementById('page');
if (shown === undefined || mount === null) throw new Error(`the gallery has no screen "${name}"`);
document.title = strings.titleOf(name);
document.documentElement.lang = language;
document.documentElement.dir = asked.get('dir') ?? strings.direction;
render(<Page contribution={shown.contributor} />, mount);
for (const pressed of [shown.press ?? []].flat()) document.querySelector<HTMLElement>(pressed)?.click();
