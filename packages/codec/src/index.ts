/** Numbers made small and restored, averaged and anchored. Pure: the same bits on every machine. */
export * from './averaging.ts';
export * from './random.ts';
export * from './replica.ts';
export * from './slices.ts';
export * from './state.ts';
export * from './update-codec.ts';
export * from './vectors.ts';
