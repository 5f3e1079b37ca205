/** Pause, Resume, Stop: what the run's state allows. Stop asks once more, because there is no way back. */
import { useRef, useState } from 'preact/hooks';
import type { RunView } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { api, type RunAction } from '../api.ts';
import { runStates, strings } from '../strings.ts';
import { messageOf, Trouble } from './trouble.tsx';

const text = strings.actions;

interface Props {
  readonly run: RunView;
  /** The run as it stands after the action. */
  readonly onDone: (run: RunView) => void;
}

export function RunActions({ run, onDone }: Props) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState('');
  const question = useRef<HTMLDialogElement>(null);
  const { state, manifest } = run;
  if (state === 'finished' || state === 'failed' || state === 'finishing') return null;

  const act = async (action: RunAction) => {
    setBusy(true);
    setTrouble('');
    try {
      const after = await api.act(manifest.id, action);
      announce(runStates[after.state].sentence);
      onDone(after);
    } catch (reason) {
      setTrouble(messageOf(reason));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <div class="actions">
        {state === 'paused' ? (
          <button type="button" disabled={busy} onClick={() => act('resume')}>
            {text.resume}
          </button>
        ) : (
          <button type="button" class="outline secondary" disabled={busy} onClick={() => act('pause')}>
            {text.pause}
          </button>
        )}
        <button
          type="button"
          class="outline secondary"
          disabled={busy}
          onClick={() => question.current?.showModal()}
        >
          {text.stop}
        </button>
      </div>
      <Trouble text={trouble} />
      <dialog ref={question} aria-label={text.stopYes}>
        <article>
          <p>{text.stopSure(manifest.name)}</p>
          <form method="dialog" class="actions">
            <button class="outline secondary" value="no">
              {text.stopNo}
            </button>
            <button value="yes" onClick={() => act('stop')}>
              {text.stopYes}
            </button>
          </form>
        </article>
      </dialog>
    </>
  );
}
