/** Files from Keras or tfjs: read first, layer by layer, and kept when somebody wants them. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { modelFileOf } from '@murmuration/client/run-model';
import type { ModelCheck, ModelImport, ModelView } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { modelImportOf } from '../run-launch.ts';
import { api } from '../session.ts';
import { models as text } from '../strings-models.ts';
import { ModelFacts, numbersOf } from './model-facts.tsx';
import { ModelReport, reportSentence } from './model-report.tsx';
import { messageOf, Trouble } from './trouble.tsx';

interface Read {
  readonly request: ModelImport;
  readonly check: ModelCheck;
}

export function BringModel({ onKept }: { readonly onKept: (model: ModelView) => void }) {
  const [files, setFiles] = useState<readonly File[]>([]);
  const [fault, setFault] = useState('');
  const [trouble, setTrouble] = useState('');
  const [read, setRead] = useState<Read | null>(null);
  const [step, setStep] = useState('');
  const input = useRef<HTMLInputElement>(null);
  const outcome = useRef<HTMLParagraphElement>(null);
  useEffect(() => outcome.current?.focus(), [read]);

  const busy = async (words: string, work: () => Promise<void>) => {
    setStep(words);
    setTrouble('');
    try {
      await work();
    } catch (reason) {
      setTrouble(messageOf(reason));
    } finally {
      setStep('');
    }
  };
  const readFiles = (event: Event) => {
    event.preventDefault();
    if (step !== '') return;
    const named = modelFileOf(files.map(({ name }) => name));
    if (named === null) {
      setFault(files.length === 0 ? text.filesMissing : text.filesWrong);
      input.current?.focus();
      return;
    }
    setRead(null);
    void busy(text.reading, async () => {
      const byName = new Map(files.map((file) => [file.name, file] as const));
      const request = await modelImportOf(named, byName, (words) => setStep(words));
      setStep(text.reading);
      setRead({ request, check: await api.checkModel(request) });
    });
  };
  const keep = (event: SubmitEvent) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget as HTMLFormElement).get('name') ?? '').trim();
    void busy(text.keeping, async () => {
      const view = await api.importModel({ ...read!.request, ...(name === '' ? {} : { name }) });
      announce(text.kept(view.name));
      onKept(view);
    });
  };
  const numbers = read === null ? null : numbersOf(read.check);
  return (
    <section class="card bring" aria-labelledby="bring-model-heading">
      <h2 id="bring-model-heading">{text.bring}</h2>
      <p class="note">{text.bringText}</p>
      <form onSubmit={readFiles} noValidate>
        <div class="field">
          <label for="model-files">{text.files}</label>
          <input
            ref={input}
            id="model-files"
            type="file"
            multiple
            aria-invalid={fault === '' ? undefined : 'true'}
            aria-describedby="model-files-note"
            onChange={({ currentTarget }) => {
              setFiles([...(currentTarget.files ?? [])]);
              setFault('');
              setTrouble('');
              setRead(null);
            }}
          />
          <small id="model-files-note" class={fault === '' ? '' : 'trouble'}>
            {fault !== ''
              ? fault
              : files.length === 0
                ? text.filesHint
                : text.filesChosen(files.map(({ name }) => name).join(', '))}
          </small>
        </div>
        <Trouble text={trouble} />
        <button type="submit" aria-busy={step !== ''} disabled={step !== ''}>
          {step === '' ? text.read : step}
        </button>
      </form>
      {read !== null && (
        <>
          <p ref={outcome} tabIndex={-1} class={numbers === null ? 'trouble' : 'good'}>
            {reportSentence(read.check.report, numbers !== null)}
          </p>
          {numbers !== null && <ModelFacts model={numbers} />}
          <ModelReport report={read.check.report} />
          {numbers !== null && (
            <form class="inline-form" onSubmit={keep}>
              <label for="model-name">
                {text.name}
                <input id="model-name" name="name" type="text" maxLength={64} autocomplete="off" />
                <small>{text.nameHint}</small>
              </label>
              <button type="submit" disabled={step !== ''}>
                {text.keep}
              </button>
            </form>
          )}
        </>
      )}
    </section>
  );
}
