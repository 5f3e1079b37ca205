/** One press: the built-in digits and a run on them. */
import { useState } from 'preact/hooks';
import { DEFAULT_TRAINING, parameterLayout, presetModel } from '@murmuration/protocol';
import { countText, percentText } from '../format.ts';
import { goTo } from '../route.ts';
import { api } from '../session.ts';
import { strings } from '../strings.ts';
import { messageOf, Trouble } from './trouble.tsx';

const text = strings.examples;
/** The presets that begin well on the built-in digits. */
const EXAMPLES = ['mlp', 'cnn'] as const;
type ExamplePreset = (typeof EXAMPLES)[number];
/** The built-in digits' shape and classes. */
const DIGITS = { shape: [28, 28, 1], classCount: 10 } as const;

export const Examples = () => (
  <section aria-labelledby="examples-heading">
    <h2 id="examples-heading">{strings.runs.examplesHeading}</h2>
    <div class="examples">
      {EXAMPLES.map((preset) => (
        <Example key={preset} preset={preset} />
      ))}
    </div>
  </section>
);

function Example({ preset }: { readonly preset: ExamplePreset }) {
  const [step, setStep] = useState<keyof typeof text.starting>('idle');
  const [trouble, setTrouble] = useState('');
  const { parameterCount } = parameterLayout(presetModel(preset, DIGITS.shape, DIGITS.classCount));
  const start = async () => {
    setTrouble('');
    try {
      setStep('dataset');
      const dataset = await api.createDataset({ kind: 'digits' });
      setStep('run');
      const run = await api.createRun({ name: text[preset].runName, datasetId: dataset.id, model: preset });
      goTo({ screen: 'run', runId: run.manifest.id });
    } catch (reason) {
      setTrouble(messageOf(reason));
      setStep('idle');
    }
  };
  return (
    <article class="card example" aria-label={text[preset].title}>
      <ModelDrawing preset={preset} />
      <h3>{text[preset].title}</h3>
      <p>{text[preset].text}</p>
      <p class="note">
        {text.parameters(countText(parameterCount))} ·{' '}
        {text.target(percentText(DEFAULT_TRAINING.targetAccuracy))}
      </p>
      <button type="button" disabled={step !== 'idle'} aria-busy={step !== 'idle'} onClick={start}>
        {text.starting[step]}
      </button>
      <Trouble text={trouble} />
    </article>
  );
}

/** The layers as bars of their width: decorative. */
const LAYERS: Readonly<Record<ExamplePreset, readonly number[]>> = {
  mlp: [44, 26, 10],
  cnn: [44, 34, 30, 22, 18, 10],
};

const ModelDrawing = ({ preset }: { readonly preset: ExamplePreset }) => (
  <svg class="drawing" viewBox="0 0 160 56" width="160" height="56" aria-hidden="true">
    {LAYERS[preset].map((height, index) => (
      <rect key={index} x={index * 24} y={28 - height / 2} width="12" height={height} rx="3" />
    ))}
  </svg>
);
