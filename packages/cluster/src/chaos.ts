/**
 * Which fault strikes which tab at what time: a pure function of a profile and a seed, so that a run's chaos can be
 * replayed and read before it happens. Times count from the run's first training report.
 *
 * Seats, not tabs: seat 3 is the third tab that was opened, and whoever replaces it. Each kind of fault draws from a
 * stream of its own, so that switching one off does not move the others; but a hostile fault whose seat has another strikes
 * a free one.
 */
import { mulberry, streamSeed } from '@murmuration/codec';

/** What a fault does. Those with a duration end by themselves. */
export const FAULT_KINDS = {
  kill: "SIGKILL to the tab's renderer; another tab takes its seat",
  close: 'a person closes the tab; another tab takes its seat',
  freeze: "SIGSTOP to the tab's renderer, SIGCONT after a while",
  hide: 'the page is told that it is hidden (emulated: a headless browser hides nothing), then shown',
  slow: 'the results of the GPU come so many times later',
  clog: 'the uplink to peers is narrow, slow and lossy',
  cut: 'the tab and a part of its peers hear nothing of each other',
  'cut-pair': 'two tabs hear nothing of each other, and everything of the others',
  'lose-device': 'the GPU device is destroyed',
  'sign-flip': "the tab's updates point the other way (well formed); then another tab takes its seat",
  nan: "the tab's updates are not numbers; then another tab takes its seat",
  garbage: 'everything that the tab sends to peers is noise; then another tab takes its seat',
  'coordinator-kill': 'kill -9 to the coordinator, started again after a while',
  'coordinator-freeze': 'the coordinator stands still (SIGSTOP), as after a jump of its clock',
  'disk-full': "the coordinator's process may write no file any more, for a while",
} as const;
export type FaultKind = keyof typeof FAULT_KINDS;

/** Of each kind, how many strike a minute. */
export type ChaosProfile = Readonly<Record<FaultKind, number>>;

const NONE: ChaosProfile = {
  kill: 0,
  close: 0,
  freeze: 0,
  hide: 0,
  slow: 0,
  clog: 0,
  cut: 0,
  'cut-pair': 0,
  'lose-device': 0,
  'sign-flip': 0,
  nan: 0,
  garbage: 0,
  'coordinator-kill': 0,
  'coordinator-freeze': 0,
  'disk-full': 0,
};

export const CHAOS_PROFILES = {
  none: NONE,
  light: {
    ...NONE,
    kill: 0.5,
    close: 0.5,
    freeze: 0.5,
    hide: 0.5,
    slow: 0.5,
    clog: 0.5,
    'coordinator-kill': 0.25,
  },
  storm: {
    kill: 1,
    close: 1,
    freeze: 1,
    hide: 1,
    slow: 1,
    clog: 2,
    cut: 1.5,
    'cut-pair': 0.5,
    'lose-device': 0.5,
    'sign-flip': 0.25,
    nan: 0.25,
    garbage: 0.25,
    'coordinator-kill': 0.5,
    'coordinator-freeze': 0.5,
    'disk-full': 0.25,
  },
} as const satisfies Record<string, ChaosProfile>;
export type ChaosName = keyof typeof CHAOS_PROFILES;

/** `--churn`: this share of the tabs leaves in every minute, half of them killed and half closed, on top of a profile. */
export function withChurn(profile: ChaosProfile, churnPerMinute: number, seatCount: number): ChaosProfile {
  const each = (churnPerMinute * seatCount) / 2;
  return { ...profile, kill: profile.kill + each, close: profile.close + each };
}

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** From 1; 0: the coordinator. */
  readonly seat: number;
  /** 0: it has no end of its own. */
  readonly durationMs: number;
  /** slow: factor. clog: Mbit/s. cut: share of the peers. cut-pair: the other tab's seat. Others: 0. */
  readonly strength: number;
}

/** Shortest and longest, milliseconds. */
const DURATIONS: Readonly<Partial<Record<FaultKind, readonly [number, number]>>> = {
  kill: [1_000, 5_000],
  close: [1_000, 5_000],
  freeze: [2_000, 12_000],
  hide: [5_000, 20_000],
  slow: [5_000, 20_000],
  clog: [5_000, 20_000],
  cut: [2_000, 8_000],
  'cut-pair': [2_000, 8_000],
  'sign-flip': [3_000, 10_000],
  nan: [3_000, 10_000],
  garbage: [3_000, 10_000],
  'coordinator-kill': [500, 5_000],
  'coordinator-freeze': [1_000, 6_000],
  'disk-full': [1_000, 5_000],
};
const STRENGTHS: Readonly<Partial<Record<FaultKind, readonly [number, number]>>> = {
  slow: [2, 6],
  clog: [0.5, 5],
  cut: [0.3, 1],
  // Drawn, then turned into a seat.
  'cut-pair': [0, 1],
};

/** Faults until `endMs`, earliest first. */
export function chaosPlan(
  profile: ChaosProfile,
  { seed, seatCount, endMs }: { readonly seed: number; readonly seatCount: number; readonly endMs: number },
): Fault[] {
  const faults: Fault[] = [];
  for (const kind of Object.keys(FAULT_KINDS) as FaultKind[]) {
    const perMinute = profile[kind];
    if (perMinute <= 0) continue;
    const random = mulberry(streamSeed(seed, 'chaos', kind));
    const between = ([low, high]: readonly [number, number]) => low + random() * (high - low);
    for (let atMs = 0; ;) {
      atMs += (-Math.log(1 - random()) * 60_000) / perMinute;
      if (atMs >= endMs) break;
      const seat = 1 + Math.floor(random() * seatCount);
      const durationMs = Math.round(between(DURATIONS[kind] ?? [0, 0]));
      const drawn = between(STRENGTHS[kind] ?? [0, 0]);
      // Any seat but its own.
      const other = 1 + ((seat + Math.floor(drawn * (seatCount - 1))) % seatCount);
      faults.push({
        kind,
        atMs: Math.round(atMs),
        seat: isOfCoordinator(kind) ? 0 : seat,
        durationMs,
        strength: kind === 'cut-pair' ? other : Number(drawn.toFixed(2)),
      });
    }
  }
  const sorted = faults.sort((a, b) => a.atMs - b.atMs);
  return seatCount > 1 ? withFreeSeats(sorted, { seed, seatCount }) : sorted;
}

const HOSTILE: readonly FaultKind[] = ['sign-flip', 'nan', 'garbage'];
/** Of these another tab takes the seat afterwards. */
const ENDS_TAB: readonly FaultKind[] = ['kill', 'close', ...HOSTILE];
/** Until a tab that took a seat has something to send: opened, warm, with a round of its own. A guess. */
const RETAKEN_MS = 15_000;

/**
 * A seat has one fault at a time, and a dense storm would pass a third of the few hostile ones over. So a hostile fault
 * whose seat has another at that time strikes one that has none, if there is one. Time, kind and duration stay.
 */
function withFreeSeats(
  faults: readonly Fault[],
  { seed, seatCount }: { readonly seed: number; readonly seatCount: number },
): Fault[] {
  const random = mulberry(streamSeed(seed, 'chaos', 'free seat'));
  const heldUntilMs = new Map<number, number>();
  return faults.map((fault) => {
    if (fault.seat === 0) return fault;
    const isHeld = (seat: number) => fault.atMs < (heldUntilMs.get(seat) ?? 0);
    const free = Array.from({ length: seatCount }, (_, i) => i + 1).filter((seat) => !isHeld(seat));
    const isMoved = HOSTILE.includes(fault.kind) && isHeld(fault.seat) && free.length > 0;
    const seat = isMoved ? free[Math.floor(random() * free.length)]! : fault.seat;
    // What strikes a held seat is passed over, and holds nothing.
    if (!isHeld(seat)) {
      const untilMs = fault.atMs + fault.durationMs + (ENDS_TAB.includes(fault.kind) ? RETAKEN_MS : 0);
      heldUntilMs.set(seat, untilMs);
      if (fault.kind === 'cut-pair') heldUntilMs.set(fault.strength, untilMs);
    }
    return { ...fault, seat };
  });
}

export const isOfCoordinator = (kind: FaultKind): boolean =>
  kind.startsWith('coordinator') || kind === 'disk-full';

export function faultText({ kind, seat, durationMs, strength }: Fault): string {
  const whom = seat === 0 ? 'coordinator' : `tab ${seat}`;
  const how = {
    slow: ` by ${strength}`,
    clog: ` to ${strength} Mbit/s`,
    cut: ` from ${Math.round(100 * strength)} % of its peers`,
    'cut-pair': ` from tab ${strength}`,
  }[kind as 'slow' | 'clog' | 'cut' | 'cut-pair'];
  return `${whom}: ${kind}${how ?? ''}${durationMs > 0 ? ` for ${(durationMs / 1_000).toFixed(1)} s` : ''}`;
}
