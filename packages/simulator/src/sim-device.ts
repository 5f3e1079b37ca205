/**
 * A tab's device: trainer commands run one after another, each for its imaginary time. A training command can be cut
 * short at its next step, and the device can be lost under any command and come back.
 */
import type { Adapter } from '@murmuration/protocol';
import type { TrainerCommand, TrainerEvent } from '@murmuration/swarm';
import type { SimTrainer } from './sim-trainer.ts';
import type { World } from './world.ts';

interface Running {
  readonly ticket: number;
  readonly command: TrainerCommand;
  readonly startMs: number;
}

export const ADAPTER: Adapter = {
  backend: 'cpu',
  vendor: 'simulator',
  architecture: 'toy',
  description: '',
  isFallbackAdapter: true,
};

/** The trainer builds its model again on the new device. */
const BACK_AFTER_MS = 3_000;

export class SimDevice {
  readonly #world: World;
  readonly #trainer: SimTrainer;
  readonly #answer: (event: TrainerEvent) => void;
  readonly #waiting: { readonly ticket: number; readonly command: TrainerCommand }[] = [];
  #running: Running | null = null;
  /** The command that was lost with the device, which is not back yet. */
  #lost: Running | null = null;

  /** Trained, and in no commit that this tab has applied; of these, since its update was formed. */
  #uncounted = { samples: 0, sinceFormed: 0 };

  /** @param answer whoever hears the events decides whether the tab still lives */
  constructor(world: World, trainer: SimTrainer, answer: (event: TrainerEvent) => void) {
    this.#world = world;
    this.#trainer = trainer;
    this.#answer = answer;
  }

  get uncountedSamples(): number {
    return this.#uncounted.samples;
  }

  push(ticket: number, command: TrainerCommand): void {
    this.#waiting.push({ ticket, command });
    this.#runNext();
  }

  /** A training command under way ends after the step it is in. */
  interrupt(): void {
    const running = this.#running;
    if (running?.command.kind !== 'train') return;
    const { batches } = running.command;
    const stepMs = this.#trainer.durationMs(running.command) / batches.length;
    const stepCount = Math.max(1, Math.ceil((this.#world.nowMs - running.startMs) / stepMs));
    if (stepCount >= batches.length) return;
    this.#run(
      { ...running, command: { ...running.command, batches: batches.slice(0, stepCount) } },
      running.startMs + stepCount * stepMs,
    );
  }

  /** False: nothing runs that could fail. */
  lose(): boolean {
    const lost = this.#running;
    if (lost === null) return false;
    this.#running = null;
    this.#lost = lost;
    this.#world.after(BACK_AFTER_MS, () => {
      this.#lost = null;
      this.#answer({
        kind: 'trainer-failed',
        ticket: lost.ticket,
        failure: 'device-lost',
        detail: 'simulated',
      });
      this.#runNext();
    });
    return true;
  }

  #runNext(): void {
    if (this.#running !== null || this.#lost !== null) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    const startMs = this.#world.nowMs;
    this.#run({ ...next, startMs }, startMs + this.#trainer.durationMs(next.command));
  }

  #run(running: Running, endMs: number): void {
    this.#running = running;
    this.#world.at(endMs, () => {
      // An interrupted or lost command has been replaced by what has its own appointment.
      if (this.#running !== running) return;
      this.#running = null;
      const event = this.#trainer.execute(running.ticket, running.command);
      this.#count(event, running.command);
      this.#runNext();
      this.#answer(event);
    });
  }

  #count(event: TrainerEvent, command: TrainerCommand): void {
    const { samples, sinceFormed } = this.#uncounted;
    if (event.kind === 'trained')
      this.#uncounted = {
        samples: samples + event.sampleCount,
        sinceFormed: sinceFormed + event.sampleCount,
      };
    else if (event.kind === 'update-formed') this.#uncounted = { samples, sinceFormed: 0 };
    else if (event.kind === 'committed' && command.kind === 'commit' && command.own === 'counted')
      this.#uncounted = { samples: sinceFormed, sinceFormed };
    else if (event.kind === 'state-loaded') this.#uncounted = { samples: 0, sinceFormed: 0 };
  }
}
