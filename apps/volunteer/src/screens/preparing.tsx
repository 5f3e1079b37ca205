/** Between the click and the first training step: a list of named steps, never a bare spinner. */
import type { VolunteerSnapshot, VolunteerState } from '@murmuration/swarm';
import type { Contribution } from '../contribution.ts';
import { StateBanner } from '../parts/state-banner.tsx';
import { strings } from '../strings.ts';
import { DeviceNote } from '../parts/device-note.tsx';

const text = strings.preparing;

interface Props {
  readonly contribution: Contribution;
  /** Null: the worker has not spoken yet. */
  readonly snapshot: VolunteerSnapshot | null;
  /** The state to show. */
  readonly state: VolunteerState;
  readonly nextAtMs: number | null;
}

export function Preparing({ contribution, snapshot, state, nextAtMs }: Props) {
  const detail = snapshot?.detail ?? '';
  const current = stepOf(state, detail);
  return (
    <>
      <StateBanner state={state} detail={detail} nextAtMs={nextAtMs} />
      {snapshot === null && <p class="note">{text.starting}</p>}
      <section class="card" aria-label={text.stepsLabel}>
        <ol class="steps">
          {text.steps.map((step, index) => {
            const standing = index < current ? 'done' : index === current ? 'now' : 'later';
            return (
              <li key={step} class={standing} aria-current={standing === 'now' ? 'step' : undefined}>
                <span>{step}</span>
                <small>{text[standing]}</small>
              </li>
            );
          })}
        </ol>
      </section>
      <DeviceNote check={contribution.gpuCheck.value} />
      <div class="actions">
        <button type="button" class="outline secondary" onClick={() => contribution.wish('leave')}>
          {strings.actions.leave}
        </button>
      </div>
    </>
  );
}

/** Index into the list of steps. */
function stepOf(state: VolunteerState, detail: string): number {
  switch (state) {
    case 'checking':
      return 0;
    case 'ready':
      return 1;
    case 'connecting':
      return detail === 'peers' ? 3 : 1;
    case 'warming-up':
      return 2;
    default:
      return 3;
  }
}
