/** Class balance, columns with their spread and what is missing, and the spread of all values of pictures. */
import type { Preview } from '@murmuration/protocol';
import { countText, lossText } from '../format.ts';
import { data } from '../strings-launch.ts';

const text = data.preview;
const HEIGHT = 32;
const WIDTH = 128;

/** A drawing for eyes; the words beside it say the same. */
function Histogram({ counts, label }: { readonly counts: readonly number[]; readonly label: string }) {
  const most = Math.max(1, ...counts);
  const width = WIDTH / Math.max(1, counts.length);
  return (
    <svg class="histogram" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {counts.map((count, index) => {
        // What is there at all stays visible.
        const height = count === 0 ? 0 : Math.max(1, (HEIGHT * count) / most);
        return (
          <rect
            key={index}
            x={index * width + width * 0.1}
            y={HEIGHT - height}
            width={width * 0.8}
            height={height}
          />
        );
      })}
    </svg>
  );
}

export function ClassBalance({ classes }: { readonly classes: NonNullable<Preview['classes']> }) {
  const sizes = classes.map(({ train, validation }) => train + validation);
  const most = Math.max(1, ...sizes);
  return (
    <section class="card" aria-labelledby="classes-heading">
      <h2 id="classes-heading">{text.classes}</h2>
      <p class="note">
        {text.classesSummary(countText(classes.length), countText(most), countText(Math.min(...sizes)))}
      </p>
      <div class="scrolling" tabIndex={0} role="region" aria-labelledby="classes-heading">
        <table class="balance">
          <thead>
            <tr>
              <th scope="col">{text.class}</th>
              <th scope="col">{text.train}</th>
              <th scope="col">{text.heldOut}</th>
              <td />
            </tr>
          </thead>
          <tbody>
            {classes.map(({ name, train, validation }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{countText(train)}</td>
                <td>{countText(validation)}</td>
                <td>
                  <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={(100 * train) / most} height="10" />
                    <rect
                      class="held-out"
                      x={(100 * train) / most}
                      width={(100 * validation) / most}
                      height="10"
                    />
                  </svg>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export function ColumnTable({ preview: { columns } }: { readonly preview: Preview }) {
  return (
    <section class="card" aria-labelledby="columns-heading">
      <h2 id="columns-heading">{text.columns}</h2>
      <p class="note">{text.columnsNote(countText(columns.length))}</p>
      <div class="scrolling" tabIndex={0} role="region" aria-labelledby="columns-heading">
        <table>
          <thead>
            <tr>
              <th scope="col">{text.column}</th>
              <th scope="col">{text.spread}</th>
              <th scope="col">{text.values}</th>
              <th scope="col">{text.missing}</th>
            </tr>
          </thead>
          <tbody>
            {columns.map((column) => (
              <tr key={column.name}>
                <th scope="row">{column.name}</th>
                {column.kind === 'number' ? (
                  <>
                    <td>
                      <Histogram
                        counts={column.histogram}
                        label={text.histogram(lossText(column.min), lossText(column.max))}
                      />
                    </td>
                    <td>
                      {lossText(column.min)} … {lossText(column.max)}
                      <small>{text.number(lossText(column.mean), lossText(column.stdDev))}</small>
                    </td>
                  </>
                ) : (
                  <>
                    <td>
                      <Histogram
                        counts={column.categories.map(({ count }) => count)}
                        label={column.categories.map(({ name }) => name).join(', ')}
                      />
                    </td>
                    <td>
                      {column.categories
                        .slice(0, 4)
                        .map(({ name, count }) => `${name} (${countText(count)})`)
                        .join(', ')}
                      {column.categories.length > 4 && ' …'}
                    </td>
                  </>
                )}
                <td class={column.missing > 0 ? 'some' : undefined}>{countText(column.missing)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

export const ValueSpread = ({ values }: { readonly values: NonNullable<Preview['values']> }) => (
  <section class="card" aria-labelledby="values-heading">
    <h2 id="values-heading">{text.pixels}</h2>
    <Histogram counts={values.histogram} label={text.histogram(lossText(values.min), lossText(values.max))} />
    <p class="note">
      {lossText(values.min)} … {lossText(values.max)}
    </p>
  </section>
);
