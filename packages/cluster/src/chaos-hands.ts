/**
 * Carries out the faults of a plan on real tabs and a real coordinator, and writes down what became of each. A fault
 * that cannot be done here and now (its seat is empty, its process was not found) is skipped and says so; nothing is
 * called done that was not.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Hostility } from '../page/hostility.ts';
import { pretendHidden } from '../page/saboteur.ts';
import { faultText, isOfCoordinator, type Fault } from './chaos.ts';
import type { CoordinatorProcess } from './coordinator-process.ts';
import type { Seats } from './seats.ts';
import type { Tab } from './tabs.ts';

const run = promisify(execFile);

export interface DoneFault extends Fault {
  /** 'done', or why it was not. */
  readonly outcome: string;
}

const BYTES_PER_MS_PER_MBIT = 125;
const CLOG = { delayMs: 50, lossShare: 0.01 };
/** Between two tries to open a page in a seat. */
const RETAKE_MS = 1_000;
/** A fault must not hold up the end of a run. */
const STEP_MAX_MS = 20_000;

export class ChaosHands {
  readonly #seats: Seats;
  readonly #coordinator: CoordinatorProcess;
  readonly #say: (line: string) => void;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #running = new Set<Promise<void>>();
  /** Ends waits when the run is over: what was frozen thaws, who was killed stays away. */
  readonly #over = new AbortController();
  #coordinatorIsBusy = false;
  readonly done: DoneFault[] = [];

  constructor(parts: { seats: Seats; coordinator: CoordinatorProcess; say: (line: string) => void }) {
    this.#seats = parts.seats;
    this.#coordinator = parts.coordinator;
    this.#say = parts.say;
  }

  /** The run's clock shows `elapsedMs`: from now on, faults strike when they are due. */
  start(plan: readonly Fault[], elapsedMs: number): void {
    for (const fault of plan) {
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          const work = this.#strike(fault).finally(() => this.#running.delete(work));
          this.#running.add(work);
        },
        Math.max(0, fault.atMs - elapsedMs),
      );
      this.#timers.add(timer);
    }
  }

  /** No new faults; those under way end now. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#over.abort();
    await Promise.all(this.#running);
    if (!this.#coordinator.isRunning) await this.#coordinator.start();
  }

  async #strike(fault: Fault): Promise<void> {
    this.#say(`chaos        ${faultText(fault)}`);
    let outcome: string;
    try {
      outcome = isOfCoordinator(fault.kind)
        ? await this.#onCoordinator(fault)
        : ((await this.#seats.hold(fault.seat, (tab) => this.#onTab(fault, tab))) ??
          'skipped: the seat is empty or has another fault');
    } catch (error) {
      outcome = `failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
    }
    if (outcome !== 'done') this.#say(`chaos        ${faultText(fault)}: ${outcome}`);
    this.done.push({ ...fault, outcome });
  }

  async #onTab(fault: Fault, tab: Tab): Promise<string> {
    const { kind, seat, durationMs, strength } = fault;
    switch (kind) {
      case 'kill':
      case 'close':
        this.#seats.leave(seat);
        await (kind === 'kill' ? tab.kill() : tab.close());
        await this.#pass(durationMs);
        await this.#retake(seat);
        return 'done';
      case 'freeze':
        if (!(await within(tab.freeze()))) return "skipped: the tab's process was not found";
        await this.#pass(durationMs);
        tab.thaw();
        return 'done';
      case 'hide':
        await within(tab.page.evaluate(pretendHidden, true));
        await this.#pass(durationMs);
        await within(tab.page.evaluate(pretendHidden, false));
        return 'done';
      case 'slow':
        return this.#sabotage(tab, durationMs, ['slow', strength], ['slow', 1]);
      case 'clog':
        return this.#sabotage(
          tab,
          durationMs,
          ['clog', { bytesPerMs: strength * BYTES_PER_MS_PER_MBIT, ...CLOG }],
          ['clog', null],
        );
      case 'cut':
        return this.#sabotage(tab, durationMs, ['cut', strength], ['cut', 0]);
      case 'cut-pair':
        return (
          (await this.#seats.hold(strength, (other) => this.#cutPair([tab, other], durationMs))) ??
          `skipped: the seat of tab ${strength} is empty or has another fault`
        );
      case 'sign-flip':
      case 'nan':
      case 'garbage':
        return this.#betray(tab, fault, kind);
      case 'lose-device': {
        const count = await within(tab.sabotage('loseDevice', null));
        return count === null || count === 0 ? 'skipped: the tab had no device' : 'done';
      }
      default:
        throw new Error(`${kind} is no fault of a tab`);
    }
  }

  /** The coordinator may be away: the page is asked for again until it comes. */
  async #retake(seat: number): Promise<void> {
    while (!this.#over.signal.aborted)
      try {
        await this.#seats.take(seat);
        return;
      } catch {
        await this.#pass(RETAKE_MS);
      }
  }

  async #sabotage(
    tab: Tab,
    durationMs: number,
    begin: Parameters<Tab['sabotage']>,
    end: Parameters<Tab['sabotage']>,
  ): Promise<string> {
    const answer = await within(tab.sabotage(...begin));
    if (answer === null) return 'skipped: the tab has no worker';
    if (begin[0] === 'cut' && answer === 0) return 'skipped: the tab had no open channel';
    await this.#pass(durationMs);
    await within(tab.sabotage(...end));
    return 'done';
  }

  /** Both ends hold back, so that neither hears of the other whoever speaks. */
  async #cutPair(pair: readonly [Tab, Tab], durationMs: number): Promise<string> {
    const [first, second] = await Promise.all(pair.map((tab) => within(tab.sabotage('ownId', null))));
    if (first == null || second == null) return 'skipped: a tab of the pair is not known to its peers yet';
    const counts = [
      await within(pair[0].sabotage('cutPeer', second)),
      await within(pair[1].sabotage('cutPeer', first)),
    ];
    if (counts.some((count) => count === null || count === 0)) {
      for (const tab of pair) await within(tab.sabotage('cutPeer', null));
      return 'skipped: the pair had no open channel';
    }
    await this.#pass(durationMs);
    for (const tab of pair) await within(tab.sabotage('cutPeer', null));
    return 'done';
  }

  /** A tab that was hostile is no volunteer any more: somebody else takes its seat. */
  async #betray(tab: Tab, { seat, durationMs }: Fault, hostility: Hostility): Promise<string> {
    const before = await within(tab.sabotage('hostile', hostility));
    if (before === null) return 'skipped: the tab has no worker';
    await this.#pass(durationMs);
    const after = (await within(tab.sabotage('hostile', null))) ?? before;
    this.#seats.leave(seat);
    await tab.close();
    await this.#retake(seat);
    return after > before ? 'done' : 'skipped: the tab sent nothing meanwhile';
  }

  async #onCoordinator({ kind, durationMs }: Fault): Promise<string> {
    if (this.#coordinatorIsBusy) return 'skipped: the coordinator has another fault';
    this.#coordinatorIsBusy = true;
    const coordinator = this.#coordinator;
    try {
      switch (kind) {
        case 'coordinator-kill':
          await coordinator.kill();
          await this.#pass(durationMs);
          await coordinator.start();
          return 'done';
        case 'coordinator-freeze':
          coordinator.freeze();
          await this.#pass(durationMs);
          coordinator.thaw();
          return 'done';
        case 'disk-full': {
          const { pid } = coordinator;
          if (pid === null || process.platform !== 'linux') return 'skipped: needs prlimit (Linux)';
          await run('prlimit', ['--pid', String(pid), '--fsize=0:']);
          await this.#pass(durationMs);
          // It ends at a record that it cannot keep, as it should; then it is started as a supervisor would.
          if (coordinator.isRunning) await run('prlimit', ['--pid', String(pid), '--fsize=unlimited:']);
          else await coordinator.start();
          return 'done';
        }
        default:
          throw new Error(`${kind} is no fault of the coordinator`);
      }
    } finally {
      this.#coordinatorIsBusy = false;
    }
  }

  /** So long, or until the run is over. */
  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#over;
      if (signal.aborted) return resolve();
      const timer = setTimeout(resolve, ms);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** A tab that does not answer is not waited for. */
function within<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${STEP_MAX_MS / 1_000} s`)), STEP_MAX_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
