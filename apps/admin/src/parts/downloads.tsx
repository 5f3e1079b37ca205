/** What leaves: the best model so far in the formats that load elsewhere, the curve, and where the model comes from. */
import { useState } from 'preact/hooks';
import { exportPath, type ExportName } from '@murmuration/client';
import type { ExportList, RunId, RunManifest, RunView } from '@murmuration/protocol';
import { bestText, bytesText, countText, percentText } from '../format.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { TableHead } from './table-head.tsx';
import { messageOf, Trouble } from './trouble.tsx';

const text = strings.downloads;

/** Files that belong together, with what one should know of them. */
const SHELVES = [
  { files: ['tfjsModel', 'tfjsWeights'], note: 'tfjsNote' },
  { files: ['keras'], note: 'kerasNote' },
  { files: ['encoderKeras', 'decoderKeras'], note: 'partsNote' },
  { files: ['safetensors'], note: 'safetensorsNote' },
  { files: ['metricsCsv', 'metricsJson'], note: 'metricsNote' },
  { files: ['manifest', 'card'], note: 'papersNote' },
] as const satisfies readonly { files: readonly ExportName[]; note: keyof typeof text }[];

/** Only a model that gives its input again has the two parts. */
const shelvesOf = ({ training }: RunManifest) =>
  SHELVES.filter(({ note }) => note !== 'partsNote' || training.objective === 'autoencoding');

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
          <p>{text.which(countText(best.round), measuredOf(best))}</p>
          <ul class="downloads">
            {shelvesOf(manifest).map(({ files, note }) => (
              <li key={note}>
                {files.map((file) => (
                  <a key={file} role="button" class="outline" href={address(file)} download>
                    {text[file]}
                  </a>
                ))}
                <small>{text[note]}</small>
              </li>
            ))}
          </ul>
          <Sizes key={best.sha256} runId={manifest.id} />
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

const measuredOf = (best: NonNullable<RunView['best']>): string =>
  best.accuracy === null ? bestText(best) : text.whichAccuracy(percentText(best.accuracy));

/** Asked for when somebody looks: the coordinator makes every file for it. */
function Sizes({ runId }: { readonly runId: RunId }) {
  const [list, setList] = useState<ExportList | null>(null);
  const [trouble, setTrouble] = useState('');
  const ask = () => {
    setTrouble('');
    api.exports(runId).then(setList, (reason: unknown) => setTrouble(messageOf(reason)));
  };
  const { file } = text;
  return (
    <details
      onToggle={({ currentTarget }) => {
        if (currentTarget.open && list === null) ask();
      }}
    >
      <summary>{text.sizes}</summary>
      <Trouble text={trouble} />
      {list === null && trouble === '' && <p class="note">{text.sizesAsked}</p>}
      {list !== null && (
        <>
          <p class="note">{text.sizesOf(countText(list.checkpoint.round))}</p>
          <table role="table" class="stacking hashes">
            <TableHead heads={Object.values(file)} />
            <tbody role="rowgroup">
              {list.files.map(({ name, byteLength, sha256 }) => (
                <tr role="row" key={name}>
                  <th scope="row" role="rowheader">
                    {name}
                  </th>
                  <td role="cell" data-head={file.size}>
                    {bytesText(byteLength)}
                  </td>
                  <td role="cell" data-head={file.sha256}>
                    <code>{sha256}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </details>
  );
}
