/**
 * Planted bugs: a test of the tests. Each is one small mistake that somebody could make, written as the exact string in
 * one file and what stands in its place. Production code knows nothing of them: bin/plant-hooks.mjs changes the source on
 * its way into a process of its own, and refuses if the string is not there exactly once.
 *
 * Whoever changes a planted line changes its plant with it; plants.test.ts says which.
 */
export interface Plant {
  /** What went wrong, as a commit message would admit it. */
  readonly bug: string;
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

export const PLANTS: readonly Plant[] = [
  // Leases
  {
    bug: 'a result of an old generation counts',
    file: 'coordinator/src/leases.ts',
    find: 'result.generation === 0 || result.generation !== shard.generation || ',
    replace: 'result.generation === 0 || ',
  },
  {
    bug: 'a shard is counted as often as its result is repeated',
    file: 'coordinator/src/leases.ts',
    find: "return shard.countedGeneration === shard.generation ? 'duplicate' : 'counted';",
    replace: "return 'counted';",
  },
  {
    bug: 'a lease keeps the generation of the one before',
    file: 'coordinator/src/leases.ts',
    find: 'desk.state.shards[shardIndex]!.generation + 1;',
    replace: 'Math.max(1, desk.state.shards[shardIndex]!.generation);',
  },
  {
    bug: 'one lease too many for a volunteer',
    file: 'coordinator/src/leases.ts',
    find: 'if (heldCount >= LEASES_PER_VOLUNTEER_MAX) return false;',
    replace: 'if (heldCount > LEASES_PER_VOLUNTEER_MAX) return false;',
  },
  {
    bug: 'a shard is lent while it is out',
    file: 'coordinator/src/lease-index.ts',
    find: "case 'leased':\n        this.#pop();\n",
    replace: "case 'leased':\n",
  },
  {
    bug: 'a lease that passed its deadline is never lent again',
    file: 'coordinator/src/leases.ts',
    find: 'if (shard.live && desk.nowMs >= shard.deadlineMs)',
    replace: 'if (shard.live && desk.nowMs < 0)',
  },
  {
    bug: 'the leases of a volunteer that left are not lent again',
    file: 'coordinator/src/ledger.ts',
    find: '    releaseLeases(desk, volunteerId);\n',
    replace: '',
  },
  {
    bug: 'a lease is released without a record',
    file: 'coordinator/src/leases.ts',
    find: "desk.write({ kind: 'released', shardIndex, why: 'left' });",
    replace: 'desk.state.shards[shardIndex]!.live = false;',
  },
  {
    bug: 'the deadline of a lease forgets how long it lasts',
    file: 'coordinator/src/leases.ts',
    find: 'const deadlineMs = desk.nowMs + leaseTtlMs(desk.state, shardIndex, presence);',
    replace: 'const deadlineMs = desk.nowMs;',
  },
  {
    bug: 'an epoch turns too early: what is ahead counts for it',
    file: 'coordinator/src/ledger-state.ts',
    find: 'if (shard.timesCounted === state.epoch + 1) state.shardsCounted++;',
    replace: 'state.shardsCounted++;',
  },
  {
    bug: 'the last batch of a shard is never its last',
    file: 'packages/swarm/src/lease-book.ts',
    find: 'lease.nextBatch = batch.batchIndex + 1;',
    replace: 'lease.nextBatch = batch.batchIndex;',
  },
  {
    bug: 'an unanswered result is said again at once, and again',
    file: 'packages/swarm/src/lease-book.ts',
    find: '      if (nowMs - entry.sentMs < RESULT_RETRY_MS) continue;\n',
    replace: '',
  },
  // Terms, duties, presence
  {
    bug: 'a new term has the number of the old one',
    file: 'coordinator/src/founding.ts',
    find: 'const term = desk.state.term + 1;',
    replace: 'const term = Math.max(1, desk.state.term);',
  },
  {
    bug: 'a thawed replica of long ago counts as one of today',
    file: 'coordinator/src/attendance.ts',
    find: ' && head.round >= this.#roundMin;',
    replace: ';',
  },
  {
    bug: 'an evaluation waits for its volunteer for ever',
    file: 'coordinator/src/evaluation.ts',
    find: 'if (duty === null || desk.nowMs < duty.deadlineMs) return;',
    replace: 'if (duty === null || desk.nowMs > 0) return;',
  },
  {
    bug: 'a silent volunteer is never given up',
    file: 'coordinator/src/ledger.ts',
    find: 'if (desk.nowMs >= presence.heardAtMs + LIMITS.volunteerSilenceMaxMs) {',
    replace: 'if (desk.nowMs >= presence.heardAtMs + 1_000 * LIMITS.volunteerSilenceMaxMs) {',
  },
  {
    bug: "the ledger's clock goes back with the computer's",
    file: 'coordinator/src/ledger-desk.ts',
    find: 'this.nowMs = Math.max(nowMs, this.state.lastAtMs, this.nowMs);',
    replace: 'this.nowMs = nowMs;',
  },
  {
    bug: 'a report that is due is due for ever',
    file: 'packages/swarm/src/coordinator-link.ts',
    find: '    this.#reportedMs = nowMs;\n',
    replace: '',
  },
  // Numbers
  {
    bug: 'no update is clipped',
    file: 'packages/codec/src/averaging.ts',
    find: 'clip: norms[i]! > clipNorm * usual[i]! ? (clipNorm * usual[i]!) / norms[i]! : 1,',
    replace: 'clip: 1,',
  },
  {
    bug: 'every update weighs the same',
    file: 'packages/codec/src/averaging.ts',
    find: 'counting.has(i) ? Math.min(update.sampleCount, weightMax) : 0',
    replace: 'counting.has(i) && update.sampleCount > 0 ? weightMax : 0',
  },
  {
    bug: 'the sum is divided by all peers instead of the senders',
    file: 'packages/codec/src/averaging.ts',
    find: 'const total = weights.reduce((a, b) => a + b, 0);',
    replace: 'const total = weights.reduce((a, b) => a + b, 0) + weightMax / WEIGHT_RATIO_MAX;',
  },
  {
    bug: 'what was sent leaves the residual although nobody counted it',
    file: 'packages/codec/src/replica.ts',
    find: "if (own === 'counted') addDecoded(open.encoded, -1, this.#residual);",
    replace: 'addDecoded(open.encoded, -1, this.#residual);',
  },
  {
    bug: 'what rounding lost is forgotten',
    file: 'packages/codec/src/replica.ts',
    find: 'this.#residual.set(open.correction);',
    replace:
      "if (own === 'counted') return void this.#residual.fill(0);\n    this.#residual.set(open.correction);",
  },
  {
    bug: 'a replica that loads a state keeps its old residual',
    file: 'packages/codec/src/replica.ts',
    find: '    this.#residual.fill(0);\n',
    replace: '',
  },
  {
    bug: 'a member believes that its update counts whenever it has one',
    file: 'packages/swarm/src/group-round.ts',
    find: "const own = updates.some((update) => update === this.ownUpdate) ? 'counted' : 'uncounted';",
    replace: "const own = this.ownUpdate !== undefined ? 'counted' : 'uncounted';",
  },
  {
    bug: 'an update that was counted, and is sent again, is counted again',
    file: 'packages/swarm/src/server-buffer.ts',
    find: "    if (this.#counted.has(keyOf(frame))) return 'counted';\n",
    replace: '',
  },
  {
    bug: 'an update that a version does not count is given up, although the next may count it',
    file: 'packages/swarm/src/served-round.ts',
    find: "return this.#isAsynchronous ? 'pending' : 'uncounted';",
    replace: "return 'uncounted';",
  },
  // Peers and rounds
  {
    bug: "a codec's scale is not checked for NaN",
    file: 'packages/codec/src/block-codes.ts',
    find: "return 'update-bad-scale';",
    replace: 'continue;',
  },
  {
    bug: 'strikes cost nothing',
    file: 'packages/swarm/src/conduct.ts',
    find: 'return peer.strikes >= STRIKES_MAX;',
    replace: 'return false;',
  },
  {
    bug: 'unfinished frames of a peer are kept without a limit',
    file: 'packages/protocol/src/fragments.ts',
    find: "      if (this.#transfers.size >= LIMITS.peerTransfersMax) return { rejected: 'too-many-transfers' };\n",
    replace: '',
  },
  {
    bug: 'a command that was answered stays under way',
    file: 'packages/swarm/src/outbox.ts',
    find: '    this.#tickets.delete(ticket);\n',
    replace: '',
  },
  {
    bug: 'nobody takes over from a silent leader',
    file: 'packages/swarm/src/round-clock.ts',
    find: 'const turnMs = 2 * this.#graceMs + TAKE_OVER_MS * 2 ** Math.min(attempts, DOUBLINGS_MAX);',
    replace: 'const turnMs = 1e12;',
  },
];
