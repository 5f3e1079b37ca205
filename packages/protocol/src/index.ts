/** What may be said on the wire: schemas, limits, ids, the binary peer frame. Rules with ids: SPEC.md. */
export * from './api.ts';
export * from './bytes.ts';
export * from './coordinator-messages.ts';
export * from './dataset.ts';
export * from './dataset-requests.ts';
export * from './fragments.ts';
export * from './ids.ts';
export * from './limits.ts';
export * from './link-policy.ts';
export * from './model.ts';
export * from './peer-frame.ts';
export * from './run.ts';
export * from './run-file.ts';
export * from './volunteer-messages.ts';
