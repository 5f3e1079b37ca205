/** What leaves: the best model so far in the formats that load elsewhere, the curve, and where the model comes from. */
import { exportPath, type ExportName } from '@murmuration/client';
import type { RunView } from '@murmuration/protocol';
import { countText, percentText } from '../format.ts';
import { strings } from '../strings.ts';

const text = strings.downloads;

export function Downloads({ run }: { readonly run: RunView }) {
  const { best, manifest } = run;
  const address = (name: ExportName) => exportPath(manifest.id, name);
  return (
    <section class="card" aria-labelledby="downloads-heading">
      <h2 id="downloads-heading">{text.heading}</h2>
      {best === null ? (
        <p class="note">{text.none}</p>
      ) : (
        <>
          <p>{text.which(countText(best.round), percentText(best.accuracy))}</p>
          <ul class="downloads">
            <li>
              <a role="button" class="outline" href={address('tfjsModel')} download>
                {text.tfjsModel}
              </a>
              <a role="button" class="outline" href={address('tfjsWeights')} download>
                {text.tfjsWeights}
              </a>
              <small>{text.tfjsNote}</small>
            </li>
            <li>
              <a role="button" class="outline" href={address('keras')} download>
                {text.keras}
              </a>
              <small>{text.kerasNote}</small>
            </li>
            <li>
              <a role="button" class="outline" href={address('safetensors')} download>
                {text.safetensors}
              </a>
              <small>{text.safetensorsNote}</small>
            </li>
            <li>
              <a role="button" class="outline" href={address('metricsCsv')} download>
                {text.metricsCsv}
              </a>
              <a role="button" class="outline" href={address('metricsJson')} download>
                {text.metricsJson}
              </a>
              <small>{text.metricsNote}</small>
            </li>
            <li>
              <a role="button" class="outline" href={address('manifest')} download>
                {text.manifest}
              </a>
              <a role="button" class="outline" href={address('card')} download>
                {text.card}
              </a>
              <small>{text.papersNote}</small>
            </li>
          </ul>
          <p class="note">{text.checkpoint}</p>
          <p>
            <code>{best.sha256}</code>
          </p>
          <p class="note">{text.snippet}</p>
          <pre tabIndex={0} aria-label={text.snippet}>
            {`from safetensors.numpy import load_file\nweights = load_file("model.safetensors")`}
          </pre>
        </>
      )}
    </section>
  );
}
