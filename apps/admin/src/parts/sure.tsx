/** A button for something without a way back: it asks once more. */
import { useRef } from 'preact/hooks';

interface Props {
  readonly word: string;
  /** What the button does, for those who hear it without its row. */
  readonly label: string;
  readonly question: string;
  readonly yes: string;
  readonly no: string;
  readonly onYes: () => void;
}

export function Sure({ word, label, question, yes, no, onYes }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button
        type="button"
        class="outline secondary"
        aria-label={label}
        onClick={() => dialog.current?.showModal()}
      >
        {word}
      </button>
      <dialog ref={dialog} aria-label={yes}>
        <article>
          <p>{question}</p>
          <form method="dialog" class="actions">
            <button class="outline secondary" value="no">
              {no}
            </button>
            <button value="yes" onClick={onYes}>
              {yes}
            </button>
          </form>
        </article>
      </dialog>
    </>
  );
}
