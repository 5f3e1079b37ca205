/** A look at the data: a few samples, drawn, with their labels. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { DatasetManifest, DatasetSamples } from '@murmuration/protocol';
import { api } from '../session.ts';
import { strings } from '../strings.ts';

const text = strings.samples;
const SAMPLE_COUNT = 50;

type Known =
  { readonly kind: 'asking' | 'failed' } | { readonly kind: 'samples'; readonly samples: DatasetSamples };

export function DatasetSamplesCard({ dataset }: { readonly dataset: DatasetManifest }) {
  const [known, setKnown] = useState<Known>({ kind: 'asking' });
  useEffect(() => {
    let isWanted = true;
    api.samples(dataset.id, SAMPLE_COUNT).then(
      (samples) => isWanted && setKnown({ kind: 'samples', samples }),
      () => isWanted && setKnown({ kind: 'failed' }),
    );
    return () => {
      isWanted = false;
    };
  }, [dataset.id]);
  return (
    <section class="card" aria-labelledby="samples-heading">
      <h2 id="samples-heading">{text.heading}</h2>
      {known.kind === 'asking' && <p class="note">{strings.loading}</p>}
      {known.kind === 'failed' && <p class="trouble">{text.failed}</p>}
      {known.kind === 'samples' && <Samples samples={known.samples} name={dataset.name} />}
    </section>
  );
}

function Samples({
  samples: { sampleShape, samples },
  name,
}: {
  readonly samples: DatasetSamples;
  readonly name: string;
}) {
  const [height = 1, width = 1] = sampleShape;
  return (
    <figure role="figure" aria-label={text.summary(samples.length, name)} class="samples">
      {samples.map(({ label, pixels }, index) => (
        <div key={index}>
          <Picture pixels={pixels} width={width} height={height} />
          <span>{label}</span>
        </div>
      ))}
    </figure>
  );
}

interface PictureProps {
  /** Base64 of unsigned bytes, row-major; 0 is paper, 255 is ink. Further channels are not shown. */
  readonly pixels: string;
  readonly width: number;
  readonly height: number;
}

function Picture({ pixels, width, height }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const brush = canvas.current?.getContext('2d');
    if (!brush) return;
    const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
    const channels = Math.max(1, Math.round(bytes.length / (width * height)));
    const image = brush.createImageData(width, height);
    // Ink as transparency over paper; the dark theme inverts both (style/forms.css).
    for (let i = 0; i < width * height; i++) image.data[i * 4 + 3] = bytes[i * channels] ?? 0;
    brush.putImageData(image, 0, 0);
  }, [pixels, width, height]);
  return <canvas ref={canvas} width={width} height={height} aria-hidden="true" />;
}
