/**
 * Pause, Resume, Finish, Stop while the run goes on; Clone and Fork of any run. Stop asks once more, because there is no
 * way back.
 */
import { useRef, useState } from 'preact/hooks';
import type { RunId, RunOrderName, RunState, RunView } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { goTo } from '../route.ts';
import { api } from '../session.ts';
import { runStates, strings } from '../strings.ts';
import { messageOf, Trouble } from './trouble.tsx';

const text = strings.actions;

interface Props {
  readonly run: { readonly id: RunId; readonly name: string; readonly state: RunState };
  /** The run as it stands after the action. */
  readonly onDone: (run: RunView) => void;
  /** Offers Clone and Fork too; both open the new run. */
  readonly hasDescendants?: boolean;
}

export function RunActions({ run, onDone, hasDescendants = false }: Props) {
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState('');
  const question = useRef<HTMLDialogElement>(null);
  const { state, id, name } = run;
  const isOver = state === 'finished' || state === 'failed' || state === 'finishing';

  const ask = async (asked: () => Promise<RunView>, then: (after: RunView) => void) => {
    setBusy(true);
    setTrouble('');
    try {
      const after = await asked();
      announce(runStates[after.state].sentence);
      then(after);
    } catch (reason) {
      setTrouble(messageOf(reason));
    } finally {
      setBusy(false);
    }
  };
  const act = (order: RunOrderName) => ask(() => api.order(id, order), onDone);
  const open = (after: RunView) => goTo({ screen: 'run', runId: after.manifest.id });
  return (
    <>
      <div class="actions">
        {!isOver && (
          <Orders state={state} busy={busy} act={act} onStop={() => question.current?.showModal()} />
        )}
        {hasDescendants && (
          <>
            <Order busy={busy} text={text.clone} onClick={() => ask(() => api.cloneRun(id), open)} />
            <Order busy={busy} text={text.fork} onClick={() => ask(() => api.forkRun(id), open)} />
          </>
        )}
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

interface OrdersProps {
  readonly state: RunState;
  readonly busy: boolean;
  readonly act: (order: RunOrderName) => void;
  readonly onStop: () => void;
}

const Orders = ({ state, busy, act, onStop }: OrdersProps) => (
  <>
    {state === 'paused' ? (
      <button type="button" disabled={busy} onClick={() => act('resume')}>
        {text.resume}
      </button>
    ) : (
      <Order busy={busy} text={text.pause} onClick={() => act('pause')} />
    )}
    <Order busy={busy} text={text.finish} onClick={() => act('finish')} />
    <Order busy={busy} text={text.stop} onClick={onStop} />
  </>
);

interface OrderProps {
  readonly busy: boolean;
  readonly text: string;
  readonly onClick: () => void;
}

const Order = ({ busy, text: word, onClick }: OrderProps) => (
  <button type="button" class="outline secondary" disabled={busy} onClick={onClick}>
    {word}
  </button>
);
