/** The coordinator's API as a typed client. YAML of runs is a door of its own (`/run-yaml`): it costs a parser. */
export * from './client.ts';
export * from './export-paths.ts';
