/** The best model so far, in the two formats that load elsewhere. */
import type { RunView } from '@murmuration/protocol';
import { exportAddress } from '../api.ts';
import { countText, percentText } from '../format.ts';
import { strings } from '../strings.ts';

const text = strings.downloads;

export function Downloads({ run }: { readonly run: RunView }) {
  const { best, manifest } = run;
  const address = exportAddress(manifest.id);
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
              <a role="button" class="outline" href={address.tfjsModel} download>
                {text.tfjsModel}
              </a>
              <a role="button" class="outline" href={address.tfjsWeights} download>
                {text.tfjsWeights}
              </a>
              <small>{text.tfjsNote}</small>
            </li>
            <li>
              <a role="button" class="outline" href={address.safetensors} download>
                {text.safetensors}
              </a>
              <small>{text.safetensorsNote}</small>
            </li>
          </ul>
          <p class="note">{text.snippet}</p>
          <pre tabIndex={0} aria-label={text.snippet}>
            {`from safetensors.numpy import load_file\nweights = load_file("${address.fileName}")`}
          </pre>
        </>
      )}
    </section>
  );
}
