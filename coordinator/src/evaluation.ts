/**
 * Evaluation: every so many rounds one volunteer that holds the replica measures it on the validation samples and
 * stores its parameters, which makes a checkpoint. The duty goes round, has a generation and a deadline, and goes to
 * somebody else when its volunteer fails. The last evaluation ends a run that is finishing. [K3] When the last holders of
 * the replica are about to leave, one of them is asked whatever the round.
 */
import type { Training, VolunteerId, VolunteerMessageOf } from '@murmuration/protocol';
import { verdictOn } from './checkpoint-gate.ts';
import type { Desk, Rejection } from './ledger-desk.ts';
import { latestCheckpoint } from './ledger-state.ts';

/** For the first; twice as long after each that came too late, up to eight times: devices may be slow for the held-out data. */
export const EVALUATION_MAX_MS = 60_000;
const PATIENCE_MAX = 8;
/** The last evaluation may be asked again and again for this long (times the patience), then the run ends with what it has. */
export const FINISHING_MAX_MS = 180_000;
const BAD_EVALUATIONS_MAX = 3;
/** Who missed an evaluation is asked again after the others had so many turns. */
const FAILED_DUTY_BURDEN = 10;

/** Only the volunteer that was asked to evaluate may store a checkpoint. */
export const hasDuty = (desk: Desk, volunteerId: VolunteerId): boolean =>
  desk.state.duty?.volunteerId === volunteerId && desk.attendance.present.has(volunteerId);

export function expireDuty(desk: Desk): void {
  const { duty } = desk.state;
  if (duty === null || desk.nowMs < duty.deadlineMs) return;
  const presence = desk.attendance.present.get(duty.volunteerId);
  if (presence !== undefined) presence.dutyBurden += FAILED_DUTY_BURDEN;
  desk.write({ kind: 'evaluation-dropped', why: 'it took longer than its deadline', isLate: true });
}

const patience = (desk: Desk): number => Math.min(PATIENCE_MAX, 2 ** desk.state.lateEvaluations);

/**
 * [K4] An averaging server stands as far ahead of the last evaluation as one is worth. It says at once where it stands, tabs once
 * a second: a run that was quicker than their reports ended with the model that it began with (simulator, central.test.ts).
 */
function isServerAhead({ server, state }: Desk): boolean {
  const { evaluatedRound, setup, term } = state;
  const { evaluateEveryRounds } = setup.manifest.training;
  return server?.holds(term, evaluatedRound === 0 ? 1 : evaluatedRound + evaluateEveryRounds) === true;
}

/** Asks somebody if an evaluation is due; ends a run that has finished. */
export function settleEvaluation(
  desk: Desk,
  { finishingSinceMs, mayReturn }: { finishingSinceMs: number; mayReturn: boolean },
): void {
  const { duty, state, evaluatedRound, setup, reason } = desk.state;
  const { attendance } = desk;
  if (duty !== null) {
    const presence = attendance.present.get(duty.volunteerId);
    const mayAnswer = presence !== undefined && attendance.isHolder(presence);
    if (mayAnswer || attendance.awaited.has(duty.volunteerId)) return;
    desk.write({ kind: 'evaluation-dropped', why: 'its volunteer has gone' });
  }
  const { front, holderCount } = attendance;
  if (state === 'finishing') {
    const isAhead = isServerAhead(desk);
    if (holderCount === 0 && !mayReturn && !isAhead && goOnFromCheckpoint(desk)) return;
    const isDone = holderCount > 0 ? evaluatedRound >= front : !mayReturn;
    if ((isDone && !isAhead) || desk.nowMs >= finishingSinceMs + FINISHING_MAX_MS * patience(desk))
      return desk.end('finished', reason);
  } else if (
    front < evaluatedRound + setup.manifest.training.evaluateEveryRounds &&
    !attendance.isLastParting
  )
    return;

  const able = attendance
    .holders()
    .filter(({ head }) => head.round > evaluatedRound && head.round >= front - 1);
  if (able.length === 0) return;
  const chosen = fittest(able, state === 'finishing');
  chosen.presence.dutyBurden++;
  desk.write({
    kind: 'evaluation-asked',
    volunteerId: chosen.id,
    generation: desk.state.evaluationGeneration + 1,
    roundMin: chosen.head.round,
    deadlineMs: desk.nowMs + EVALUATION_MAX_MS * patience(desk),
  });
  tellDuty(desk);
}

type Able = ReturnType<Desk['attendance']['holders']>[number];

/** [K5] Duty goes round; at the end, when nobody trains any more and everybody waits for it, the fastest is asked. */
function fittest(able: readonly Able[], isEnd: boolean): Able {
  const fastest = Math.max(...able.map(({ presence }) => presence.stepsPerSecond));
  const isFast = ({ presence }: Able) =>
    presence.stepsPerSecond === fastest && presence.dutyBurden < FAILED_DUTY_BURDEN;
  return (
    (isEnd ? able.find(isFast) : undefined) ??
    able.reduce((a, b) => (b.presence.dutyBurden < a.presence.dutyBurden ? b : a))
  );
}

/**
 * All rounds were trained, but every replica died before the last ones were evaluated: the run goes on from its latest
 * checkpoint instead of ending with a model that is many rounds old (simulator, coordinator, seed 1). False: at most
 * one evaluation's worth is lost, or the researcher stopped it; the run may end.
 */
function goOnFromCheckpoint(desk: Desk): boolean {
  const { roundsMax, evaluateEveryRounds } = desk.state.setup.manifest.training;
  const { round } = latestCheckpoint(desk.state);
  if (desk.roundMax < roundsMax || round + evaluateEveryRounds >= roundsMax) return false;
  desk.roundMax = round;
  const reason = `the rounds after ${round} were lost with their tabs; going on from there`;
  desk.write({ kind: 'state', state: 'waiting', reason });
  return true;
}

/** Asks again, with the same generation: the volunteer has a new socket. */
export function tellDuty(desk: Desk): void {
  const { duty } = desk.state;
  if (duty === null) return;
  const { volunteerId, generation, roundMin } = duty;
  desk.tell(volunteerId, { type: 'evaluate', runId: desk.runId, generation, roundMin });
}

export function takeEvaluation(
  desk: Desk,
  volunteerId: VolunteerId,
  message: VolunteerMessageOf<'evaluation'>,
): Rejection {
  const { duty, term, setup } = desk.state;
  // A late answer to a duty that went to somebody else is no fault of the volunteer.
  if (duty === null || duty.volunteerId !== volunteerId || duty.generation !== message.generation)
    return null;
  const reject = (text: string) => ({ code: 'bad-evaluation', message: text });
  if (duty.checkpointSha256 !== message.checkpointSha256)
    return reject('checkpointSha256: store this checkpoint first (PUT /api/runs/:id/checkpoints/:sha256)');
  const { round } = message.head;
  if (message.head.term !== term) return reject(`head.term: the run is in term ${term}`);
  if (round < duty.roundMin) return reject(`head.round: at least ${duty.roundMin} was asked for`);
  const { sampleCount } = setup.manifest.dataset.validation;
  if (message.sampleCount !== sampleCount)
    return reject(`sampleCount: the validation set has ${sampleCount} samples`);

  // Its word may be newer than every report: without it nobody would hold the new checkpoint's replica, and the run
  // would be founded again in the middle of its rounds (simulator, clean, seed 1).
  const presence = desk.attendance.present.get(volunteerId);
  if (presence !== undefined && (presence.head === null || presence.head.round < round))
    desk.attendance.stand(volunteerId, message.head);
  const { checkpointSha256: sha256, loss, accuracy, error, parts } = message;
  const checkpoint = {
    ...{ round, term, sha256, loss, accuracy },
    ...(error === null ? {} : { error }),
    ...(parts === undefined ? {} : { parts }),
  };
  const verdict = verdictOn(checkpoint, desk.state.best, sampleCount);
  desk.write({ kind: 'evaluated', volunteerId, checkpoint, verdict });
  if (desk.state.reached) desk.end('finished', reachedText(message, setup.manifest.training));
  else if (desk.state.badEvaluations >= BAD_EVALUATIONS_MAX)
    desk.end('failed', 'the loss is not finite any more; start again with a smaller learning rate');
  return null;
}

const reachedText = (
  { accuracy, error }: VolunteerMessageOf<'evaluation'>,
  { targetAccuracy, targetError }: Training,
): string =>
  accuracy !== null && targetAccuracy !== null && accuracy >= targetAccuracy
    ? `accuracy ${accuracy.toFixed(4)} reached the target of ${targetAccuracy}`
    : `error ${error?.toFixed(4)} reached the target of ${targetError}`;
