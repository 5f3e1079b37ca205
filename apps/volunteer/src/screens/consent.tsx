/**
 * The screen before the click: what it is, who asks, what it takes. It fetches the run's name and numbers and nothing
 * else: no GPU device, no WebRTC, no tfjs, no worker.
 */
import { useEffect, useState } from 'preact/hooks';
import { activeRunOf, type ActiveRun } from '../active-run.ts';
import { bytesText, countText, percentText } from '../format.ts';
import { LimitIcon } from '../parts/icons.tsx';
import { strings } from '../strings.ts';

const text = strings.consent;
const REFRESH_MS = 10_000;

type Known =
  | { readonly kind: 'asking' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'run'; readonly run: ActiveRun }
  | { readonly kind: 'none' };

export function Consent({ onContribute }: { readonly onContribute: () => void }) {
  const known = useActiveRun();
  return (
    <div class="consent">
      <div class="offer card">
        <h2>{text.runHeading}</h2>
        <Facts known={known} />
        <button type="button" class="contribute" onClick={onContribute}>
          {text.button}
        </button>
        <p class="note">{text.beforeClick}</p>
      </div>
      <section aria-labelledby="limits-heading">
        <h2 id="limits-heading">{text.limitsHeading}</h2>
        <Limits run={known.kind === 'run' ? known.run : null} />
      </section>
    </div>
  );
}

function Facts({ known }: { readonly known: Known }) {
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
          <Fact name={text.asks} value={text.asksValue(location.host)} />
          <Fact name={text.samples} value={run.datasetName} />
          <Fact name={text.licence} value={run.licence || text.licenceUnknown} />
          <Fact
            name={text.helping}
            value={text.helpingValue(countText(run.volunteers), run.volunteers === 1)}
          />
          <Fact
            name={text.accuracy}
            value={
              run.accuracy === null
                ? text.accuracyNone
                : text.accuracyValue(percentText(run.accuracy), target)
            }
          />
        </dl>
      );
    }
    default:
      return known satisfies never;
  }
}

const Fact = ({ name, value }: { readonly name: string; readonly value: string }) => (
  <div>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
);

function Limits({ run }: { readonly run: ActiveRun | null }) {
  const traffic = trafficOf(run);
  return (
    <ul class="limits">
      <li>
        <LimitIcon of="chip" />
        <div>
          <h3>{text.gpuTitle}</h3>
          <p>{text.gpuText}</p>
        </div>
      </li>
      <li>
        <LimitIcon of="traffic" />
        <div>
          <h3>{traffic.title}</h3>
          <p>{traffic.text}</p>
        </div>
      </li>
      <li>
        <LimitIcon of="address" />
        <div>
          <h3>{text.addressTitle}</h3>
          <p>{text.addressText}</p>
        </div>
      </li>
      <li>
        <LimitIcon of="shield" />
        <div>
          <h3>{text.neverTitle}</h3>
          <p>{text.neverText}</p>
        </div>
      </li>
    </ul>
  );
}

function trafficOf(run: ActiveRun | null): { readonly title: string; readonly text: string } {
  if (run === null) return { title: text.trafficUnknownTitle, text: text.trafficUnknown };
  const { dataPerHour } = run;
  return dataPerHour.measured
    ? { title: text.trafficTitle(bytesText(dataPerHour.bytesEachWay)), text: text.trafficMeasured }
    : {
        title: text.trafficUnmeasuredTitle(bytesText(dataPerHour.bytesEachWayPerRoundAndDevice)),
        text: text.trafficUnmeasured,
      };
}

/** Asks at once and then every ten seconds, as long as the tab is looked at. */
function useActiveRun(): Known {
  const [known, setKnown] = useState<Known>({ kind: 'asking' });
  useEffect(() => {
    const gone = new AbortController();
    const ask = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch('/api/runs', { signal: gone.signal });
        if (!answer.ok) throw new Error(`GET /api/runs answered ${answer.status}`);
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
