/** Pause, Resume, Stop: what the run's state allows. Stop asks once more, because there is no way back. */
import { useRef, useState } from 'preact/hooks';
import type { RunId, RunOrderName, RunState, RunView } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { api } from '../api.ts';
import { runStates, strings } from '../strings.ts';
import { messageOf, Trouble } from './trouble.tsx';

const text = strings.actions;

interface Props {
  readonly run: { readonly id: RunId; readonly name: string; readonly state: RunState };
  /** The run as it stands after the action. */
  readonly onDone: (run: RunView) => void;
}

export function RunActions({ run, onDone }: Props) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState('');
  const question = useRef<HTMLDialogElement>(null);
  const { state, id, name } = run;
  if (state === 'finished' || state === 'failed' || state === 'finishing') return null;

  const act = async (order: RunOrderName) => {
    setBusy(true);
    setTrouble('');
    try {
      const after = await api.order(id, order);
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
          <p>{text.stopSure(name)}</p>
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
