/** Something that is shown once: with a button that copies it and one that puts it away. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { accessStrings as text } from '../strings-access.ts';

interface Props {
  readonly label: string;
  readonly secret: string;
  readonly onHide: () => void;
}

export function Secret({ label, secret, onHide }: Props) {
  const [outcome, setOutcome] = useState<'idle' | 'copied' | 'refused'>('idle');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, [secret]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      setOutcome('copied');
    } catch {
      setOutcome('refused');
    }
  };
  return (
    <div class="secret" role="status">
      <label for="secret">{label}</label>
      <div class="with-button">
        <input ref={field} id="secret" type="text" readOnly value={secret} spellcheck={false} />
        <button type="button" class="outline secondary" onClick={copy}>
          {outcome === 'copied' ? text.copied : text.copy}
        </button>
      </div>
      <small>{outcome === 'refused' ? text.copyFailed : text.once}</small>
      <button type="button" class="plain" onClick={onHide}>
        {text.hide}
      </button>
    </div>
  );
}
