/** Between the click and the first training step: a list of named steps, never a bare spinner. */
import type { VolunteerState } from '@murmuration/swarm';
import type { Contributor, Standing } from '../contributor.ts';
import { bytesText } from '../format.ts';
import { StateBanner } from '../parts/state-banner.tsx';
import { strings } from '../strings/index.ts';
import { DeviceNote } from '../parts/device-note.tsx';

const text = strings.preparing;

interface Props {
  readonly contribution: Contributor;
  /** Null: the worker has not spoken yet. */
  readonly standing: Standing | null;
}

export function Preparing({ contribution, standing }: Props) {
  const state = standing?.state ?? 'checking';
  const detail = standing?.snapshot.detail ?? '';
  const current = stepOf(state, detail);
  return (
    <>
      <StateBanner state={state} detail={detail} nextAtMs={standing?.nextAtMs ?? null} />
      {standing === null && <p class="note">{strings.loading.program}</p>}
      <section class="card" aria-label={text.stepsLabel}>
        <ol class="steps">
          {text.steps.map((step, index) => {
            const place = index < current ? 'done' : index === current ? 'now' : 'later';
            return (
              <li key={step} class={place} aria-current={place === 'now' ? 'step' : undefined}>
                <span>{step}</span>
                <small>{text[place]}</small>
              </li>
            );
          })}
        </ol>
        {standing !== null && <Download standing={standing} />}
      </section>
      <DeviceNote check={contribution.gpuCheck.value} />
      <div class="actions">
        <button type="button" class="outline secondary" onClick={() => contribution.wish({ wish: 'leave' })}>
          {strings.actions.leave}
        </button>
      </div>
    </>
  );
}

/** A parameter on its way: four bytes of weight, and one of the optimiser's memory. */
const STATE_BYTES_PER_PARAMETER = 5;

/** Bytes of bytes, of what is on its way now: the model in pieces from other devices, or a file from the coordinator. */
function Download({ standing }: { readonly standing: Standing }) {
  const { fetched, run } = standing.snapshot;
  const stateBytes = STATE_BYTES_PER_PARAMETER * (run?.parameterCount ?? 0);
  const download =
    standing.load.download ??
    (fetched === null
      ? null
      : { doneBytes: (stateBytes * fetched.here) / Math.max(1, fetched.all), allBytes: stateBytes });
  if (download === null || download.allBytes === 0) return null;
  const { doneBytes, allBytes } = download;
  return (
    <div class="download">
      <label for="download">{strings.loading.label}</label>
      <progress id="download" max={allBytes} value={doneBytes} />
      <p class="note">{strings.loading.ofBytes(bytesText(doneBytes), bytesText(allBytes))}</p>
    </div>
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
