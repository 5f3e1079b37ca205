/** The address that volunteers open, with a button that copies it. */
import { useState } from 'preact/hooks';
import { strings } from '../strings.ts';

const text = strings.link;

export function VolunteerLink() {
  const [outcome, setOutcome] = useState<'idle' | 'copied' | 'refused'>('idle');
  const address = `${location.origin}/`;
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address);
      setOutcome('copied');
    } catch {
      setOutcome('refused');
    }
  };
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
  return (
    <div class="volunteer-link">
      <label for="volunteer-link">{text.label}</label>
      <div class="with-button">
        <input
          id="volunteer-link"
          type="text"
          readOnly
          value={address}
          onFocus={({ currentTarget }) => currentTarget.select()}
        />
        <button type="button" class="outline secondary" onClick={copy}>
          {outcome === 'copied' ? text.copied : text.copy}
        </button>
      </div>
      {outcome === 'refused' && <small>{text.failed}</small>}
      {location.protocol === 'http:' && isLocal && <small>{text.insecure}</small>}
    </div>
  );
}
