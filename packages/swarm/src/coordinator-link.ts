/**
 * The volunteer's side of its WebSocket: when to connect again, who we are, when to report. Pure. Being cut off is
 * normal: the volunteer goes on training with the peers it knows, and says everything again that was not acknowledged.
 */
import {
  LIMITS,
  PROTOCOL_VERSION,
  type Adapter,
  type Head,
  type LinkPolicy,
  type VolunteerMessage,
} from '@murmuration/protocol';

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 10_000;
/** A report a round, but not more often than this until the coordinator says how often it wants one. */
const REPORT_FIRST_MS = 1_000;

export interface Identity {
  readonly volunteerId: string;
  readonly secret: string;
}

export class CoordinatorLink {
  #state: 'down' | 'opening' | 'greeting' | 'up' = 'down';
  #identity: Identity | null = null;
  #failures = 0;
  #retryAtMs = 0;
  #reportedMs = -Infinity;
  #reportEveryMs = REPORT_FIRST_MS;

  get up(): boolean {
    return this.#state === 'up';
  }
  get identity(): Identity | null {
    return this.#identity;
  }
  /** When the next attempt is due; null while connected or under way. */
  get retryAtMs(): number | null {
    return this.#state === 'down' ? this.#retryAtMs : null;
  }

  /** Whether to open a socket now. */
  shouldConnect(nowMs: number): boolean {
    if (this.#state !== 'down' || nowMs < this.#retryAtMs) return false;
    this.#state = 'opening';
    return true;
  }

  /** First message of a new socket. */
  greet(
    self: { readonly adapter: Adapter; readonly links: LinkPolicy; readonly node?: string },
    standing: { runId: string; head: Head } | null,
  ): VolunteerMessage {
    this.#state = 'greeting';
    return {
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      adapter: self.adapter,
      links: self.links,
      ...(self.node === undefined ? {} : { node: self.node }),
      ...(this.#identity === null ? {} : { resume: this.#identity }),
      ...(standing === null ? {} : { head: standing }),
    };
  }

  welcomed(identity: Identity): void {
    this.#state = 'up';
    this.#failures = 0;
    this.#identity = identity;
    this.#reportedMs = -Infinity;
  }

  /** The socket closed, or never opened. Exponential backoff with jitter, so that a crowd does not return at once. */
  closed(nowMs: number, random: () => number): void {
    const delayMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#failures);
    this.#state = 'down';
    this.#failures += 1;
    this.#retryAtMs = nowMs + delayMs * (0.5 + random() / 2);
  }

  /** The next report waits for nothing. */
  hurry(): void {
    this.#reportedMs = -Infinity;
  }

  /** Whether a report is due: `urgent` after a round or a change of state, else as heartbeat. */
  reportDue(urgent: boolean, nowMs: number): boolean {
    // By the same sum as the deadline: a difference may round to less.
    if (this.#state !== 'up' || nowMs < this.nextReportMs(urgent)) return false;
    this.#reportedMs = nowMs;
    return true;
  }

  /** When the next report is due at the latest. */
  nextReportMs(urgent: boolean): number {
    if (this.#state !== 'up') return Infinity;
    return this.#reportedMs + this.#waitMs(urgent);
  }

  /** [C3] The coordinator says how far apart our reports are to be at the least. */
  pace(reportEveryMs: number): void {
    this.#reportEveryMs = reportEveryMs;
  }

  #waitMs(urgent: boolean): number {
    return urgent ? this.#reportEveryMs : Math.max(this.#reportEveryMs, LIMITS.heartbeatMs);
  }
}
