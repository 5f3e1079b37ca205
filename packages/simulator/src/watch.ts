/**
 * The eyes on a run: what tabs and coordinator do is handed to the checkers, the list of situations and the story. It
 * only looks; nothing that it does can change the run.
 */
import type { Head, VolunteerId } from '@murmuration/protocol';
import { ReplicaChecks, Violations } from './checkers.ts';
import { LedgerChecks } from './ledger-checks.ts';
import { LimitChecks } from './limit-checks.ts';
import type { CoordinatorWatch } from './sim-coordinator.ts';
import type { SimServer } from './sim-server.ts';
import type { SimTab, TabWatch } from './sim-tab.ts';
import { Sometimes, type Situation } from './sometimes.ts';
import { Story } from './story.ts';
import type { RunSetup } from '@murmuration/coordinator/ledger';
import { runTagOf } from '@murmuration/swarm';
import type { World } from './world.ts';

/** A leader that dies this soon after its commit may have sent it to some and not to others. */
const JUST_LED_MS = 1_000;
/** Commits of so many rounds are remembered to find two of one round. */
const ROUNDS_KEPT = 64;

const RESYNCS: Readonly<Record<string, Situation>> = {
  'resync: other-anchor': 'resyncOtherAnchor',
  'resync: behind': 'resyncBehind',
  'resync: old-term': 'resyncOldTerm',
};

interface Seen {
  readonly openPeers: Set<VolunteerId>;
  askedForState: VolunteerId | null;
  commitAtMs: number;
  /** Counts of the mind that were looked at. */
  resyncs: number;
}

export class Watch {
  readonly violations = new Violations();
  readonly sometimes = new Sometimes();
  readonly story = new Story();
  readonly replicas: ReplicaChecks;
  readonly ledger: LedgerChecks;
  readonly limits: LimitChecks;
  readonly tab: TabWatch;
  readonly coordinator: CoordinatorWatch;
  readonly #world: World;
  readonly #seen = new WeakMap<SimTab, Seen>();
  readonly #leaders = new Map<string, VolunteerId>();
  #isCoordinatorUp = true;
  readonly #moved: (head: Head) => void;

  constructor(world: World, setup: RunSetup, options: { mayFork: boolean; moved: (head: Head) => void }) {
    const runTag = runTagOf(setup.manifest.id);
    this.#world = world;
    this.#moved = options.moved;
    const { violations, sometimes, story } = this;
    this.replicas = new ReplicaChecks(violations, {
      mayFork: options.mayFork,
      onFork: (tab, head, distance) => {
        sometimes.hit('fork');
        const where = `round ${head.term}.${head.round}`;
        story.tell(
          world.nowMs,
          `${where} ends on two anchors, ${distance.toExponential(1)} apart (${tab.id})`,
        );
      },
    });
    this.ledger = new LedgerChecks(setup, violations, sometimes);
    this.limits = new LimitChecks(violations);
    this.tab = {
      handled: (tab, event, effectCount) => {
        if (event.kind === 'tick') this.limits.woken(tab, effectCount > 0, world.nowMs);
        const seen = this.#of(tab);
        if (event.kind === 'peer-open') seen.openPeers.add(event.peer);
        else if (event.kind === 'peer-closed') this.#peerClosed(tab, seen, event.peer, event.reason);
        else if (event.kind === 'state-loaded') seen.askedForState = null;
        if (this.replicas.afterEvent(tab, world.nowMs)) {
          const head = tab.mind.head!;
          world.trace(tab.number, head.round, Number.parseInt(head.fingerprint.slice(0, 8), 16));
          options.moved(head);
        }
        this.#noteResyncs(tab, seen);
      },
      said: (tab, message) => {
        this.limits.said(tab, message, world.nowMs);
        if (message.type === 'hello' && message.resume !== undefined) sometimes.hit('socketResumed');
        if (message.type === 'stranded') sometimes.hit('stranded');
      },
      heard: (tab, message) => {
        this.ledger.heard(message, world.nowMs);
        if (message.type === 'found')
          story.tell(
            world.nowMs,
            `${nameOf(tab)} is to found term ${message.term} from round ${message.round}`,
          );
      },
      sent: (tab, { peer, frame }) => {
        if (frame.kind === 'pull') sometimes.hit('updatePulled');
        else if (frame.kind === 'state-request') this.#of(tab).askedForState = peer;
        // A commit may also be passed on by those who were asked for it.
        // And a node's own rounds have numbers of their own (SPEC N).
        else if (frame.kind === 'commit' && frame.leader === tab.id && frame.runTag === runTag)
          this.#commit(tab, frame);
      },
    };
    this.coordinator = {
      recorded: (records) => this.ledger.recorded(records, world.nowMs),
      died: (why, live, decided) => {
        this.#isCoordinatorUp = false;
        if (why === 'store-error') sometimes.hit('storeError');
        if (why === 'killed before a write') sometimes.hit('killedBeforeWrite');
        if (why.startsWith('killed between')) sometimes.hit('killedAfterWrite');
        story.tell(world.nowMs, `the coordinator dies: ${why}`);
        this.ledger.died(live, decided, world.nowMs);
      },
      restarted: (folded, { durable, summed }) => {
        this.#isCoordinatorUp = true;
        sometimes.hit('coordinatorBack');
        if (summed > 0) sometimes.hit('snapshotRead');
        story.tell(world.nowMs, 'the coordinator is back');
        this.ledger.restarted(folded, durable, world.nowMs);
      },
    };
  }

  /** The averaging server did something. */
  server({ holder }: SimServer): void {
    if (this.replicas.afterEvent(holder, this.#world.nowMs)) this.#moved(holder.mind.head!);
  }

  /** A tab is gone for good. */
  gone(tab: SimTab): void {
    const seen = this.#seen.get(tab);
    if (seen !== undefined && this.#world.nowMs - seen.commitAtMs < JUST_LED_MS)
      this.sometimes.hit('leaderDied');
    this.#seen.delete(tab);
    this.replicas.forget(tab);
    this.limits.forget(tab);
  }

  #of(tab: SimTab): Seen {
    let seen = this.#seen.get(tab);
    if (seen === undefined) {
      seen = { openPeers: new Set(), askedForState: null, commitAtMs: -Infinity, resyncs: 0 };
      this.#seen.set(tab, seen);
    }
    return seen;
  }

  #peerClosed(tab: SimTab, seen: Seen, peer: VolunteerId, reason: string): void {
    const hadPeers = seen.openPeers.delete(peer);
    if (hadPeers && seen.openPeers.size === 0 && tab.mind.head !== null) this.sometimes.hit('lonelyTab');
    if (reason === 'silent') this.sometimes.hit('linkSilent');
    if (seen.askedForState !== peer) return;
    seen.askedForState = null;
    if (tab.mind.head === null) this.sometimes.hit('donorLost');
  }

  #noteResyncs(tab: SimTab, seen: Seen): void {
    // `counts` only grows; its sum tells cheaply whether there is anything to look at.
    let total = 0;
    for (const what in RESYNCS) total += tab.mind.counts.get(what) ?? 0;
    if (total === seen.resyncs) return;
    seen.resyncs = total;
    this.story.tell(this.#world.nowMs, `${nameOf(tab)} fetches the state again`);
  }

  /** Situations that only the minds' own counts tell. */
  countsOf(counts: Readonly<Record<string, number>>): void {
    for (const [what, situation] of Object.entries(RESYNCS)) this.sometimes.hit(situation, counts[what] ?? 0);
    this.sometimes.hit('checkpointRefused', counts['checkpoint-failed'] ?? 0);
  }

  #commit(
    tab: SimTab,
    frame: {
      readonly term: number;
      readonly round: number;
      readonly included: readonly unknown[];
      readonly members: readonly unknown[];
      readonly stretch?: number;
    },
  ): void {
    const seen = this.#of(tab);
    const key = `${frame.term}.${frame.round}`;
    const leader = this.#leaders.get(key);
    seen.commitAtMs = this.#world.nowMs;
    if (leader === tab.id) return;
    if (leader !== undefined) {
      this.sometimes.hit('twoLeaders');
      this.story.tell(this.#world.nowMs, `${nameOf(tab)} closes round ${key} too`);
      return;
    }
    this.#leaders.set(key, tab.id);
    if (this.#leaders.size > ROUNDS_KEPT) this.#leaders.delete(this.#leaders.keys().next().value!);
    if (frame.included.length < frame.members.length) this.sometimes.hit('closedWithout');
    if (frame.included.length === 1 && frame.members.length > 1) this.sometimes.hit('roundOfOne');
    if (!this.#isCoordinatorUp) this.sometimes.hit('resultWhileDown');
    if (frame.stretch !== undefined && frame.stretch > 1) this.sometimes.hit('roundLonger');
  }
}

const nameOf = (tab: SimTab) => `tab ${tab.number}`;
