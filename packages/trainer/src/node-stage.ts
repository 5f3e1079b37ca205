/**
 * What a node's own rounds ask of a tab's trainer, in a run with tiers (SPEC N): the counterpart of stage.ts for commands that
 * say `tier: 'inside'`. It decides nothing.
 */
import type { NodeReplica } from '@murmuration/codec';
import { firstOf, type Tiers } from '@murmuration/protocol';
import type { TrainerCommand } from '@murmuration/swarm';
import { TrainerError } from './device.ts';
import type { Optimiser } from './optimiser.ts';
import type { Answer } from './stage.ts';

export class NodeStage {
  readonly #node: NodeReplica;
  readonly #tiers: Tiers;
  readonly #optimiser: Optimiser;
  #round = 0;

  constructor(node: NodeReplica, tiers: Tiers, optimiser: Optimiser) {
    this.#node = node;
    this.#tiers = tiers;
    this.#optimiser = optimiser;
  }

  async carryOut(command: TrainerCommand): Promise<Answer> {
    const node = this.#node;
    switch (command.kind) {
      case 'load-state': {
        const moments = node.loadInside(command.chunks.map(({ bytes }) => bytes));
        if (moments === null) throw new TrainerError('error', 'state: these chunks are no state of a node');
        if (moments !== 'none') this.#optimiser.load(moments.secondMoment, moments.stepCount);
        this.#round = command.round;
        return { kind: 'state-loaded', round: command.round, anchor: node.insideFingerprint };
      }
      case 'form-update': {
        const encoded = node.inside.formUpdate(undefined, command.scheme);
        return { kind: 'update-formed', round: command.round, encoded, slice: new Uint8Array(0) };
      }
      case 'commit':
        node.inside.commit(command.updates, command.own);
        this.#round = command.next ?? command.round + 1;
        return { kind: 'committed', round: this.#round, anchor: node.insideFingerprint };
      case 'capture':
        return this.capture();
      default:
        throw new TrainerError('error', `${command.kind}: is nothing that a node does`);
    }
  }

  /** A round of nodes was applied, and another of them begins. @returns where that leaves the node of this name, if any */
  moved(between: number, name: string | undefined): { readonly inside?: string } {
    this.#round = firstOf(this.#tiers, between);
    return name === undefined ? {} : { inside: this.#node.insideFingerprint };
  }

  /** What the node is at this moment. */
  async capture(): Promise<Answer> {
    const [round, { stepCount }] = [this.#round, this.#optimiser];
    const { insideFingerprint: anchor } = this.#node;
    const chunksWith = this.#node.captureInside();
    const secondMoment = await this.#optimiser.secondMoment();
    return { kind: 'captured', round, anchor, chunks: chunksWith({ secondMoment, stepCount }) };
  }
}
