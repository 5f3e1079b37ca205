/**
 * What must hold of an averaging server's numbers, by sums of its own: nothing that it was given is lost or counted twice
 * [S2], and tabs are told the truth about whose update is in an answer [S1].
 */
import { addDecoded, decodeUpdate, isSparse, median, norm } from '@murmuration/codec';
import { crc32, type RunManifest, type VolunteerId } from '@murmuration/protocol';
import type { Averager, AveragerCommand } from '@murmuration/swarm';
import type { Violations } from './checkers.ts';
import type { ServerWatch } from './sim-server.ts';
import type { World } from './world.ts';

type Combine = Extract<AveragerCommand, { kind: 'combine' }>;

/** Rounds of so many updates hold no votes, and are averaged again in the plainest way. */
const PLAIN_UPDATES_MAX = 3;
const WEIGHT_RATIO_MAX = 4;
const GAIN_MAX = 2;
/** Relative; float32 sums of a few thousand values. */
const TOLERANCE = 1e-3;
const ROUNDS_KEPT = 64;

export class ServerChecks {
  readonly #manifest: RunManifest;
  readonly #violations: Violations;
  readonly #world: World;
  /** Whose updates each of the last answers stands for. */
  readonly #counted = new Map<string, ReadonlySet<VolunteerId>>();

  constructor(manifest: RunManifest, violations: Violations, world: World) {
    this.#manifest = manifest;
    this.#violations = violations;
    this.#world = world;
  }

  /** Null: nobody gave this answer, or long ago. */
  isCounted(author: VolunteerId, round: number, answer: Uint8Array): boolean | null {
    return this.#counted.get(keyOf(round, answer))?.has(author) ?? null;
  }

  readonly averaging: ServerWatch['averaging'] = (averager, command, execute) => {
    if (command.kind !== 'combine') return execute();
    const [anchor, residual] = [averager.replica.anchor.slice(), averager.replica.residual.slice()];
    const event = execute();
    if (event.kind !== 'combined') return event;
    // Another life of the server may close the same round once more, and give another answer.
    const authors = new Set(command.updates.map((update) => update.author));
    this.#counted.set(keyOf(command.round, event.encoded), authors);
    if (this.#counted.size > ROUNDS_KEPT) this.#counted.delete(this.#counted.keys().next().value!);
    this.#judge(averager, command, anchor, residual);
    return event;
  };

  #judge({ replica }: Averager, { updates }: Combine, anchor: Float32Array, residual: Float32Array): void {
    const { codec, outerLearningRate } = this.#manifest.training;
    // Shortened by what is usual for each k, which is no plain sum.
    if (codec === 'topk-auto' && updates.length >= PLAIN_UPDATES_MAX) return;
    const fade = isSparse(codec) ? 0.95 : 1;
    const vectors = updates.map(({ encoded }) => decodeUpdate(encoded));
    const norms = vectors.map(norm);
    const present = norms.filter((size) => size > 0);
    const usual = present.length > 0 ? median(present) : 0;
    const gain = Math.min(GAIN_MAX, Math.sqrt(updates.length));
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

  #break(text: string): void {
    this.#violations.break('S2', this.#world.nowMs, `the server ${text}`);
  }
}

const keyOf = (round: number, answer: Uint8Array) => `${round} ${crc32(answer)}`;
