/** Samples of the run with what the model makes of them now: the shortest way to see what all the work is for. */
import { useEffect, useRef } from 'preact/hooks';
import type { Examples, Picture } from '../examples.ts';
import { percentText } from '../format.ts';
import { strings } from '../strings/index.ts';

const text = strings.examples;

export function ExampleGuesses({ examples }: { readonly examples: Examples }) {
  const { pictures, guesses } = examples;
  const rightCount = guesses?.filter(({ label }, index) => label === pictures[index]!.label).length ?? 0;
  return (
    <section class="card" aria-labelledby="examples-heading">
      <h2 id="examples-heading">{text.heading}</h2>
      <p class="note">
        {guesses === null ? text.waiting : `${text.score(rightCount, pictures.length)}. ${text.note}`}
      </p>
      <ul class="examples">
        {pictures.map((picture, index) => {
          const guess = guesses?.[index];
          const isRight = guess?.label === picture.label;
          return (
            <li key={index} class={guess === undefined ? undefined : isRight ? 'right' : 'wrong'}>
              <Shown picture={picture} width={examples.width} height={examples.height} />
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
  readonly picture: Picture;
  readonly width: number;
  readonly height: number;
}

function Shown({ picture, width, height }: ShownProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const brush = canvas.current?.getContext('2d');
    if (brush === null || brush === undefined) return;
    const image = brush.createImageData(width, height);
    for (const [i, value] of picture.pixels.entries()) image.data.set([value, value, value, 255], 4 * i);
    brush.putImageData(image, 0, 0);
  }, [picture]);
  return (
    <canvas
      ref={canvas}
      width={width}
      height={height}
      role="img"
      aria-label={text.sample(String(picture.label))}
    />
  );
}
