/** The connectivity doctor: looks only when the person asks, and says what it found and what to change. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Contributor } from '../contributor.ts';
import { reportLines, verdictOf, type ConnectivityFacts } from '../doctor/verdict.ts';
import { strings } from '../strings/index.ts';
import { CopyableReport } from './diagnostics.tsx';

const text = strings.connectivity;

type Check =
  | { readonly at: 'not-asked' }
  | { readonly at: 'looking' }
  | { readonly at: 'found'; readonly facts: ConnectivityFacts }
  | { readonly at: 'failed'; readonly detail: string };

export function Connectivity({ contribution }: { readonly contribution: Contributor }) {
  const [check, setCheck] = useState<Check>({ at: 'not-asked' });
  const look = async () => {
    setCheck({ at: 'looking' });
    try {
      setCheck({ at: 'found', facts: await contribution.checkConnection() });
    } catch (reason) {
      setCheck({ at: 'failed', detail: String(reason) });
    }
  };
  return (
    <details class="trust connectivity">
      <summary>{text.heading}</summary>
      <p class="note">{text.note}</p>
      <button
        type="button"
        class="outline secondary small"
        disabled={check.at === 'looking'}
        onClick={() => void look()}
      >
        {check.at === 'not-asked' ? text.check : text.again}
      </button>
      {check.at === 'looking' && <p>{text.looking}</p>}
      {check.at === 'failed' && (
        <p class="trouble">
          {text.failed} ({check.detail})
        </p>
      )}
      {check.at === 'found' && <Verdict facts={check.facts} />}
      {check.at === 'found' && (
        <CopyableReport note={text.reportNote} lines={reportLines(verdictOf(check.facts), check.facts)} />
      )}
    </details>
  );
}

function Verdict({ facts }: { readonly facts: ConnectivityFacts }) {
  const { way, advice } = verdictOf(facts);
  // Read out by moving there: the page has one live region, and that is for states.
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [facts]);
  return (
    <>
      <h3 data-way={way} ref={heading} tabIndex={-1}>
        {text.ways[way].word}
      </h3>
      <p>{text.ways[way].sentence}</p>
      {advice.length > 0 && (
        <ul>
          {advice.map((each) => (
            <li key={each}>{text.advice[each]}</li>
          ))}
        </ul>
      )}
    </>
  );
}
