/**
 * A hostile tab: a production mind whose ears and mouth are held by an adversary. What the mind hears is changed on its
 * way in (it believes that it trained the forged update, so the tab stays in step with its group and can lie again next
 * round); what it says is changed, repeated or torn on its way out. Everything the adversary does is drawn from its
 * seed. Pure.
 *
 * Lies in numbers are forgery.ts; here are the lies in frames: different updates to different peers, torn and nonsense
 * frames, and slander by a leader or a donor.
 */
import { CHUNK_VALUES, decodeUpdate, encodeUpdate, firstSchemeOf } from '@murmuration/codec';
import { encodeFrame, type FrameOf, type OutgoingFrame, type VolunteerId } from '@murmuration/protocol';
import type { RunManifest } from '@murmuration/protocol';
import type { VolunteerEvent } from '@murmuration/swarm';
import type { Adversary, Said } from './adversary.ts';
import { ATTACKS, FORGERIES, type Attack, type Forgery } from './attacks.ts';
import { Forger } from './forgery.ts';
import type { SimulateOptions } from './options.ts';
import type { World } from './world.ts';

const isForgery = (attack: Attack): attack is Forgery => (FORGERIES as readonly string[]).includes(attack);

type Update = Extract<OutgoingFrame, { kind: 'update' }>;
type Commit = FrameOf<'commit'>;

const BALLOT_MAX = 0xffff;
/** What an honest candidate may have. */
const BALLOT_MODEST = 300;

/** The least that counts as a time. */
const NO_TIME_MS = 1;

/** A leader that counts what nobody has costs a round four seconds: who wants to see that asks for it by name. */
const ENDURED: readonly Attack[] = ATTACKS.filter((attack) => attack !== 'phantom');

/** Who is hostile in a run, and how. */
export class Hostiles {
  readonly #options: SimulateOptions;
  readonly #manifest: RunManifest;
  readonly #world: World;
  readonly #accomplices = new Set<VolunteerId>();
  readonly #tabs: HostileTab[] = [];

  constructor(options: SimulateOptions, manifest: RunManifest, world: World) {
    this.#options = options;
    this.#manifest = manifest;
    this.#world = world;
  }

  /** Hostile tabs that have come so far. */
  get count(): number {
    return this.#tabs.length;
  }
  get lieCount(): number {
    return this.#tabs.reduce((sum, tab) => sum + tab.lieCount, 0);
  }

  /** Null: this tab is honest. Of every so many tabs that come, one is hostile: the share holds whoever leaves. */
  adversaryOf(number: number, self: VolunteerId): Adversary | null {
    const { hostileShare, attack } = this.#options;
    if (Math.floor((number + 1) * hostileShare) === Math.floor(number * hostileShare)) return null;
    const random = this.#world.chance('hostile', number);
    this.#accomplices.add(self);
    const tab = new HostileTab({
      attack: attack === 'any' ? ENDURED[Math.floor(random() * ENDURED.length)]! : attack,
      self,
      accomplices: this.#accomplices,
      manifest: this.#manifest,
      random,
      shared: this.#world.chance('accomplices'),
    });
    this.#tabs.push(tab);
    return tab;
  }
}

export class HostileTab implements Adversary {
  readonly #attack: Attack;
  readonly #self: VolunteerId;
  readonly #accomplices: ReadonlySet<VolunteerId>;
  readonly #manifest: RunManifest;
  readonly #random: () => number;
  readonly #forger: Forger | null;
  readonly #heard = new Map<VolunteerId, Uint8Array>();
  #lieCount = 0;

  /**
   * @param accomplices all hostile tabs of the run, this one among them; they do not mistake each other for honest.
   * @param shared chance that is the same for all accomplices.
   */
  constructor(options: {
    attack: Attack;
    self: VolunteerId;
    accomplices: ReadonlySet<VolunteerId>;
    manifest: RunManifest;
    random: () => number;
    shared: () => number;
  }) {
    this.#attack = options.attack;
    this.#self = options.self;
    this.#accomplices = options.accomplices;
    this.#manifest = options.manifest;
    this.#random = options.random;
    this.#forger = isForgery(options.attack)
      ? new Forger({
          forgery: options.attack,
          scheme: firstSchemeOf(options.manifest.training.codec),
          parameterCount: options.manifest.parameterCount,
          random: options.random,
          shared: options.shared,
        })
      : null;
  }

  /** Lies told so far: an attack that never struck proves nothing. */
  get lieCount(): number {
    return this.#lieCount;
  }

  incoming = (event: VolunteerEvent): VolunteerEvent => {
    if (event.kind === 'peer-frame' && event.frame.kind === 'update') {
      const { author, encoded } = event.frame;
      if (!this.#accomplices.has(author)) this.#heard.set(author, encoded.slice());
    }
    if (event.kind === 'peer-closed') this.#heard.delete(event.peer);
    if (event.kind === 'trained' && this.#attack === 'speed') {
      this.#lieCount += 1;
      return { ...event, trainMs: NO_TIME_MS };
    }
    if (event.kind !== 'update-formed' || this.#forger === null) return event;
    this.#lieCount += 1;
    return { ...event, encoded: this.#forger.forge({ own: event.encoded, heard: this.#heard }) };
  };

  outgoing = (frame: OutgoingFrame, peer: VolunteerId): readonly Said[] => {
    const said = this.#distorted(frame, peer);
    if (said.length !== 1 || said[0] !== frame) this.#lieCount += 1;
    return said;
  };

  #distorted(frame: OutgoingFrame, peer: VolunteerId): readonly Said[] {
    switch (this.#attack) {
      case 'equivocation':
        return frame.kind === 'update' ? this.#twoFaced(frame, peer) : [frame];
      case 'half-sent':
        return frame.kind === 'update' || frame.kind === 'commit' ? [{ torn: encodeFrame(frame) }] : [frame];
      case 'malformed':
        return [frame, this.#nonsense(frame)];
      case 'omit':
      case 'phantom':
      case 'members':
      case 'grace':
        return frame.kind === 'commit' && frame.leader === this.#self ? [this.#slander(frame)] : [frame];
      case 'ballots':
        return this.#outbidding(frame);
      case 'false-state':
        return frame.kind === 'state' ? [falsified(frame, this.#manifest.parameterCount)] : [frame];
      default:
        return [frame];
    }
  }

  /** One half of the peers gets the update as it is, the other half its reverse; every fourth peer gets both. */
  #twoFaced(frame: Update, peer: VolunteerId): Update[] {
    const place = [...peer].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 4;
    const scheme = firstSchemeOf(this.#manifest.training.codec);
    const reversed = encodeUpdate(
      scheme,
      decodeUpdate(frame.encoded).map((value) => -value),
    );
    const other = { ...frame, encoded: reversed };
    return place === 0 ? [frame, other] : place === 1 ? [other] : [frame];
  }

  /** To whom asks, too, a ballot was promised that nobody can be above. */
  #outbidding(frame: OutgoingFrame): OutgoingFrame[] {
    if (frame.kind === 'yield') return [{ ...frame, ballot: BALLOT_MAX }];
    if (frame.kind !== 'update' && frame.kind !== 'heartbeat') return [frame];
    const { runTag, term, round } = frame;
    const ballot = this.#random() < 0.5 ? BALLOT_MAX : Math.floor(this.#random() * BALLOT_MODEST);
    const ask = (round: number) => ({ kind: 'take-over', runTag, term, round, ballot }) as const;
    return [frame, ask(round), ask(round + 1)];
  }

  #nonsense(frame: OutgoingFrame): Uint8Array {
    const bytes = encodeFrame(frame);
    const at = (from: number, to: number) => from + Math.floor(this.#random() * (to - from));
    switch (at(0, 5)) {
      case 0: // the checksum, or what it is the checksum of
        bytes[at(20, bytes.length)]! ^= 1 << at(0, 8);
        return bytes;
      case 1: // magic, version, kind
        bytes[at(0, 4)]! ^= 1 << at(0, 8);
        return bytes;
      case 2: // the length
        bytes[at(16, 20)]! ^= 1 << at(0, 8);
        return bytes;
      case 3: // the middle is missing
        return bytes.slice(0, at(1, bytes.length));
      default:
        return Uint8Array.from({ length: at(1, 2_000) }, () => at(0, 256));
    }
  }

  #slander(commit: Commit): Commit {
    const { included, members } = commit;
    switch (this.#attack) {
      case 'omit':
        return included.length < 2 ? commit : { ...commit, included: included.filter((_, i) => i % 2 === 0) };
      case 'phantom':
        return {
          ...commit,
          included: included.map((entry, i) => (i === 0 ? { ...entry, crc: entry.crc ^ 1 } : entry)),
        };
      case 'members':
        return { ...commit, members: members.filter((id) => this.#accomplices.has(id)) };
      case 'grace':
        return { ...commit, graceMs: this.#random() < 0.5 ? 0 : 0xffff };
      default:
        return commit;
    }
  }
}

/** A chunk whose first value has another sign: finite, of the right size, and not what its anchor says. */
function falsified(frame: FrameOf<'state'>, parameterCount: number): FrameOf<'state'> {
  const bytes = frame.bytes.slice();
  const count = Math.min(CHUNK_VALUES, parameterCount - frame.chunk * CHUNK_VALUES);
  // Behind form, step count and two bytes a block come three of each value, the sign in the last of them (codec, state.ts).
  bytes[5 + 2 * Math.ceil(count / 256) + 2]! ^= 0x80;
  return { ...frame, bytes };
}
