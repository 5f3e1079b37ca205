/**
 * The tab's title and icon say the state, also while the page is hidden and nothing else of it is drawn: a shape for
 * each kind of state, because a colour alone says nothing at 16 pixels.
 */
import { effect } from '@preact/signals';
import type { VolunteerState } from '@murmuration/swarm';
import type { Contribution } from './contribution.ts';
import { states, strings } from './strings/index.ts';

const ICONS = {
  busy: '/mark.svg',
  resting: '/mark-resting.svg',
  troubled: '/mark-troubled.svg',
} as const;

/** How a state feels: the tone of the banner and the shape of the icon. */
export function toneOf(state: VolunteerState): keyof typeof ICONS {
  switch (state) {
    case 'recovering':
    case 'blocked':
      return 'troubled';
    case 'paused':
    case 'waiting':
    case 'finished':
      return 'resting';
    default:
      return 'busy';
  }
}

export function showSign(contribution: Pick<Contribution, 'sign' | 'screen'>): void {
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  effect(() => {
    const sign = contribution.sign.value;
    const screen = contribution.screen.value;
    const [word, tone] = wordAndTone(sign?.state ?? null, screen);
    document.title = word === '' ? strings.name : strings.titleOf(word);
    if (icon !== null && icon.getAttribute('href') !== ICONS[tone]) icon.setAttribute('href', ICONS[tone]);
  });
}

function wordAndTone(
  state: VolunteerState | null,
  screen: Contribution['screen']['value'],
): [word: string, tone: keyof typeof ICONS] {
  if (state !== null) return [states[state].word, toneOf(state)];
  if (screen.at === 'elsewhere') return [strings.elsewhere.word, 'resting'];
  if (screen.at !== 'ended') return ['', 'busy'];
  const { reason } = screen.ended;
  if (reason === 'finished') return [states.finished.word, 'resting'];
  return [strings.ended.title[reason], reason === 'left' || reason === 'moved' ? 'resting' : 'troubled'];
}
