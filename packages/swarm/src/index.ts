/** The mind of one volunteer, and the doors to its hands. */
export * from './group-round.ts';
export * from './ports.ts';
export * from './view.ts';
export { runFrameLimits, runTagOf, Volunteer, type Traffic, type VolunteerOptions } from './volunteer.ts';
