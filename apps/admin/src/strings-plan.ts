/** Sentences about the plan: what it foretells of a run, and what it chose. Its reasons are the coordinator's own words. */
import type { PlannedKnob, PlanView } from '@murmuration/protocol';

export const plan = {
  heading: 'What the plan foretells',
  chosen: 'Chosen by the plan',
  chosenNote: 'Chosen for the tabs that are connected when the run is created.',
  strategy: ({ architecture, schedule, group, codec }: PlanView, localSteps: string) =>
    `${architecture}${schedule === 'asynchronous' ? ' without rounds' : ''}${group === null ? '' : ` in groups of ${group}`}, ${localSteps === '1' ? '1 local step' : `${localSteps} local steps`}, ${codec}`,
  rows: {
    strategy: 'Strategy',
    crowd: 'For',
    round: 'A round',
    sent: 'A tab sends and receives',
    coordinator: 'The coordinator sends',
    time: 'Time to the loss',
    memory: 'Memory of a tab',
    tabs: 'Tabs worth having',
  },
  round: (time: string, bound: string) => `${time}, as long as ${bound}`,
  bounds: {
    training: 'its training takes',
    uplink: 'the uplink takes',
    downlink: 'the downlink takes',
    coordinator: 'the coordinator’s line takes',
    latency: 'the way there and back takes',
  } satisfies Readonly<Record<PlanView['bound'], string>>,
  sent: (up: string, down: string, hour: string) => `${up} and ${down} a round; it sends ${hour} an hour`,
  coordinator: (bytes: string, held: string) => `${bytes} a round, and holds ${held} at most`,
  time: (time: string, rounds: string) => `${time}, ${rounds} rounds`,
  timeNote: 'Of tasks like those of this project; see what is assumed.',
  tabs: (count: string) => `about ${count}`,
  returns: (rows: readonly (readonly [tabs: string, time: string])[]) =>
    rows.map(([tabs, time]) => `${tabs}: ${time}`).join('; '),
  why: 'Why',
  assumed: 'Assumed',
  unplanned: (reason: string) => `Nothing is foretold of this run. Left out: ${reason}.`,
  knobs: {
    architecture: 'Architecture',
    schedule: 'Schedule',
    group: 'Members of a group',
    localSteps: 'Local steps',
    codec: 'Update codec',
  } satisfies Readonly<Record<PlannedKnob, string>>,
} as const;
