/**
 * Checkpoints as files: which are still referred to by a run, and what goes when nothing refers to it. A removal that fails
 * costs only its bytes.
 */
import { initialParameters, parametersFromBytes, parametersToBytes } from '@murmuration/codec';
import { parameterLayout } from '@murmuration/protocol';
import type { RunManifest, Sha256 } from '@murmuration/protocol';
import type { BlobShelf } from './blobs.ts';
import type { RunLedger } from './ledger.ts';

export class CheckpointShelf {
  readonly #blobs: BlobShelf;
  readonly #ledgers: () => Iterable<RunLedger>;
  /** Weights of an imported model: its shelf holds them, whatever becomes of the runs. */
  readonly #isImported: (sha256: Sha256) => boolean;
  /** Storing and removing take turns: the same bytes may come again while they are being removed. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(blobs: BlobShelf, ledgers: () => Iterable<RunLedger>, isImported: (sha256: Sha256) => boolean) {
    this.#blobs = blobs;
    this.#ledgers = ledgers;
    this.#isImported = isImported;
  }

  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** The seeded parameters that a run begins with, unless it is a fork or its model came with weights. */
  storeInitial({ model, seed }: RunManifest): Promise<Sha256> {
    return this.#blobs.put(parametersToBytes(initialParameters(parameterLayout(model).tensors, seed)));
  }

  /** A run keeps it: it may be downloaded. */
  isKept(sha256: Sha256): boolean {
    for (const { state } of this.#ledgers())
      if (state.best?.sha256 === sha256 || state.checkpoints.some((kept) => kept.sha256 === sha256))
        return true;
    return false;
  }

  /** The bytes are on disk, undamaged. */
  async isWhole(sha256: Sha256): Promise<boolean> {
    return (await this.#blobs.read(sha256)) !== null;
  }

  /** null: the file is gone or damaged. */
  async parameters(sha256: Sha256, parameterCount: number): Promise<Float32Array | null> {
    const bytes = await this.#blobs.read(sha256);
    return bytes === null ? null : parametersFromBytes(bytes, parameterCount);
  }

  /** Removes those of `stored` that no run keeps, awaits or began with, from the disk and from the set. */
  async prune(stored: Set<Sha256>): Promise<void> {
    for (const sha256 of [...stored]) {
      const isPending = [...this.#ledgers()].some(
        ({ state }) => state.duty?.checkpointSha256 === sha256 || state.setup.initialCheckpoint === sha256,
      );
      if (isPending || this.isKept(sha256) || this.#isImported(sha256)) continue;
      stored.delete(sha256);
      await this.#blobs.remove(sha256);
    }
  }
}
