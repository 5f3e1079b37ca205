/** The mind of one volunteer, and the doors to its hands. */
export { Averager, type AveragerCommand, type AveragerEvent } from './averager.ts';
export { AveragingServer, type ServerEffect, type ServerEvent } from './averaging-server.ts';
export * from './group-round.ts';
export * from './round-decision.ts';
export { LineMeter } from './line-meter.ts';
export * from './ports.ts';
export * from './round-decision.ts';
export { framesOfRun, runTagOf } from './run-frames.ts';
export * from './view.ts';
export { Volunteer, type Traffic, type VolunteerOptions } from './volunteer.ts';
