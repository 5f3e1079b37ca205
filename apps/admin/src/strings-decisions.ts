/** What is said of decisions that tabs make by themselves. */
import type { Decided, Decision } from '@murmuration/protocol';
import { countText } from './format.ts';

type Grounds = Decision['because'];
const count = (value: number | undefined) => (value === undefined ? '–' : countText(Math.round(value)));

export const decisions = {
  heading: 'What adapts',
  none: 'Nothing was adapted lately.',
  summary: (amount: string, isOne: boolean) =>
    isOne ? 'The latest decision' : `The latest ${amount} decisions`,
  coordinator: 'Coordinator',
  columns: { tab: 'Tab', time: 'Time', round: 'Round', what: 'What', change: 'From, to', why: 'Why' },
  change: (from: string, to: string) => `${from} → ${to}`,
  what: {
    'round-steps': 'Length of a round, steps',
    'local-steps': 'Steps of a tab in a round',
    'kept-values': 'Values sent of 4,096',
    grace: 'Wait for who is late, ms',
    'group-size': 'Members of a group, about',
  } satisfies Readonly<Record<Decided, string>>,
  why: {
    'round-steps': ({ exchangeMs, trainMs, leaving = 0 }) =>
      `An exchange takes ${count(exchangeMs)} ms and training ${count(trainMs)} ms; meanwhile ${Math.round(leaving * 100)} % of the members leave.`,
    'local-steps': ({ share = 1, asked }) =>
      `Its speed is ${Math.round(share * 100)} % of the fastest’s; the run asks for ${count(asked)}.`,
    'kept-values': ({ uplinkKbit, exchangeMs, roundMs }) =>
      `At ${count(uplinkKbit)} kbit/s an update takes ${count(exchangeMs)} ms of a round of ${count(roundMs)} ms.`,
    grace: ({ usualMs, deviationMs }) =>
      `Updates come ${count(usualMs)} ms after the start, give or take ${count(deviationMs)}.`,
    'group-size': ({ members }) => `There are ${count(members)} members.`,
  } satisfies Readonly<Record<Decided, (grounds: Grounds) => string>>,
};
