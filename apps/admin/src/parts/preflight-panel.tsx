/** What the draft would cost and need, asked of the coordinator a moment after the last change. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { DatasetManifest, Preflight, RunFile } from '@murmuration/protocol';
import { bytesText, countText, etaText } from '../format.ts';
import { addressOf } from '../route.ts';
import { draftField } from '../run-launch.ts';
import { api } from '../session.ts';
import { launch } from '../strings-launch.ts';
import { messageOf, Trouble } from './trouble.tsx';

const text = launch.preflight;
/** After the last key; people pause longer between two thoughts. */
const DEBOUNCE_MS = 400;

export interface Asked {
  /** The last answer, for this draft or the one before. */
  readonly answer: Preflight | null;
  readonly isAsking: boolean;
  readonly trouble: string;
}

/** @param run null: the draft is not one yet @param dataset null: its data is not here yet */
export function usePreflight(run: RunFile | null, dataset: DatasetManifest | null): Asked {
  const [asked, setAsked] = useState<Asked>({ answer: null, isAsking: false, trouble: '' });
  const { data: _, ...request } = run ?? { data: null };
  const wish =
    run === null || dataset === null ? null : JSON.stringify({ ...request, datasetId: dataset.id });
  useEffect(() => {
    if (wish === null) return setAsked({ answer: null, isAsking: false, trouble: '' });
    let isWanted = true;
    setAsked(({ answer }) => ({ answer, isAsking: true, trouble: '' }));
    const timer = setTimeout(() => {
      api.preflight(JSON.parse(wish)).then(
        (answer) => isWanted && setAsked({ answer, isAsking: false, trouble: '' }),
        (reason: unknown) =>
          isWanted && setAsked({ answer: null, isAsking: false, trouble: messageOf(reason) }),
      );
    }, DEBOUNCE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [wish]);
  return asked;
}

interface Props {
  readonly asked: Asked;
  readonly hasRun: boolean;
  readonly dataset: DatasetManifest | null;
  /** Brings the data here; null: it cannot be brought yet. */
  readonly onPrepare: (() => void) | null;
  /** What goes on; empty: nothing. */
  readonly step: string;
}

export function PreflightPanel({
  asked: { answer, isAsking, trouble },
  hasRun,
  dataset,
  onPrepare,
  step,
}: Props) {
  return (
    <section class="card preflight" aria-labelledby="preflight-heading" aria-busy={isAsking}>
      <h2 id="preflight-heading">{text.heading}</h2>
      {dataset === null ? (
        <>
          <p class="note">{text.noData}</p>
          <button
            type="button"
            class="outline"
            disabled={onPrepare === null || step !== ''}
            onClick={() => onPrepare?.()}
          >
            {step === '' ? text.prepare : text.preparing}
          </button>
        </>
      ) : (
        !hasRun && <p class="note">{text.noRun}</p>
      )}
      {dataset !== null && hasRun && answer === null && trouble === '' && <p class="note">{text.asking}</p>}
      <Trouble text={trouble} />
      {answer !== null && <Remarks answer={answer} />}
      {dataset !== null && (
        <dl>
          <Row name={text.rows.data}>
            {text.data(
              dataset.name,
              countText(dataset.trainSampleCount),
              countText(dataset.validation.sampleCount),
            )}{' '}
            <a href={addressOf({ screen: 'dataset', datasetId: dataset.id })}>{text.look}</a>
          </Row>
          {answer?.estimate != null && <Estimates estimate={answer.estimate} />}
        </dl>
      )}
    </section>
  );
}

function Remarks({ answer: { ok, refusals, warnings } }: { readonly answer: Preflight }) {
  const list = (remarks: Preflight['refusals']) => (
    <ul>
      {remarks.map(({ field, message }) => (
        <li key={field + message}>{text.field(draftField(field), message)}</li>
      ))}
    </ul>
  );
  return (
    <>
      {ok && <p class="good">{text.ok}</p>}
      {refusals.length > 0 && (
        <div class="remarks trouble" role="alert">
          <p>{text.refused}</p>
          {list(refusals)}
        </div>
      )}
      {warnings.length > 0 && (
        <div class="remarks">
          <p>{text.warnings}</p>
          {list(warnings)}
        </div>
      )}
    </>
  );
}

function Estimates({ estimate }: { readonly estimate: NonNullable<Preflight['estimate']> }) {
  const { rows } = text;
  const { memory, bytesSentPerHour, expectedMs, basis, peersMin, tabs } = estimate;
  return (
    <>
      <Row name={rows.parameters}>{countText(estimate.parameterCount)}</Row>
      <Row name={rows.update}>{bytesText(estimate.updateBytes)}</Row>
      <Row name={rows.hour}>{text.hour(bytesText(bytesSentPerHour[0]), bytesText(bytesSentPerHour[1]))}</Row>
      <Row name={rows.memory}>
        {text.memory(
          bytesText(memory.totalBytes),
          bytesText(memory.stateBytes),
          bytesText(memory.activationBytes),
          bytesText(memory.dataBytes),
        )}
      </Row>
      <Row name={rows.largest}>
        {text.largest(
          bytesText(memory.largestBufferBytes),
          bytesText(memory.bindingLimitBytes),
          `${Math.ceil((100 * memory.largestBufferBytes) / memory.bindingLimitBytes)} %`,
        )}
      </Row>
      <Row name={rows.peers}>{text.peers(countText(peersMin), countText(tabs))}</Row>
      <Row name={rows.time}>
        {etaText(expectedMs)}
        <small>
          {text.time[basis]}. {text.sooner}
        </small>
      </Row>
    </>
  );
}

const Row = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
