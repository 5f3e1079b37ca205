/** The whole grid in imaginary time: production mind, codec, wire and ledger; imaginary hands, network and clock. */
export * from './consensus.ts';
export * from './profiles.ts';
export * from './simulate.ts';
