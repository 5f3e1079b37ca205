/**
 * The screen before the click, a contract: what it is for, who asks, and the person's terms. It fetches the run's name and numbers and nothing
 * else: no GPU device, no WebRTC, no tfjs, no worker.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { activeRunOf, hasAnswers, type ActiveRun } from '../active-run.ts';
import { firstDownloadBytes } from '../build.ts';
import type { Contributor } from '../contributor.ts';
import { capLastsMs } from '../data-cap.ts';
import { tellsPower } from '../device-facts.ts';
import { bytesText, countText, percentText, roughDurationText, shareText } from '../format.ts';
import { operatorOf, type OperatorHere } from '../operator.ts';
import { LimitIcon } from '../parts/icons.tsx';
import { LimitsEditor } from '../parts/limits-editor.tsx';
import { strings } from '../strings/index.ts';

const text = strings.consent;
const REFRESH_MS = 10_000;
const DAY_MS = 86_400_000;

type Known =
  | { readonly kind: 'asking' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'run'; readonly run: ActiveRun }
  | { readonly kind: 'none' };

export function Consent({ contribution }: { readonly contribution: Contributor }) {
  const known = useActiveRun();
  const limits = contribution.limits.value;
  return (
    <div class="consent">
      <div class="offer card">
        <h2>{text.runHeading}</h2>
        <Facts known={known} />
        <p class="contract">
          {text.contract(
            shareText(limits.share),
            limits.dataPerDayBytes === null
              ? text.contractDataFree
              : text.contractData(bytesText(limits.dataPerDayBytes)),
            limits.battery === 'pause' && tellsPower() ? text.contractMains : text.contractBattery,
            text.contractAddress[limits.links],
          )}
        </p>
        <button type="button" class="contribute" onClick={() => contribution.begin()}>
          {text.button}
        </button>
        <p class="note">{text.beforeClick}</p>
        <p class="note">{text.lossless}</p>
      </div>
      <section aria-labelledby="limits-heading">
        <h2 id="limits-heading">{text.limitsHeading}</h2>
        <p class="note">{text.limitsNote}</p>
        <LimitsEditor
          limits={limits}
          onChange={(changed) => contribution.setLimits(changed)}
          dataNote={
            <DataNote run={known.kind === 'run' ? known.run : null} capBytes={limits.dataPerDayBytes} />
          }
          measuredShare={null}
        />
        <div class="never">
          <LimitIcon of="shield" />
          <div>
            <h3>{text.neverTitle}</h3>
            <p>{text.neverText}</p>
          </div>
        </div>
      </section>
    </div>
  );
}

function Facts({ known }: { readonly known: Known }) {
  const operator = useOperator();
  switch (known.kind) {
    case 'asking':
      return <p>{text.runLoading}</p>;
    case 'unreachable':
      return <p class="trouble">{text.runUnreachable(REFRESH_MS / 1000)}</p>;
    case 'none':
      return <p>{text.runNone}</p>;
    case 'run': {
      const { run } = known;
      const target = run.targetAccuracy === null ? null : percentText(run.targetAccuracy);
      return (
        <dl class="facts-list">
          <Fact name={text.run} value={run.name} />
          <Fact name={text.purpose} value={text.purposeValue[run.task](run.datasetName)} />
          <Fact name={text.asks} value={<Asks operator={operator} />} />
          <Fact name={text.licence} value={run.licence || text.licenceUnknown} />
          <Fact
            name={text.helping}
            value={text.helpingValue(countText(run.volunteers), run.volunteers === 1)}
          />
          {hasAnswers(run.task) && (
            <Fact
              name={text.accuracy}
              value={
                run.accuracy === null
                  ? text.accuracyNone
                  : text.accuracyValue(percentText(run.accuracy), target)
              }
            />
          )}
        </dl>
      );
    }
    default:
      return known satisfies never;
  }
}

/** The host is a fact; the name is what the operator says of themselves. */
function Asks({ operator }: { readonly operator: OperatorHere | null }) {
  if (operator === null) return <>{text.asksValue(location.host)}</>;
  const { name, contact } = operator;
  return (
    <>
      {text.asksNamed(name, location.host)}
      {contact !== null && (
        <>
          {', '}
          <a href={contact.href} rel="noreferrer" target="_blank">
            {contact.text}
          </a>
        </>
      )}
    </>
  );
}

const Fact = ({ name, value }: { readonly name: string; readonly value: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

/** What this run would move, as far as that is known. */
function DataNote({ run, capBytes }: { readonly run: ActiveRun | null; readonly capBytes: number | null }) {
  const words = strings.limits;
  const program = firstDownloadBytes();
  const parts: string[] = [];
  if (run !== null && program !== null)
    parts.push(words.dataFirst(bytesText(program + run.firstDownloadBytes)));
  if (run !== null) {
    const { measured, bytesEachWay } = run.dataPerHour;
    const bytesPerHour = 2 * bytesEachWay;
    parts.push((measured ? words.dataMeasured : words.dataSupposed)(bytesText(bytesPerHour)));
    const lastsMs = capLastsMs(0, capBytes, bytesPerHour);
    if (lastsMs !== null)
      parts.push(lastsMs < DAY_MS ? words.capLasts(roughDurationText(lastsMs)) : words.capIsEnough);
  }
  return <>{parts.join(' ')}</>;
}

/** Asked once: it changes with a new start of the coordinator only. */
function useOperator(): OperatorHere | null {
  const [operator, setOperator] = useState<OperatorHere | null>(null);
  useEffect(() => {
    const gone = new AbortController();
    void fetch('/api/public/coordinator', { signal: gone.signal })
      .then(async (answer) => setOperator(operatorOf(await answer.json())))
      .catch((reason: unknown) => {
        if (!gone.signal.aborted) console.warn('murmuration: the operator is not known', reason);
      });
    return () => gone.abort();
  }, []);
  return operator;
}

/** Asks at once and then every ten seconds, as long as the tab is looked at. */
function useActiveRun(): Known {
  const [known, setKnown] = useState<Known>({ kind: 'asking' });
  useEffect(() => {
    const gone = new AbortController();
    const ask = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch('/api/public/runs', { signal: gone.signal });
        if (!answer.ok) throw new Error(`GET /api/public/runs answered ${answer.status}`);
        const run = activeRunOf(await answer.json());
        setKnown(run === null ? { kind: 'none' } : { kind: 'run', run });
      } catch (reason) {
        if (gone.signal.aborted) return;
        console.warn('murmuration: the runs are not known', reason);
        setKnown({ kind: 'unreachable' });
      }
    };
    void ask();
    const timer = setInterval(ask, REFRESH_MS);
    document.addEventListener('visibilitychange', ask, { signal: gone.signal });
    return () => {
      gone.abort();
      clearInterval(timer);
    };
  }, []);
  return known;
}
