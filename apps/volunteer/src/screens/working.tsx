/**
 * Everything between the first step and the end: training, waiting, paused, recovering, and finished while the tab
 * stays for the next run. One layout, so that nothing jumps when the state changes; the banner says what is going on.
 */
import type { VolunteerSnapshot, VolunteerState } from '@murmuration/swarm';
import type { Contribution } from '../contribution.ts';
import { DeviceNote } from '../parts/device-note.tsx';
import { Diagnostics } from '../parts/diagnostics.tsx';
import { Numbers } from '../parts/numbers.tsx';
import { RunProgress } from '../parts/run-progress.tsx';
import { StateBanner } from '../parts/state-banner.tsx';
import { strings } from '../strings.ts';

interface Props {
  readonly contribution: Contribution;
  readonly snapshot: VolunteerSnapshot;
  /** The state to show. */
  readonly state: VolunteerState;
  readonly nextAtMs: number | null;
}

export function Working({ contribution, snapshot, state, nextAtMs }: Props) {
  const { detail, run } = snapshot;
  const check = contribution.gpuCheck.value;
  return (
    <>
      <StateBanner state={state} detail={detail} nextAtMs={nextAtMs} />
      <div class="actions">
        {state === 'paused' ? (
          <button type="button" onClick={() => contribution.wish('resume')}>
            {strings.actions.resume}
          </button>
        ) : (
          <button
            type="button"
            disabled={state === 'finished' || state === 'blocked'}
            onClick={() => contribution.wish('pause')}
          >
            {strings.actions.pause}
          </button>
        )}
        <button type="button" class="outline secondary" onClick={() => contribution.wish('leave')}>
          {strings.actions.leave}
        </button>
        {state !== 'finished' && state !== 'blocked' && (
          <small class="note keys">{strings.actions.hint}</small>
        )}
      </div>
      {state === 'finished' && detail !== 'left' && <p>{strings.ended.nextRun}</p>}
      {!snapshot.coordinatorConnected && state !== 'recovering' && (
        <p class="trouble">{strings.coordinatorAway}</p>
      )}
      {run !== null && <RunProgress run={run} />}
      <Numbers snapshot={snapshot} />
      <DeviceNote check={check} />
      {state === 'blocked' && <Diagnostics check={check} />}
    </>
  );
}
