/** Samples of the run with what the model makes of them now: the shortest way to see what all the work is for. */
import { useEffect, useRef } from 'preact/hooks';
import type { Examples } from '../examples.ts';
import { percentText } from '../format.ts';
import { strings } from '../strings/index.ts';

const text = strings.examples;

export function ExampleGuesses({ examples }: { readonly examples: Examples }) {
  const { pictures, guesses, drawn } = examples;
  const rightCount = guesses?.filter(({ label }, index) => label === pictures[index]!.label).length ?? 0;
  const size = { width: examples.width, height: examples.height };
  return (
    <section class="card" aria-labelledby="examples-heading">
      <h2 id="examples-heading">{text.heading}</h2>
      <p class="note">
        {drawn !== null
          ? text.drawnNote
          : guesses === null
            ? text.waiting
            : `${text.score(rightCount, pictures.length)}. ${text.note}`}
      </p>
      <ul class="examples">
        {pictures.map((picture, index) => {
          const guess = guesses?.[index];
          const isRight = guess?.label === picture.label;
          return (
            <li key={index} class={guess === undefined ? undefined : isRight ? 'right' : 'wrong'}>
              <Shown {...size} pixels={picture.pixels} label={text.sample(String(picture.label))} />
              {drawn?.[index] !== undefined && (
                <Shown {...size} pixels={drawn[index]} label={text.drawn(String(picture.label))} />
              )}
              {guess !== undefined && (
                <small
                  title={
                    isRight
                      ? text.right(String(guess.label), percentText(guess.sureness))
                      : text.wrong(String(guess.label), percentText(guess.sureness), String(picture.label))
                  }
                >
                  {isRight ? '✓' : '✗'} {guess.label}
                </small>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

interface ShownProps {
  /** Grey, 0..255, row by row. */
  readonly pixels: Uint8Array;
  readonly label: string;
  readonly width: number;
  readonly height: number;
}

function Shown({ pixels, label, width, height }: ShownProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const brush = canvas.current?.getContext('2d');
    if (brush === null || brush === undefined) return;
    const image = brush.createImageData(width, height);
    for (const [i, value] of pixels.entries()) image.data.set([value, value, value, 255], 4 * i);
    brush.putImageData(image, 0, 0);
  }, [pixels]);
  return <canvas ref={canvas} width={width} height={height} role="img" aria-label={label} />;
}
