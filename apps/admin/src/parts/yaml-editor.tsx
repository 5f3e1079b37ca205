/** The draft as text, with numbered lines; what is wrong, by line; and the draft to take away. */
import { useRef, useState } from 'preact/hooks';
import type { LineFault } from '@murmuration/client/run-yaml';
import { announce } from '../announcer.ts';
import { launch } from '../strings-launch.ts';

const text = launch.yaml;
const ROWS_MIN = 12;
/** Longer texts scroll. */
const ROWS_MAX = 60;
type Form = keyof typeof text.copy;

interface Props {
  readonly yaml: string;
  readonly faults: readonly LineFault[];
  readonly onEdit: (yaml: string) => void;
  /** null: the draft is not yet what could be sent. */
  readonly copies: Readonly<Record<Form, string | null>>;
}

export function YamlEditor({ yaml, faults, onEdit, copies }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  const lines = yaml.split('\n');
  const wrong = new Set(faults.map(({ line }) => line));
  const goToLine = (line: number) => {
    const from = lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, 0);
    area.current?.focus();
    area.current?.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
  };
  return (
    <section class="card yaml" aria-labelledby="yaml-heading">
      <h2 id="yaml-heading">{text.heading}</h2>
      <div class="editor">
        <pre aria-hidden="true" ref={gutter}>
          {lines.map((_, index) => (
            <span key={index} class={wrong.has(index + 1) ? 'wrong' : undefined}>
              {index + 1}
              {'\n'}
            </span>
          ))}
        </pre>
        <textarea
          ref={area}
          aria-label={text.label}
          aria-describedby="yaml-faults"
          aria-invalid={faults.length > 0 ? 'true' : undefined}
          rows={Math.min(ROWS_MAX, Math.max(ROWS_MIN, lines.length))}
          wrap="off"
          spellcheck={false}
          autocapitalize="off"
          autocomplete="off"
          value={yaml}
          onInput={({ currentTarget }) => onEdit(currentTarget.value)}
          onScroll={({ currentTarget }) => gutter.current?.scrollTo(0, currentTarget.scrollTop)}
        />
      </div>
      <div id="yaml-faults" class="yaml-faults">
        {faults.length === 0 ? (
          <p class="note">{text.good}</p>
        ) : (
          <>
            <p class="note">{text.faults(faults.length)}</p>
            <ul>
              {faults.map(({ line, field, message }) => (
                <li key={`${field} ${line} ${message}`}>
                  <button type="button" class="plain" onClick={() => goToLine(line)}>
                    {text.line(line)}
                  </button>{' '}
                  <span>
                    {field !== '' && <code>{field}</code>} {message}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
      <Copies copies={copies} />
    </section>
  );
}

function Copies({ copies }: Pick<Props, 'copies'>) {
  const [shown, setShown] = useState<Form | null>(null);
  const [said, setSaid] = useState('');
  const copy = async (form: Form) => {
    const content = copies[form];
    setShown(null);
    if (content === null) return setSaid(text.notYet);
    try {
      await navigator.clipboard.writeText(content);
      setSaid(text.copied);
      announce(text.copied);
    } catch {
      // Refused, or the page is not secure and has no clipboard.
      setShown(form);
      setSaid(text.copyFailed);
    }
  };
  return (
    <div class="copies">
      <div class="actions">
        {(Object.keys(text.copy) as Form[]).map((form) => (
          <button key={form} type="button" class="outline secondary" onClick={() => copy(form)}>
            {text.copy[form]}
          </button>
        ))}
      </div>
      {said !== '' && <p class="note">{said}</p>}
      {shown !== null && copies[shown] !== null && (
        <pre tabIndex={0} aria-label={text.copy[shown]}>
          {copies[shown]}
        </pre>
      )}
    </div>
  );
}
