/** The states of a volunteer in English: the word, and what it means and what comes next. */
import type { VolunteerState } from '@murmuration/swarm';
import { byDetail, fixed, inBrackets, type StateText } from './state-text.ts';

export const enStates: Readonly<Record<VolunteerState, StateText>> = {
  checking: fixed(
    'Checking',
    'Looking at your graphics device and letting it solve a small problem whose answer we know.',
  ),
  ready: fixed('Ready', 'Your device can help. The coordinator will hand it a run in a moment.'),
  loading: fixed('Loading', 'Fetching the model as it stands now, and samples to learn from.'),
  'warming-up': fixed(
    'Warming up',
    'Your browser translates the work for your graphics device. This happens once and can take a minute.',
  ),
  connecting: byDetail(
    'Connecting',
    {
      coordinator: 'Asking the coordinator which run needs help.',
      peers: 'Opening direct links to the other devices of this run; one of them hands over the model.',
    },
    (detail) => `Connecting${inBrackets(detail)}.`,
  ),
  waiting: byDetail(
    'Waiting',
    {
      'no-work':
        'There is no work for this device just now. Leave the tab open: it starts by itself as soon as there is.',
      'need-peers': (count) =>
        `This run needs more devices before it can go on${count === '' ? '' : `: ${count.replace('/', ' of ')} are here`}. It starts by itself when they arrive.`,
      'run-paused': 'The people who started this run have paused it. Your device goes on when they do.',
      'rate-limited': 'The coordinator asked for a short pause. Your device tries again by itself.',
    },
    (detail) => `Waiting for the run to need this device${inBrackets(detail)}. It starts by itself.`,
  ),
  training: fixed(
    'Training',
    'Your device is learning from its samples, and shares what it learned after every round.',
  ),
  syncing: fixed(
    'Syncing',
    'Your device is comparing notes with the others, then trains on from the common result.',
  ),
  paused: byDetail(
    'Paused',
    {
      user: 'You paused it. Your graphics device is free. Press Resume when you like.',
      timer: 'You paused it for a while. Your graphics device is free until then.',
      battery:
        'This device runs on its battery, and you asked not to drain it. It goes on by itself when it is plugged in.',
      'idle-rule':
        'You are using this tab, and asked for peace meanwhile. It goes on when you have not touched it for a minute.',
      schedule: 'It is outside the hours that you set. Nothing is connected until they begin.',
      'data-cap':
        'As much data was moved as you allow: today’s limit is reached, or your browser was asked to save data. Nothing is connected meanwhile.',
      hidden: 'This tab is not in view, and you asked to pause then. It goes on when you come back.',
    },
    (detail) => `Paused${inBrackets(detail)}. Press Resume to go on.`,
  ),
  recovering: byDetail(
    'Recovering',
    {
      'device-lost':
        'Your graphics device was taken away for a moment (a driver restart, or the computer slept). Setting it up again.',
      'device-away':
        'Your browser has no graphics device to give just now; its graphics part may be starting again after a crash. Asking again by itself, for half a minute.',
      offline:
        'The coordinator cannot be reached. Your device goes on with the others it knows and tries to connect again.',
    },
    (detail) => `Something went wrong on the way${inBrackets(detail)}. Setting it up again by itself.`,
  ),
  finished: byDetail(
    'Finished',
    {
      left: 'Saying goodbye to the other devices.',
      failed: 'The run ended without reaching its aim. Thank you all the same: what was learned is kept.',
    },
    () => 'The run is done. Thank you.',
  ),
  blocked: byDetail(
    'Blocked',
    {
      'self-test':
        'Your graphics device solved the test problem wrongly, so its results cannot be used. An update of the browser or the driver often mends this.',
      'no-adapter':
        'Your graphics device does not answer any more. Reloading the page, or restarting the browser, often mends this.',
      'too-small': 'The model of this run does not fit into your graphics device. Another run may.',
      error: 'Your graphics device failed several times in a row at the same work.',
    },
    (detail) => `This device cannot take part now${inBrackets(detail)}.`,
  ),
};
