/** The first rows of a dataset's source: pictures, cells or text, each with what is to be predicted. */
import type { DatasetManifest, Preview } from '@murmuration/protocol';
import { lossText } from '../format.ts';
import { data } from '../strings-launch.ts';
import { Picture } from './picture.tsx';

const text = data.preview;
type Sample = Preview['samples'][number];

interface Props {
  readonly preview: Preview;
  readonly dataset: DatasetManifest;
}

export function FirstRows({ preview: { samples, columns }, dataset }: Props) {
  const kind = samples[0]!.input.kind;
  return (
    <section class="card" aria-labelledby="rows-heading">
      <h2 id="rows-heading">{text.samples}</h2>
      {kind === 'bytes' && <Pictures samples={samples} dataset={dataset} />}
      {kind === 'row' && <Rows samples={samples} names={columns.map(({ name }) => name)} />}
      {kind === 'text' && <Texts samples={samples} />}
    </section>
  );
}

const targetText = ({ target }: Sample): string =>
  target === null ? '' : typeof target === 'string' ? target : target.map(lossText).join(', ');

function Pictures({
  samples,
  dataset: { sampleShape },
}: { readonly samples: readonly Sample[] } & Pick<Props, 'dataset'>) {
  const [height = 1, width = 1, channels = 1] = sampleShape;
  return (
    <div class="pictures">
      {samples.map((sample, index) => (
        <figure key={index} role="figure" aria-label={`${targetText(sample)}, ${text.side[sample.side]}`}>
          {sample.input.kind === 'bytes' && (
            <Picture bytes={sample.input.base64} width={width} height={height} channels={channels} />
          )}
          <figcaption>{targetText(sample)}</figcaption>
        </figure>
      ))}
    </div>
  );
}

const Rows = ({
  samples,
  names,
}: {
  readonly samples: readonly Sample[];
  readonly names: readonly string[];
}) => (
  <div class="scrolling" tabIndex={0} role="region" aria-labelledby="rows-heading">
    <table>
      <thead>
        <tr>
          <th scope="col">{text.sample}</th>
          {names.map((name) => (
            <th scope="col" key={name}>
              {name}
            </th>
          ))}
          <th scope="col">{text.predicted}</th>
        </tr>
      </thead>
      <tbody>
        {samples.map((sample, index) => (
          <tr key={index}>
            <th scope="row">
              {index + 1} <small>{text.side[sample.side]}</small>
            </th>
            {sample.input.kind === 'row' &&
              sample.input.cells.slice(0, names.length).map((cell, at) => (
                <td key={at} class={cell === null ? 'some' : undefined}>
                  {cell ?? text.empty}
                </td>
              ))}
            <td>{targetText(sample)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const Texts = ({ samples }: { readonly samples: readonly Sample[] }) => (
  <ol class="texts">
    {samples.map(({ input }, index) => (
      <li key={index}>{input.kind === 'text' && <pre tabIndex={0}>{input.text}</pre>}</li>
    ))}
  </ol>
);
