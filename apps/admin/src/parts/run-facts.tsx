/** How far a run is and what it is, on its own page and on the public one. */
import { Fact } from './fact.tsx';

export const Progress = ({ share, label }: { readonly share: number; readonly label: string }) => (
  <div class="progress">
    <progress max={1} value={share} aria-label={label} />
    <span>{Math.round(share * 100)} %</span>
  </div>
);

/** A number that is read from afar, and what it means; an empty note is none. */
export const Figure = ({
  name,
  value,
  note,
}: {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}) => (
  <Fact name={name}>
    <strong>{value}</strong>
    {note !== '' && <span>{note}</span>}
  </Fact>
);

interface DetailsProps {
  readonly heading: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

export const DetailsCard = ({ heading, rows }: DetailsProps) => (
  <section class="card" aria-labelledby="details-heading">
    <h2 id="details-heading">{heading}</h2>
    <dl class="facts-list">
      {rows.map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </dl>
  </section>
);
