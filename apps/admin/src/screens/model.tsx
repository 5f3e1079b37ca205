/** One model from elsewhere: what it is, and what became of each of its layers. */
import { useCallback } from 'preact/hooks';
import { runYaml } from '@murmuration/client/run-yaml';
import type { ModelId } from '@murmuration/protocol';
import { announce } from '../announcer.ts';
import { ModelFacts } from '../parts/model-facts.tsx';
import { ModelReport } from '../parts/model-report.tsx';
import { Trouble } from '../parts/trouble.tsx';
import { useWishes } from '../parts/wishes.ts';
import { usePolled } from '../polled.ts';
import { addressOf, goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { models as text } from '../strings-models.ts';
import { Removal } from './models.tsx';

export function ModelScreen({ modelId }: { readonly modelId: ModelId }) {
  const { known, trouble } = usePolled(
    useCallback(() => api.model(modelId), [modelId]),
    () => null,
  );
  const { failure, act } = useWishes(() => Promise.resolve());
  const remove = () =>
    act(async () => {
      await api.deleteModel(modelId);
      announce(text.removed(known!.name));
      goTo({ screen: 'models' });
    });
  return (
    <>
      <p class="back">
        <a href={addressOf({ screen: 'models' })}>← {text.back}</a>
      </p>
      {known === null &&
        (trouble === '' ? (
          <p class="note">{strings.loading}</p>
        ) : (
          <Trouble text={`${text.unknown} ${trouble}`} />
        ))}
      {known !== null && (
        <>
          <div class="titled">
            <h1>{known.name}</h1>
            <div class="actions">
              <a role="button" href={addressOf({ screen: 'new-run', modelId })}>
                {text.launch}
              </a>
              <Removal model={known} onYes={remove} />
            </div>
          </div>
          <Trouble text={failure} />
          <section class="card" aria-label={text.heading}>
            <ModelFacts model={known} />
          </section>
          <section class="card" aria-labelledby="report-heading">
            <h2 id="report-heading">{text.report}</h2>
            <ModelReport report={known.report} />
            <details>
              <summary>{text.description}</summary>
              {/* It may be wider than the page, and is scrolled by keyboard too. */}
              <pre tabIndex={0}>{runYaml({ model: known.model })}</pre>
            </details>
          </section>
        </>
      )}
    </>
  );
}
