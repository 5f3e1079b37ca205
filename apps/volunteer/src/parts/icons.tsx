/** A shape for each state, so that no state is told by colour alone. Decorative: the word stands beside it. */
import type { VolunteerState } from '@murmuration/swarm';

const BIRD = 'M3 14c4-5 7-5 9.5-.5C15 9 18 8 22 10.5';
const SHAPES: Readonly<Record<VolunteerState, string>> = {
  checking: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM15.5 15.5 21 21',
  ready: 'M4 12.5 9.5 18 20 6.5',
  loading: 'M12 3v12M6.5 10 12 15.5 17.5 10M4 20.500h16',
  'warming-up':
    'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2.500M12 19.500V22M2 12h2.500M19.5 12H22M5 5l1.7 1.700M17.3 17.3 19 19M19 5l-1.7 1.700M6.7 17.3 5 19',
  connecting: 'M7 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM17 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM10 12h4',
  waiting: 'M6 3h12M6 21h12M7.5 3c0 5 9 7 9 18M16.5 3c0 5-9 7-9 18',
  training: BIRD,
  syncing: 'M4 9h14l-4-4.500M20 15H6l4 4.5',
  paused: 'M8 4.500v15M16 4.500v15',
  recovering: 'M20 12a8 8 0 1 1-2.5-5.800M20 3v5h-5',
  finished: 'M5 21V4M5 4.500h13l-3 4 3 4H5',
  blocked: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM5.6 5.600l12.8 12.8',
};

const Shape = ({ path, size }: { readonly path: string; readonly size: number }) => (
  <svg class="icon" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true" focusable="false">
    <path d={path} />
  </svg>
);

export const StateIcon = ({ state }: { readonly state: VolunteerState }) => (
  <Shape path={SHAPES[state]} size={28} />
);
export const Bird = () => <Shape path={BIRD} size={20} />;

const LIMITS_SHAPES = {
  chip: 'M7 7h10v10H7ZM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4',
  traffic: 'M8 20V5M4 9l4-4.500L12 9M16 4v15M12 15l4 4.5 4-4.5',
  battery: 'M3 8h15v8H3ZM21 11v2M6 11v2M9.500 11v2',
  address:
    'M12 21.500c4.5-5 7-8.5 7-11.500a7 7 0 1 0-14 0c0 3 2.5 6.5 7 11.500ZM12 12.500a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z',
  shield: 'M12 21.500c5-2 8-5.5 8-11V5l-8-2.500L4 5v5.500c0 5.5 3 9 8 11Z',
} as const;
export const LimitIcon = ({ of }: { readonly of: keyof typeof LIMITS_SHAPES }) => (
  <Shape path={LIMITS_SHAPES[of]} size={26} />
);
