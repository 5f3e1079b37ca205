/** What the draft would cost and need, asked of the coordinator a moment after the last change. */
import { useEffect, useState } from 'preact/hooks';
import type { DatasetManifest, Preflight, PreflightRequest } from '@murmuration/protocol';
import { bytesText, countText, etaText } from '../format.ts';
import { addressOf } from '../route.ts';
import { draftField } from '../run-launch.ts';
import { api } from '../session.ts';
import { launch } from '../strings-launch.ts';
import { Fact } from './fact.tsx';
import { PlanForetold } from './plan-facts.tsx';
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

/** @param request null: the draft is no run yet, or something of it is not here */
export function usePreflight(request: PreflightRequest | null): Asked {
  const [asked, setAsked] = useState<Asked>({ answer: null, isAsking: false, trouble: '' });
  const wish = request === null ? null : JSON.stringify(request);
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
  /** What is not here yet. */
  readonly toBring: 'data' | 'model' | 'both' | null;
  /** Brings it here; null: it cannot be brought yet. */
  readonly onPrepare: (() => void) | null;
  /** What goes on; empty: nothing. */
  readonly step: string;
}

export function PreflightPanel({
  asked: { answer, isAsking, trouble },
  hasRun,
  dataset,
  toBring,
  onPrepare,
  step,
}: Props) {
  const isAll = toBring === null;
  return (
    <section class="card preflight" aria-labelledby="preflight-heading" aria-busy={isAsking}>
      <h2 id="preflight-heading">{text.heading}</h2>
      {toBring !== null ? (
        <>
          <p class="note">{text.bring[toBring].why}</p>
          <button
            type="button"
            class="outline"
            disabled={onPrepare === null || step !== ''}
            onClick={() => onPrepare?.()}
          >
            {step === '' ? text.bring[toBring].button : text.preparing}
          </button>
        </>
      ) : (
        !hasRun && <p class="note">{text.noRun}</p>
      )}
      {isAll && hasRun && answer === null && trouble === '' && <p class="note">{text.asking}</p>}
      <Trouble text={trouble} />
      {answer !== null && <Remarks answer={answer} />}
      {isAll && (dataset !== null || answer?.estimate != null) && (
        <dl>
          <DataRow dataset={dataset} estimate={answer?.estimate ?? null} />
          {answer?.estimate != null && <Estimates estimate={answer.estimate} />}
        </dl>
      )}
      {isAll && answer !== null && <PlanForetold {...answer} />}
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

interface DataRowProps {
  /** null: it is drawn at the launch, and known by the estimate. */
  readonly dataset: DatasetManifest | null;
  readonly estimate: Preflight['estimate'];
}

function DataRow({ dataset, estimate }: DataRowProps) {
  const counts =
    dataset === null ? estimate?.data : { ...dataset, validationSampleCount: dataset.validation.sampleCount };
  if (counts === undefined) return null;
  return (
    <Fact name={text.rows.data}>
      {text.data(counts.name, countText(counts.trainSampleCount), countText(counts.validationSampleCount))}{' '}
      {dataset === null ? (
        text.drawn
      ) : (
        <a href={addressOf({ screen: 'dataset', datasetId: dataset.id })}>{text.look}</a>
      )}
    </Fact>
  );
}

const heldBytesOf = ({ copies }: NonNullable<Preflight['estimate']>['memory']): number =>
  copies.find(({ what }) => what === 'heldUpdates')?.bytes ?? 0;

function Estimates({ estimate }: { readonly estimate: NonNullable<Preflight['estimate']> }) {
  const { rows } = text;
  const { memory, bytesSentPerHour, expectedMs, basis, peersMin, tabs } = estimate;
  return (
    <>
      <Fact name={rows.parameters}>{countText(estimate.parameterCount)}</Fact>
      <Fact name={rows.update}>{bytesText(estimate.updateBytes)}</Fact>
      <Fact name={rows.hour}>
        {text.hour(bytesText(bytesSentPerHour[0]), bytesText(bytesSentPerHour[1]))}
      </Fact>
      <Fact name={rows.memory}>
        {text.memory(
          bytesText(memory.totalBytes),
          bytesText(memory.stateBytes),
          bytesText(memory.activationBytes),
        )}
      </Fact>
      <Fact name={rows.ownMemory}>
        {text.ownMemory(
          bytesText(memory.workerBytes),
          bytesText(heldBytesOf(memory)),
          bytesText(memory.dataBytes),
        )}
        {memory.serverBytes > 0 && <small>{text.serverMemory(bytesText(memory.serverBytes))}</small>}
      </Fact>
      <Fact name={rows.largest}>
        {text.largest(
          bytesText(memory.largestBufferBytes),
          bytesText(memory.bindingLimitBytes),
          `${Math.ceil((100 * memory.largestBufferBytes) / memory.bindingLimitBytes)} %`,
        )}
      </Fact>
      <Fact name={rows.peers}>{text.peers(countText(peersMin), countText(tabs))}</Fact>
      <Fact name={rows.time}>
        {etaText(expectedMs)}
        <small>
          {text.time[basis]}. {text.sooner}
        </small>
      </Fact>
    </>
  );
}
