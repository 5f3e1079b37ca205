/** The cluster as the e2e tests use it: a coordinator process, tabs, and the way to talk to both. */
export * from './browser.ts';
export * from './coordinator-client.ts';
export * from './coordinator-process.ts';
export * from './downloads.ts';
export * from './admin-gallery.ts';
export * from './gallery.ts';
export * from './grid.ts';
export * from './pages.ts';
export * from './places.ts';
export * from './progress-lines.ts';
export * from './report.ts';
export * from './tabs.ts';
export type { Saboteur } from '../page/saboteur.ts';
export * from './watch-gallery.ts';
