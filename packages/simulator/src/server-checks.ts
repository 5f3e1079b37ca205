/**
 * What must hold of an averaging server's numbers, by sums of its own: nothing that it was given is lost or counted twice
 * [S2] [A3], what it counts stands on one of its last versions [A1], and tabs are told the truth about whose update is in an
 * answer [S1].
 */
import { addDecoded, decodeUpdate, isSparse, median, norm } from '@murmuration/codec';
import { crc32, stalenessMaxOf, type RunManifest, type VolunteerId } from '@murmuration/protocol';
import type { Averager, AveragerCommand } from '@murmuration/swarm';
import type { Violations } from './checkers.ts';
import type { ServerWatch } from './sim-server.ts';
import { boundsOf } from './trainer-checks.ts';
import type { World } from './world.ts';

type Combine = Extract<AveragerCommand, { kind: 'combine' }>;

/** Rounds of so many updates hold no votes, and are averaged again in the plainest way. */
const PLAIN_UPDATES_MAX = 3;
const WEIGHT_RATIO_MAX = 4;
/** Relative; float32 sums of a few thousand values. */
const TOLERANCE = 1e-3;
const ROUNDS_KEPT = 64;

export class ServerChecks {
  readonly #manifest: RunManifest;
  readonly #violations: Violations;
  readonly #world: World;
  readonly #stalenessMax: number | null;
  /** Whose updates each of the last answers stands for, and the checksums of their bytes. */
  readonly #counted = new Map<string, ReadonlyMap<VolunteerId, number>>();
  readonly #givenUp = new Set<string>();
  /** Of each life of the server: its last anchors, oldest first, and what it has counted. */
  readonly #lives = new WeakMap<Averager, { anchors: string[]; counted: Set<string> }>();

  constructor(manifest: RunManifest, violations: Violations, world: World) {
    this.#manifest = manifest;
    this.#violations = violations;
    this.#world = world;
    this.#stalenessMax = stalenessMaxOf(manifest.training);
  }

  /** Null: nobody gave this answer, or long ago; or its author knows of no update that might be in it. */
  isCounted(
    author: VolunteerId,
    round: number,
    answer: Uint8Array,
    own: Uint8Array | undefined,
  ): boolean | null {
    const counted = this.#counted.get(keyOf(round, answer));
    if (counted === undefined || (this.#stalenessMax !== null && own === undefined)) return null;
    return own === undefined ? counted.has(author) : counted.get(author) === crc32(own);
  }

  /** Its author has put this update back into its residual: it must not be counted any more. */
  givenUp(author: VolunteerId, update: { readonly encoded: Uint8Array; readonly anchor: string }): void {
    if (this.#stalenessMax !== null && norm(decodeUpdate(update.encoded)) > 0)
      this.#givenUp.add(nameOf({ ...update, author }));
  }

  readonly averaging: ServerWatch['averaging'] = (averager, command, execute) => {
    if (command.kind !== 'combine') return execute();
    const [anchor, residual] = [averager.replica.anchor.slice(), averager.replica.residual.slice()];
    const before = averager.replica.fingerprint;
    const event = execute();
    if (event.kind !== 'combined') return event;
    // Another life of the server may close the same round once more, and give another answer.
    const authors = command.updates.map(({ author, encoded }) => [author, crc32(encoded)] as const);
    this.#counted.set(keyOf(command.round, event.encoded), new Map(authors));
    if (this.#stalenessMax !== null) this.#judgeAge(averager, command, before, this.#stalenessMax);
    if (this.#counted.size > ROUNDS_KEPT) this.#counted.delete(this.#counted.keys().next().value!);
    this.#judge(averager, command, anchor, residual);
    return event;
  };

  #judgeAge(averager: Averager, { updates }: Combine, anchor: string, stalenessMax: number): void {
    const life = this.#lives.get(averager) ?? { anchors: [], counted: new Set() };
    this.#lives.set(averager, life);
    life.anchors.push(anchor);
    if (life.anchors.length > stalenessMax + 1) life.anchors.shift();
    for (const update of updates) {
      const key = nameOf(update);
      if (this.#givenUp.has(key)) this.#break('counts an update that its author has taken back', 'A3');
      if (life.counted.has(key)) this.#break('counts an update a second time', 'A3');
      if (norm(decodeUpdate(update.encoded)) > 0) life.counted.add(key);
      if (!life.anchors.includes(update.anchor)) this.#break('counts an update of an older version', 'A1');
    }
  }

  #judge(
    { replica }: Averager,
    { updates, gain }: Combine,
    anchor: Float32Array,
    residual: Float32Array,
  ): void {
    const { codec, outerLearningRate } = this.#manifest.training;
    // Shortened by what is usual for each k, which is no plain sum.
    if (codec === 'topk-auto' && updates.length >= PLAIN_UPDATES_MAX) return;
    const fade = isSparse(codec) ? 0.95 : 1;
    const vectors = updates.map(({ encoded }) => decodeUpdate(encoded));
    const norms = vectors.map(norm);
    const present = norms.filter((size) => size > 0);
    const { gainMax, clipRatio } = boundsOf(this.#manifest.training);
    const usual = present.length > 0 ? clipRatio * median(present) : 0;
    const root = this.#stalenessMax === null ? Math.sqrt(updates.length) : gainMax;
    if (gain > Math.min(gainMax, root)) this.#break(`follows the mean of ${updates.length} ${gain} times`);
    const longest = updates.length < PLAIN_UPDATES_MAX ? Math.max(0, ...norms) : usual;
    const rounding = TOLERANCE * Math.max(gain * longest, 1e-3 * norm(anchor), norm(residual));
    // What left, what is still owed, less what was owed before: what was added now.
    const added = replica.anchor.map(
      (value, i) => (value - anchor[i]!) / outerLearningRate + replica.residual[i]! - fade * residual[i]!,
    );
    const isShortened = norm(replica.residual) > 5 * norm(added);
    if (isShortened) return;
    if (norm(added) > gain * longest + rounding)
      this.#break(`adds ${norm(added)} to what it owes, at most ${gain * longest} is right`);
    if (updates.length > PLAIN_UPDATES_MAX || present.length < updates.length) return;
    const weightMax = WEIGHT_RATIO_MAX * median(updates.map(({ sampleCount }) => sampleCount));
    const weights = updates.map(({ sampleCount }) => Math.min(sampleCount, weightMax));
    const total = weights.reduce((a, b) => a + b, 0);
    for (const [k, { encoded }] of updates.entries()) {
      const clip = updates.length === PLAIN_UPDATES_MAX ? Math.min(1, usual / norms[k]!) : 1;
      addDecoded(encoded, (-gain * clip * weights[k]!) / total, added);
    }
    if (norm(added) > rounding)
      this.#break(`answers ${norm(added)} beside the mean of ${updates.length} updates`);
  }

  #break(text: string, rule = 'S2'): void {
    this.#violations.break(rule, this.#world.nowMs, `the server ${text}`);
  }
}

const keyOf = (round: number, answer: Uint8Array) => `${round} ${crc32(answer)}`;
/** What was not sent may be formed again a version later, and be the same bytes. */
const nameOf = (update: { readonly author: string; readonly anchor: string; readonly encoded: Uint8Array }) =>
  `${update.author} ${update.anchor} ${crc32(update.encoded)}`;
